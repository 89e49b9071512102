import Tensors

/// Images and labels as NumPy arrays: two `.npy` files beside each other, or one `.npz`.
package enum NumPyReader: DatasetReader {
  package static let name = "numpy"
  package static let summary =
    "NumPy arrays: x_train.npy and y_train.npy, x_test.npy and y_test.npy, or one .npz with these"

  /// Names of the images of a part and of their labels. The last ones name no part.
  private static let pairs: [(images: String, labels: String, split: Split?)] =
    Split.allCases.flatMap { split in
      let part = split.rawValue
      return [
        ("x_\(part)", "y_\(part)", split), ("X_\(part)", "y_\(part)", split),
        ("\(part)_images", "\(part)_labels", split), ("images_\(part)", "labels_\(part)", split),
        ("\(part)_x", "\(part)_y", split),
      ]
    } + [
      ("images", "labels", nil), ("x", "y", nil), ("X", "y", nil), ("data", "labels", nil), ("data", "target", nil),
    ]

  package static func fileNames(_ split: Split) -> [String] {
    let part = split.rawValue
    return ["x_\(part).npy", "\(part)_images.npy", "\(part).npz", "an only .npz"]
  }

  package static func accepts(fileName: String) -> Bool { fileName.hasSuffix(".npy") || fileName.hasSuffix(".npz") }

  package static func select(_ names: [String], split: Split) -> [String] {
    let archives = names.filter { $0.hasSuffix(".npz") }
    for pair in pairs where pair.split == split && names.contains(pair.images + ".npy") {
      return [pair.images + ".npy"]
    }
    let named = archives.filter { $0.hasPrefix(split.rawValue) }
    if !named.isEmpty { return named }
    let other = Split.allCases.filter { $0 != split }.map(\.rawValue)
    let unnamed = archives.filter { name in !other.contains { name.hasPrefix($0) } }
    if !unnamed.isEmpty { return unnamed }
    // Arrays that name no part are taken for training, where nobody is fooled by them.
    guard split == .train else { return [] }
    return pairs.first { $0.split == nil && names.contains($0.images + ".npy") }.map { [$0.images + ".npy"] } ?? []
  }

  package static func read(_ paths: [String], split: Split) throws(DatasetError) -> any Dataset {
    guard paths.count == 1 else {
      throw .ambiguous(DatasetFinder.folder(paths[0]), candidates: paths.map(DatasetFinder.fileName))
    }
    let path = paths[0]
    return path.hasSuffix(".npz") ? try readArchive(path, split: split) : try readArray(path)
  }

  private static func readArray(_ path: String) throws(DatasetError) -> any Dataset {
    let images = try NumPyArray(FileBytes.read(path), path: path)
    let stem = String(DatasetFinder.fileName(path).dropLast(4))
    var labels: NumPyArray?
    for pair in pairs where pair.images == stem {
      let beside = DatasetFinder.folder(path) + pair.labels + ".npy"
      guard FileBytes.exists(beside) else { continue }
      labels = try NumPyArray(FileBytes.read(beside), path: beside)
      break
    }
    return try dataset(images: images, labels: labels, name: path)
  }

  private static func readArchive(_ path: String, split: Split) throws(DatasetError) -> any Dataset {
    let archive = try ZipArchive(FileBytes.read(path), path: path)
    return try dataset(of: archive, path: path, split: split)
  }

  /// - Parameter path: the place for messages.
  static func dataset(of archive: ZipArchive, path: String, split: Split) throws(DatasetError) -> any Dataset {
    var entries: [String: ZipArchive.Entry] = [:]
    for entry in archive.entries where entry.name.hasSuffix(".npy") { entries[String(entry.name.dropLast(4))] = entry }
    func array(_ name: String) throws(DatasetError) -> NumPyArray? {
      guard let entry = entries[name] else { return nil }
      return try NumPyArray(archive.bytes(of: entry), path: "\(path): \(entry.name)")
    }
    let wanted = pairs.filter { $0.split == split } + pairs.filter { $0.split == nil }
    for pair in wanted {
      guard let images = try array(pair.images) else { continue }
      return try dataset(images: images, labels: array(pair.labels), name: path)
    }
    let names = entries.keys.sorted()
    if pairs.contains(where: { $0.split != nil && names.contains($0.images) }) {
      throw .noPart(path, split: split, lookedFor: wanted.filter { $0.split == split }.map(\.images))
    }
    guard names.count == 1, let only = try array(names[0]) else {
      throw .missingArray(path, lookedFor: wanted.map(\.images), found: names)
    }
    return try dataset(images: only, labels: nil, name: path)
  }

  private static func dataset(
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
