import Tensors

/// CIFAR-10 in its binary version: records of a label and 3 × 32 × 32 bytes, channel by channel.
///
/// Krizhevsky, 2009, https://www.cs.toronto.edu/~kriz/cifar.html
package enum CIFAR10Reader: DatasetReader {
  package static let name = "cifar10"
  package static let summary = "CIFAR-10, binary version: data_batch_1.bin … data_batch_5.bin, test_batch.bin"

  private static let imageBytes = 3 * 32 * 32
  private static let recordBytes = 1 + imageBytes

  package static func fileNames(_ split: Split) -> [String] {
    split == .train ? ["data_batch_1.bin … data_batch_5.bin"] : ["test_batch.bin"]
  }

  package static func accepts(fileName: String) -> Bool { fileName.hasSuffix(".bin") }

  /// Other names of `.bin` files may be anything: such a file is read where its own path is given.
  package static func select(_ names: [String], split: Split) -> [String] {
    names.filter { name in
      split == .train ? name.hasPrefix("data_batch") || name.hasPrefix("train") : name.hasPrefix("test")
    }
  }

  /// Throws where a file is no whole number of records, or a label is not a class of CIFAR-10.
  package static func read(_ paths: [String], split: Split) throws(DatasetError) -> any Dataset {
    var pixels: [UInt8] = []
    var labels: [Int32] = []
    for path in paths {
      let bytes = try FileBytes.read(path)
      guard !bytes.isEmpty else { throw .empty(path) }
      guard bytes.count % recordBytes == 0 else {
        throw .partialRecord(path, bytes: bytes.count, record: recordBytes)
      }
      let records = bytes.count / recordBytes
      pixels.reserveCapacity(paths.count * records * imageBytes)
      for record in 0..<records {
        let start = record * recordBytes
        let label = Int32(bytes[start])
        guard label < 10 else { throw .labelOutOfRange(path, index: record, label: Int(label), classCount: 10) }
        labels.append(label)
        pixels.append(contentsOf: bytes[(start + 1)..<(start + recordBytes)])
      }
    }
    return ImageArray(
      name: paths.count == 1 ? paths[0] : DatasetFinder.folder(paths[0]), imageShape: [3, 32, 32],
      pixels: .bytes(pixels),
      labels: labels, classCount: 10)
  }
}
