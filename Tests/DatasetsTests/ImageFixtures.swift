import Archives
@testable import Datasets
import Foundation
import Tensors

/// Images that Pillow wrote, and what Pillow and torchvision make of them.
enum ImageFixtures {
  static func path(_ name: String) -> String { Fixtures.path("images/" + name) }

  private static let archive = try! NumPyReader.archive(FileBytes.read(path("expected.npz")), path: "expected.npz")
  static let keys = archive.entries.map { String($0.name.dropLast(4)) }

  /// An array of `expected.npz`: its dimensions and its numbers.
  static func expected(_ key: String) throws -> (dimensions: [Int], numbers: [Float]) {
    let entry = archive.entries.first { $0.name == key + ".npy" }!
    let array = try NumPyArray(archive.bytes(of: entry), path: key)
    return (array.dimensions, array.floats)
  }

  static func names(_ prefix: String) -> [String] { keys.filter { $0.hasPrefix(prefix) } }

  /// The pixels of an image file in the order `[height, width, channels]`.
  static func pixels(_ name: String, _ preparation: ImagePreparation? = nil) throws -> [Float] {
    let preparation =
      try preparation
      ?? ImagePreparation(DatasetRequest(.train), first: ImagePreparation.size(of: path(name)).get(), path: name)
    var planar = [UInt8](repeating: 0, count: preparation.size)
    let problem = planar.withUnsafeMutableBufferPointer { preparation.write(path(name), into: $0.baseAddress!) }
    if let problem { throw UnreadableImage(path: name, reason: problem) }
    let (channels, area) = (preparation.channels, preparation.height * preparation.width)
    return (0..<area).flatMap { pixel in (0..<channels).map { Float(planar[$0 * area + pixel]) } }
  }

  static func largestDifference(_ a: [Float], _ b: [Float]) -> Float {
    a.count == b.count ? zip(a, b).reduce(0) { max($0, abs($1.0 - $1.1)) } : .infinity
  }
}

extension TemporaryFolder {
  /// Copies an image of the fixtures, making the folders on the way.
  @discardableResult
  func copy(_ image: String, to name: String) throws -> String {
    try put(name, FileBytes.read(ImageFixtures.path(image)))
  }

  @discardableResult
  func put(_ name: String, _ bytes: [UInt8]) throws -> String {
    let folder = URL(fileURLWithPath: path + "/" + name).deletingLastPathComponent()
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    return try write(name, bytes)
  }
}
