/// What arrays of images and of labels are called, in archives, in HDF5 files and beside each other.
struct ArrayNames: Hashable, Sendable {
  let images: String
  let labels: String
  /// The part that these names name; nil where they name none.
  let split: Split?

  private init(_ images: String, _ labels: String, _ split: Split?) {
    self.images = images
    self.labels = labels
    self.split = split
  }

  /// In the order in which they are looked for. Images for validation stand for those for testing, where none of these
  /// are.
  static let known: [ArrayNames] =
    Split.allCases.flatMap { split in
      (split == .train ? ["train"] : ["test", "val", "valid"]).flatMap { part in
        [
          ("x_\(part)", "y_\(part)"), ("X_\(part)", "y_\(part)"), ("X_\(part)", "Y_\(part)"),
          ("\(part)_images", "\(part)_labels"), ("images_\(part)", "labels_\(part)"), ("\(part)_x", "\(part)_y"),
          ("\(part)_set_x", "\(part)_set_y"), ("\(part)/images", "\(part)/labels"), ("\(part)/x", "\(part)/y"),
          ("\(part)/X", "\(part)/y"),
        ].map { ArrayNames($0.0, $0.1, split) }
      }
    }
    + [
      ("images", "labels"), ("x", "y"), ("X", "y"), ("X", "Y"), ("data", "labels"), ("data", "label"),
      ("data", "target"), ("arr_0", "arr_1"),
    ].map { ArrayNames($0.0, $0.1, nil) }

  /// Those of a part, and then those that name no part.
  static func wanted(_ split: Split) -> [ArrayNames] {
    known.filter { $0.split == split } + known.filter { $0.split == nil }
  }

  /// The names of images that a person is told of.
  static func told(_ split: Split) -> [String] {
    var seen: Set<String> = []
    return wanted(split).map(\.images).filter { name in
      !name.contains("val") && !name.contains("_set_") && seen.insert(name).inserted
    }
  }

  /// Which arrays of a file are the part that is wanted: by their names or, where there is but one, that one.
  ///
  /// Throws where the file holds another part only, or none of these names.
  static func choose(
    from names: [String], split: Split, path: String
  ) throws(DatasetError) -> (images: String, labels: String?) {
    let present = Set(names)
    for group in [known.filter { $0.split == split }, known.filter { $0.split == nil }] {
      let found = group.filter { present.contains($0.images) }
      if let pair = found.first(where: { present.contains($0.labels) }) { return (pair.images, pair.labels) }
      if let first = found.first { return (first.images, nil) }
    }
    if known.contains(where: { $0.split != nil && present.contains($0.images) }) {
      throw .noPart(path, split: split, lookedFor: told(split).filter { $0.contains(split.rawValue) })
    }
    guard names.count == 1 else { throw .missingArray(path, lookedFor: told(split), found: names.sorted()) }
    return (names[0], nil)
  }
}
