import Foundation
import Tensors

/// JPEG and PNG files in folders: a folder a class, whose number is its place among their sorted names.
///
///     photographs/train/cat/1.jpg    photographs/test/cat/9.png    or without the parts: photographs/cat/1.jpg
///
/// A folder of images without folders of classes has no labels. What the parts are called: `train` or `training`;
/// `test`, `val`, `valid` or `validation`.
package enum ImageFolderReader: DatasetReader {
  package static let name = "images"
  package static let summary =
    "JPEG and PNG files in folders: a folder a class, in train/ and test/ or val/ where there are parts"

  package static func fileNames(_ split: Split) -> [String] { ["\(split.rawValue)/CLASS/*.jpg|jpeg|png"] }

  private static let fileExtensions = ["jpg", "jpeg", "png"]
  private static let trainingNames = ["train", "training"]
  private static let testNames = ["test", "val", "valid", "validation"]

  package static func accepts(fileName: String) -> Bool {
    guard let dot = fileName.lastIndex(of: "."), !fileName.hasPrefix(".") else { return false }
    return fileExtensions.contains(fileName[fileName.index(after: dot)...].lowercased())
  }

  package static func select(_ names: [String], split: Split) -> [String] { names }

  package static func read(_ paths: [String], _ request: DatasetRequest) throws(DatasetError) -> any Dataset {
    let name = paths.count == 1 ? paths[0] : DatasetFinder.folder(paths[0])
    return try ImageFiles.open(paths.map { (path: $0, label: nil) }, classCount: nil, name: name, request)
  }

  package static func openFolder(
    _ path: String, names: [String], _ request: DatasetRequest
  ) throws(DatasetError) -> (any Dataset)? {
    let folders = folders(in: path, names)
    let parts = folders.filter { (trainingNames + testNames).contains($0.lowercased()) }
    guard !parts.isEmpty, parts.count == folders.count else {
      return try openPart(path, classes: nil, request)
    }
    let training = parts.first { trainingNames.contains($0.lowercased()) }
    let trainingFolder = training.map { DatasetFinder.join(path, $0) }
    guard request.split == .test else {
      guard let trainingFolder else { throw noPart(path, request) }
      return try openPart(trainingFolder, classes: nil, request)
    }
    let candidates = testNames.compactMap { name in parts.first { $0.lowercased() == name } }
      .map { DatasetFinder.join(path, $0) }
    // A test part without labels, as some collections have it, says less than a validation part with them.
    guard var chosen = candidates.first else { throw noPart(path, request) }
    for candidate in candidates {
      guard try classes(in: candidate).isEmpty else {
        chosen = candidate
        break
      }
    }
    guard let trainingFolder else { return try openPart(chosen, classes: nil, request) }
    return try openPart(chosen, classes: (trainingFolder, classes(in: trainingFolder)), request)
  }

  private static func noPart(_ path: String, _ request: DatasetRequest) -> DatasetError {
    .noPart(path, split: request.split, lookedFor: fileNames(request.split))
  }

  /// A folder of classes, or one of images without labels; nil where it holds no image.
  ///
  /// - Parameter classes: the classes of the training part and where it lies: what this part's numbers are of.
  private static func openPart(
    _ path: String, classes training: (folder: String, names: [String])?, _ request: DatasetRequest
  ) throws(DatasetError) -> (any Dataset)? {
    let loose = try FileBytes.list(path)?.filter(accepts) ?? []
    let found = try classes(in: path)
    guard !found.isEmpty else {
      let paths = loose.map { DatasetFinder.join(path, $0) }
      return paths.isEmpty
        ? nil : try ImageFiles.open(paths.map { ($0, nil) }, classCount: nil, name: path, request)
    }
    if let example = loose.first { throw .looseImages(path, example: example) }
    // Without classes in the training part there are no numbers to agree with.
    let names = training.map { $0.names.isEmpty ? found : $0.names } ?? found
    let unknown = found.filter { !names.contains($0) }
    guard unknown.isEmpty else { throw .unknownClasses(path, unknown, training: training?.folder ?? path) }
    var files: [(path: String, label: Int32?)] = []
    for (label, name) in names.enumerated() where found.contains(name) {
      files += try images(below: DatasetFinder.join(path, name)).map { ($0, Int32(label)) }
    }
    return try ImageFiles.open(files, classCount: names.count, name: path, request)
  }

  /// The names of the folders in a folder that hold images, sorted.
  private static func classes(in path: String) throws(DatasetError) -> [String] {
    var found: [String] = []
    for name in folders(in: path, try FileBytes.list(path) ?? []) {
      if try !images(below: DatasetFinder.join(path, name)).isEmpty { found.append(name) }
    }
    return found
  }

  private static func folders(in path: String, _ names: [String]) -> [String] {
    names.filter { !$0.hasPrefix(".") && FileBytes.isFolder(DatasetFinder.join(path, $0)) }
  }

  /// All images in a folder and in the folders in it, sorted by their paths, name by name.
  private static func images(below path: String, depth: Int = 0) throws(DatasetError) -> [String] {
    let names = try FileBytes.list(path) ?? []
    var paths: [String] = []
    for name in names where !name.hasPrefix(".") {
      let place = DatasetFinder.join(path, name)
      if FileBytes.isFolder(place) {
        // A link may lead back to where it lies.
        if depth < 8 { paths += try images(below: place, depth: depth + 1) }
      } else if accepts(fileName: name) {
        paths.append(place)
      }
    }
    return paths
  }
}
