import Foundation
import TestSupport
import Tensors
import Testing

@testable import Packed

/// Weights without a network: what is written comes back, and nothing else is read.
@Suite struct WeightsFileTests {
  private static let provenance = PackedModel.Provenance(
    source: "x.onnx", sourceHash: "00", recipe: "{}", seed: 1, tool: "test")
  private let folder = try? TemporaryFolder()

  /// Every alphabet with every form of levels, floats of any rank, odd shapes.
  private static let weights: [WeightsFile.Weight] =
    CodedTensors.names.enumerated().map { index, name in
      let shape: Shape = [[5, 7], [3, 2, 3, 3], [2, 3, 4], [9, 1, 2, 2, 2]][index % 4]
      return .init(name: name, weight: PackedWeight(CodedTensors.named(name, shape, seed: UInt64(index))))
    } + [
      .init(name: "bias", weight: .float(.random([17], seed: 1))),
      .init(name: "one", weight: .float(Tensor(scalar: 0.5))),
      .init(name: "none", weight: .float(Tensor([0, 3], repeating: 0))),
      .init(
        name: "bits",
        weight: .binary(
          shape: [4, 70], BitRows(rows: 4, columns: 70, symbols: (0..<280).map { $0 % 3 == 0 ? 1 : -1 }),
          levels: [1, 2, 3, 4])),
    ]

  private func written(_ weights: [WeightsFile.Weight]) throws -> (path: String, size: Int) {
    let path = try #require(folder).path("w.signum")
    let writer = try WeightsWriter(path)
    for weight in weights { try writer.append(weight) }
    return (path, try writer.finish(Self.provenance))
  }

  @Test func whatIsWrittenComesBack() throws {
    let (path, size) = try written(Self.weights)
    let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
    #expect(bytes.count == size)
    let found = try WeightsFile.read(path)
    #expect(found == WeightsFile(weights: Self.weights, provenance: Self.provenance))
    #expect(try Data(contentsOf: URL(fileURLWithPath: written(Self.weights).path)) == bytes)
    #expect(try FileManager.default.contentsOfDirectory(atPath: #require(folder).url.path) == ["w.signum"])
  }

  /// `RECORD=1` writes the file, and the test fails.
  @Test func theBytesStay() throws {
    let bytes = try Data(contentsOf: URL(fileURLWithPath: written(Self.weights).path))
    #expect(try recorded(bytes, "golden/weights/every-alphabet.signum") == bytes)
  }

  /// Floats that nothing computes with may be anything, and of as many axes as a model's.
  @Test func oddFloatsComeBack() throws {
    let odd = Tensor([2, 1, 1, 1, 1, 1, 1, 1, 1], scalars: [-.infinity, 3])
    let found = try WeightsFile.read(written([.init(name: "mask", weight: .float(odd))]).path)
    #expect(found.weights.map(\.weight) == [.float(odd)])
  }

  @Test func nothingIsAFileToo() throws {
    #expect(try WeightsFile.read(written([]).path).weights.isEmpty)
  }

  @Test func everyChangeIsFound() throws {
    let bytes = try Data(contentsOf: URL(fileURLWithPath: written(Self.weights).path))
    var generator = SplitMix64(seed: 3)
    for _ in 0..<200 {
      var changed = bytes
      changed[generator.below(bytes.count)] ^= 1 << UInt8(generator.below(8))
      #expect(throws: PackedFileError.self) { try WeightsFile.decode(changed) }
      #expect(throws: PackedFileError.self) { try WeightsFile.decode(bytes.prefix(generator.below(bytes.count))) }
    }
  }

  @Test func aModelIsNoFileOfWeights() throws {
    let model = Project.path("formats/golden/dense.signum")
    #expect(throws: PackedFileError.inFile(model, .unsupportedFormat("signum-packed"))) {
      try WeightsFile.read(model)
    }
    let (path, _) = try written(Self.weights)
    #expect(throws: PackedFileError.inFile(path, .unsupportedFormat("signum-weights"))) { try PackedFile.read(path) }
  }

  @Test func whatCannotBeWrittenIsSaid() throws {
    let path = try #require(folder).path("w.signum")
    let writer = try WeightsWriter(path)
    let weight = WeightsFile.Weight(name: "a", weight: .float(Tensor([2], repeating: 1)))
    try writer.append(weight)
    #expect(throws: PackedFileError.inFile(path, .duplicateName(layer: "a"))) { try writer.append(weight) }
    let bits = BitRows(rows: 1, columns: 2, symbols: [1, -1])
    let odd = WeightsFile.Weight(name: "b", weight: .binary(shape: [1, 2], bits, levels: [.nan]))
    #expect(throws: PackedFileError.inFile(path, .notFinite(layer: "b", key: "levels"))) { try writer.append(odd) }
    let deep = Shape(Array(repeating: 1, count: 17))
    #expect(throws: PackedFileError.self) {
      try writer.append(.init(name: "c", weight: .float(Tensor(deep, repeating: 1))))
    }
    #expect(throws: PackedFileError.self) { try WeightsWriter("/nowhere/w.signum") }
  }

  /// The stream gives what the whole gives, wherever it is cut.
  @Test func hashesInPieces() {
    for count in [0, 1, 55, 56, 63, 64, 65, 119, 128, 1000] {
      let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 * 7) }
      for size in [1, 13, 64, 1000] {
        var stream = SHA256Stream()
        for start in stride(from: 0, to: count, by: size) {
          stream.update(Array(bytes[start..<min(start + size, count)]))
        }
        #expect(stream.hexadecimal() == SHA256.hexadecimal(of: bytes))
      }
    }
  }
}
