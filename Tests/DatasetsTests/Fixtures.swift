@testable import Datasets
import Foundation
import Tensors
import Testing

/// Files that numpy and gzip wrote, and what is in them.
enum Fixtures {
  static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("fixtures").path

  static func path(_ name: String) -> String { folder + "/datasets/" + name }

  static func bytes(_ name: String) throws -> [UInt8] { try FileBytes.read(path(name)) }

  static let expected: Expected = {
    let data = try! Data(contentsOf: URL(fileURLWithPath: path("expected.json")))
    return try! JSONDecoder().decode(Expected.self, from: data)
  }()

  struct Expected: Decodable {
    struct Array: Decodable {
      let shape: [Int]
      let values: [Float]
    }
    struct Archive: Decodable {
      let train: [Float]
      let trainLabels: [Int32]
      let test: [Float]
      let testLabels: [Int32]
    }
    struct Parts: Decodable {
      let train: [Float]
      let test: [Float]
    }
    struct Placed: Decodable {
      let top: Int
      let left: Int
      let isFlipped: Bool
      let values: [Float]
    }
    let arrays: [String: Array]
    let archive: Archive
    let idx: Parts
    let placements: [Placed]
  }
}

/// A folder that goes with its owner.
final class TemporaryFolder {
  let path: String

  init() throws {
    path = NSTemporaryDirectory() + "/signum-datasets-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  @discardableResult
  func write(_ name: String, _ bytes: [UInt8]) throws -> String {
    let file = path + "/" + name
    try Data(bytes).write(to: URL(fileURLWithPath: file))
    return file
  }
}

/// Random bytes from 0 to 255.
func randomBytes(_ count: Int, seed: UInt64) -> [UInt8] {
  var generator = SplitMix64(seed: seed)
  return (0..<count).map { _ in UInt8(truncatingIfNeeded: generator.next() >> 32) }
}

/// A dataset of random bytes; the label of an image is its index modulo 10.
func randomImages(_ count: Int, _ shape: Shape, seed: UInt64 = 1) -> ImageArray {
  ImageArray(
    name: "random", imageShape: shape, pixels: .bytes(randomBytes(count * shape.count, seed: seed)),
    labels: (0..<count).map { Int32($0 % 10) })
}

/// An IDX file without images behind its header.
func idxHeader(_ dimensions: [UInt32], type: UInt8 = 8) -> [UInt8] {
  [0, 0, type, UInt8(dimensions.count)]
    + dimensions.flatMap { dimension in (0..<4).map { UInt8(truncatingIfNeeded: dimension >> (24 - 8 * $0)) } }
}

/// A `.npy` file of version 1 with any text as its header.
func npy(header: String, body: [UInt8]) -> [UInt8] {
  NumPyHeader.magic + [1, 0, UInt8(header.utf8.count & 0xFF), UInt8(header.utf8.count >> 8)] + header.utf8 + body
}

/// The error that a piece of code throws.
func failure(_ body: () throws(DatasetError) -> some Any) -> DatasetError? {
  do {
    _ = try body()
    return nil
  } catch {
    return error
  }
}
