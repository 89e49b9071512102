import Foundation
import Tensors

/// Images and labels as arrays of an HDF5 file, by their names or as `FILE.h5:/images,/labels`.
///
/// The library that reads such files crashes on some damaged ones and hangs on others; a process of its own reads, and
/// what it sends is taken apart here as a file of a stranger.
package enum HDF5Reader: DatasetReader {
  package static let name = "hdf5"
  package static let summary =
    "HDF5 arrays: x_train and y_train, train/images and train/labels, … or FILE.h5:/images,/labels"

  private static let fileExtensions = [".h5", ".hdf5"]

  package static func fileNames(_ split: Split) -> [String] { ["\(split.rawValue).h5", "an only .h5"] }

  package static func accepts(fileName: String) -> Bool {
    fileExtensions.contains { fileName.lowercased().hasSuffix($0) }
  }

  package static func select(_ names: [String], split: Split) -> [String] {
    let named = names.filter { $0.lowercased().hasPrefix(split.rawValue) }
    if !named.isEmpty { return named }
    let other = Split.allCases.filter { $0 != split }.map(\.rawValue)
    return names.filter { name in !other.contains { name.lowercased().hasPrefix($0) } }
  }

  package static func read(_ paths: [String], _ request: DatasetRequest) throws(DatasetError) -> any Dataset {
    guard paths.count == 1 else {
      throw .ambiguous(DatasetFinder.folder(paths[0]), candidates: paths.map(DatasetFinder.fileName))
    }
    let (file, named) = arrays(named: paths[0]) ?? (paths[0], [])
    try FileBytes.checkRegular(file)
    let process = try HDF5Process(file)
    let chosen: (images: String, labels: String?)
    if let images = named.first {
      chosen = (images, named.count > 1 ? named[1] : nil)
    } else {
      chosen = try ArrayNames.choose(from: process.arrayNames(), split: request.split, path: file)
    }
    let images = try NumPyArray(process.array(chosen.images), path: "\(file): /\(chosen.images)")
    let labels = try chosen.labels.map { name throws(DatasetError) in
      try NumPyArray(process.array(name), path: "\(file): /\(name)")
    }
    return try NumPyReader.dataset(images: images, labels: labels, name: paths[0])
  }

  /// The file and the names of its arrays in `FILE.h5:/images,/labels`, without their first slash; nil for another
  /// form.
  static func arrays(named path: String) -> (file: String, names: [String])? {
    for fileExtension in fileExtensions {
      guard let place = path.range(of: fileExtension + ":", options: [.backwards, .caseInsensitive]) else { continue }
      let names = path[place.upperBound...].split(separator: ",", omittingEmptySubsequences: false).map { name in
        String(name.drop { $0 == "/" })
      }
      guard (1...2).contains(names.count), names.allSatisfy({ !$0.isEmpty }) else { continue }
      return (String(path[..<path.index(before: place.upperBound)]), names)
    }
    return nil
  }
}
