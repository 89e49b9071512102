import Archives
import Tensors

/// Images and labels as NumPy arrays: two `.npy` files beside each other, or one `.npz`.
package enum NumPyReader: DatasetReader {
  package static let name = "numpy"
  package static let summary =
    "NumPy arrays: x_train.npy and y_train.npy, x_test.npy and y_test.npy, or one .npz with these"

  package static func fileNames(_ split: Split) -> [String] {
    let part = split.rawValue
    return ["x_\(part).npy", "\(part)_images.npy", "\(part).npz", "an only .npz"]
  }

  package static func accepts(fileName: String) -> Bool { fileName.hasSuffix(".npy") || fileName.hasSuffix(".npz") }

  package static func select(_ names: [String], split: Split) -> [String] {
    let archives = names.filter { $0.hasSuffix(".npz") }
    for pair in ArrayNames.known where pair.split == split && names.contains(pair.images + ".npy") {
      return [pair.images + ".npy"]
    }
    let named = archives.filter { $0.hasPrefix(split.rawValue) }
    if !named.isEmpty { return named }
    let other = Split.allCases.filter { $0 != split }.map(\.rawValue)
    let unnamed = archives.filter { name in !other.contains { name.hasPrefix($0) } }
    if !unnamed.isEmpty { return unnamed }
    // Arrays that name no part are taken for training, where nobody is fooled by them.
    guard split == .train else { return [] }
    let found = ArrayNames.known.first { $0.split == nil && names.contains($0.images + ".npy") }
    return found.map { [$0.images + ".npy"] } ?? []
  }

  package static func read(_ paths: [String], _ request: DatasetRequest) throws(DatasetError) -> any Dataset {
    guard paths.count == 1 else {
      throw .ambiguous(DatasetFinder.folder(paths[0]), candidates: paths.map(DatasetFinder.fileName))
    }
    let path = paths[0]
    return path.hasSuffix(".npz") ? try readArchive(path, split: request.split) : try readArray(path)
  }

  private static func readArray(_ path: String) throws(DatasetError) -> any Dataset {
    let images = try NumPyArray(FileBytes.read(path), path: path)
    let stem = String(DatasetFinder.fileName(path).dropLast(4))
    var labels: NumPyArray?
    for pair in ArrayNames.known where pair.images == stem {
      let beside = DatasetFinder.folder(path) + pair.labels + ".npy"
      guard FileBytes.exists(beside) else { continue }
      labels = try NumPyArray(FileBytes.read(beside), path: beside)
      break
    }
    return try dataset(images: images, labels: labels, name: path)
  }

  private static func readArchive(_ path: String, split: Split) throws(DatasetError) -> any Dataset {
    return try dataset(of: archive(FileBytes.read(path), path: path), path: path, split: split)
  }

  static func archive(_ file: [UInt8], path: String) throws(DatasetError) -> ZipArchive {
    do { return try ZipArchive(file, path: path) } catch { throw DatasetError(error) }
  }

  /// - Parameter path: the place for messages.
  static func dataset(of archive: ZipArchive, path: String, split: Split) throws(DatasetError) -> any Dataset {
    var entries: [String: ZipArchive.Entry] = [:]
    for entry in archive.entries where entry.name.hasSuffix(".npy") { entries[String(entry.name.dropLast(4))] = entry }
    func array(_ name: String) throws(DatasetError) -> NumPyArray? {
      guard let entry = entries[name] else { return nil }
      let bytes: [UInt8]
      do throws(ArchiveError) {
        bytes = try archive.bytes(of: entry)
      } catch {
        throw DatasetError(error)
      }
      return try NumPyArray(bytes, path: "\(path): \(entry.name)")
    }
    let chosen = try ArrayNames.choose(from: entries.keys.sorted(), split: split, path: path)
    guard let images = try array(chosen.images) else { throw .empty(path) }
    return try dataset(images: images, labels: chosen.labels.flatMap(array), name: path)
  }

  /// Images with their labels, whichever file they come from.
  static func dataset(
    images: NumPyArray, labels: NumPyArray?, name: String
  ) throws(DatasetError) -> any Dataset {
    let layout = try ImageLayout(of: images.dimensions, at: images.path)
    var numbers: [Int32]?
    if let labels {
      let dimensions = labels.dimensions
      guard dimensions.count == 1 || dimensions.count == 2 && dimensions[1] == 1 else {
        throw .labelShape(labels.path, dimensions)
      }
      guard dimensions[0] == layout.count else {
        throw .countsDiffer(images.path, images: layout.count, labelsPath: labels.path, labels: dimensions[0])
      }
      numbers = try labels.labels()
    }
    let pixels: ImageArray.Pixels =
      if let bytes = images.bytes { .bytes(layout.planar(bytes)) } else { .floats(layout.planar(images.floats)) }
    return ImageArray(name: name, imageShape: layout.imageShape, pixels: pixels, labels: numbers)
  }
}
