import Tensors

/// CIFAR-10 and CIFAR-100 in their binary versions: records of one label or two and 3 × 32 × 32 bytes, channel by
/// channel. Of CIFAR-100's two labels, of a class and of a group of classes, the class counts.
///
/// Krizhevsky, 2009, https://www.cs.toronto.edu/~kriz/cifar.html
package enum CIFARReader: DatasetReader {
  package static let name = "cifar"
  package static let summary =
    "CIFAR-10 and CIFAR-100, binary versions: data_batch_1.bin … and test_batch.bin, or train.bin and test.bin"

  private static let imageBytes = 3 * 32 * 32

  /// What a record begins with.
  private enum Kind {
    case ten, hundred
    var recordBytes: Int { imageBytes + (self == .ten ? 1 : 2) }
    var classCount: Int { self == .ten ? 10 : 100 }
  }

  package static func fileNames(_ split: Split) -> [String] {
    split == .train ? ["data_batch_1.bin … data_batch_5.bin", "train.bin"] : ["test_batch.bin", "test.bin"]
  }

  package static func accepts(fileName: String) -> Bool { fileName.hasSuffix(".bin") }

  /// Other names of `.bin` files may be anything: such a file is read where its own path is given.
  package static func select(_ names: [String], split: Split) -> [String] {
    names.filter { name in
      split == .train ? name.hasPrefix("data_batch") || name.hasPrefix("train") : name.hasPrefix("test")
    }
  }

  /// Throws where a file is no whole number of records, a label is not a class, or the files are of both kinds.
  package static func read(_ paths: [String], _ request: DatasetRequest) throws(DatasetError) -> any Dataset {
    var pixels: [UInt8] = []
    var labels: [Int32] = []
    var first: Kind?
    for path in paths {
      let bytes = try FileBytes.read(path)
      guard !bytes.isEmpty else { throw .empty(path) }
      let kind = try kind(of: path, bytes: bytes.count)
      guard first == nil || first == kind else {
        throw .ambiguous(DatasetFinder.folder(path), candidates: paths.map(DatasetFinder.fileName))
      }
      first = kind
      let records = bytes.count / kind.recordBytes
      pixels.reserveCapacity(paths.count * records * imageBytes)
      for record in 0..<records {
        let end = (record + 1) * kind.recordBytes
        let label = Int32(bytes[end - imageBytes - 1])
        guard label < kind.classCount else {
          throw .labelOutOfRange(path, index: record, label: Int(label), classCount: kind.classCount)
        }
        labels.append(label)
        pixels.append(contentsOf: bytes[(end - imageBytes)..<end])
      }
    }
    return ImageArray(
      name: paths.count == 1 ? paths[0] : DatasetFinder.folder(paths[0]), imageShape: [3, 32, 32],
      pixels: .bytes(pixels), labels: labels, classCount: first?.classCount)
  }

  /// By the length of the file, which must be a whole number of records; where it is one of both, by the name.
  private static func kind(of path: String, bytes: Int) throws(DatasetError) -> Kind {
    let isNamedHundred = ["train.bin", "test.bin"].contains(DatasetFinder.fileName(path))
    let order: [Kind] = isNamedHundred ? [.hundred, .ten] : [.ten, .hundred]
    for kind in order where bytes % kind.recordBytes == 0 { return kind }
    throw .partialRecord(path, bytes: bytes, record: order[0].recordBytes)
  }
}
