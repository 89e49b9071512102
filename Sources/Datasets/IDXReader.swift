import Archives
import Tensors

/// The format of MNIST and of what follows it, plain or gzipped: bytes with a header that tells their dimensions.
///
/// LeCun, Cortes and Burges, http://yann.lecun.com/exdb/mnist
package enum IDXReader: DatasetReader {
  package static let name = "idx"
  package static let summary =
    "MNIST, Fashion-MNIST and the like: train-images-idx3-ubyte[.gz], t10k-images-idx3-ubyte[.gz]"

  package static func fileNames(_ split: Split) -> [String] {
    let part = split == .train ? "train" : "t10k"
    return ["\(part)-images-idx3-ubyte[.gz]", "\(part)-labels-idx1-ubyte[.gz]"]
  }

  package static func accepts(fileName: String) -> Bool {
    let name = fileName.hasSuffix(".gz") ? String(fileName.dropLast(3)) : fileName
    let isKnown = name.hasSuffix("-ubyte") || name.hasSuffix(".idx")
    return isKnown && !fileName.hasPrefix(".")
  }

  package static func select(_ names: [String], split: Split) -> [String] {
    let images = names.filter { name in
      guard name.contains("images") else { return false }
      return split == .train ? name.contains("train") : name.contains("t10k") || name.contains("test")
    }
    // The same file plain and packed is one dataset.
    return images.filter { !$0.hasSuffix(".gz") || !images.contains(String($0.dropLast(3))) }
  }

  /// Reads a file of images and, where it lies beside, the file of their labels.
  package static func read(_ paths: [String], _ request: DatasetRequest) throws(DatasetError) -> any Dataset {
    guard paths.count == 1 else {
      throw .ambiguous(DatasetFinder.folder(paths[0]), candidates: paths.map(DatasetFinder.fileName))
    }
    let path = paths[0]
    let images = try IDXFile.read(path)
    guard images.dimensions.count > 1 else {
      throw .unsupported(path, "holds labels, one number an image; give the file of the images")
    }
    let shape = try ImageLayout(of: images.dimensions, at: path)
    var labels: [Int32]?
    if let labelsPath = labelsPath(for: path) {
      let found = try IDXFile.read(labelsPath)
      guard found.dimensions.count == 1 else { throw .labelShape(labelsPath, found.dimensions) }
      guard found.dimensions[0] == shape.count else {
        throw .countsDiffer(path, images: shape.count, labelsPath: labelsPath, labels: found.dimensions[0])
      }
      labels = found.bytes.map { Int32($0) }
    }
    return ImageArray(
      name: path, imageShape: shape.imageShape, pixels: .bytes(shape.planar(images.bytes)), labels: labels)
  }

  /// The labels' file beside that of the images, plain or packed.
  private static func labelsPath(for path: String) -> String? {
    let name = DatasetFinder.fileName(path)
    guard let place = name.range(of: "images") else { return nil }
    var labels = name.replacingCharacters(in: place, with: "labels")
    for rank in ["idx2", "idx3", "idx4"] {
      if let place = labels.range(of: rank) { labels.replaceSubrange(place, with: "idx1") }
    }
    let plain = labels.hasSuffix(".gz") ? String(labels.dropLast(3)) : labels
    return [labels, plain, plain + ".gz"].map { DatasetFinder.folder(path) + $0 }.first { FileBytes.exists($0) }
  }
}

/// An array of bytes with its dimensions.
///
/// `00 00 08 rank`, then each dimension in four bytes, the highest first, then the elements in row-major order.
struct IDXFile {
  let dimensions: [Int]
  let bytes: [UInt8]

  static func read(_ path: String) throws(DatasetError) -> IDXFile { try decode(FileBytes.read(path), path: path) }

  /// - Parameter path: the place for messages.
  static func decode(_ file: [UInt8], path: String) throws(DatasetError) -> IDXFile {
    guard file.starts(with: [0x1F, 0x8B]) else {
      let (dimensions, start) = try header(file, path: path)
      let count = try count(dimensions, path: path)
      guard file.count - start >= count else {
        throw .truncated(path, expected: start + count, found: file.count)
      }
      guard file.count - start == count else { throw .tooLong(path, expected: start + count, found: file.count) }
      return IDXFile(dimensions: dimensions, bytes: Array(file[start...]))
    }
    var inflater = Inflater(file, range: 0..<file.count, wrapping: .gzip)
    do {
      let magic = try inflater.read(4)
      let (rank, _) = try rank(magic, path: path)
      let (dimensions, start) = try header(magic + inflater.read(4 * rank), path: path)
      let count = try count(dimensions, path: path)
      guard Inflater.couldHold(count, packed: file.count) else {
        throw DatasetError.damaged(path, "\(file.count) packed bytes are said to unpack to \(start + count)")
      }
      if let problem = Inflater.problem(unpackingTo: count) { throw DatasetError.unsupported(path, problem) }
      let bytes = try inflater.read(count)
      try inflater.finish()
      return IDXFile(dimensions: dimensions, bytes: bytes)
    } catch let error as DatasetError {
      throw error
    } catch Inflater.Failure.ends(let count) {
      throw .damaged(path, "it unpacks to no more than \(count) bytes, less than its header says")
    } catch {
      throw .damaged(path, "\(error)")
    }
  }

  private static func rank(_ file: [UInt8], path: String) throws(DatasetError) -> (rank: Int, start: Int) {
    guard file.count >= 4, file[0] == 0, file[1] == 0 else {
      throw .badHeader(path, "is no IDX file: it does not begin with 00 00")
    }
    guard file[2] == 8 else {
      throw .unsupported(path, "elements of type \(file[2]); only unsigned bytes (8) are read, write a .npy instead")
    }
    guard (1...4).contains(file[3]) else { throw .badHeader(path, "\(file[3]) dimensions; 1 to 4 are wanted") }
    return (Int(file[3]), 4 + 4 * Int(file[3]))
  }

  private static func header(_ file: [UInt8], path: String) throws(DatasetError) -> (dimensions: [Int], start: Int) {
    let (rank, start) = try rank(file, path: path)
    let dimensions = (0..<rank).compactMap { file.integer(UInt32.self, at: 4 + 4 * $0, isBigEndian: true) }
    guard dimensions.count == rank else { throw .truncated(path, expected: start, found: file.count) }
    return (dimensions.map { Int($0) }, start)
  }

  private static func count(_ dimensions: [Int], path: String) throws(DatasetError) -> Int {
    guard let count = Shape.count(of: dimensions) else { throw .tooLarge(path, dimensions: dimensions) }
    return count
  }
}
