import Foundation
@testable import Packed
import TestSupport
import Testing
import Tensors

@Suite struct CodedWeightTests {
  private static let shapes: [Shape] = [
    [1, 1], [3, 7], [5, 64], [4, 3, 3, 3], [2, 5, 1, 1], [3, 2, 2, 5], [17, 1, 3, 1],
  ]

  @Test(arguments: CodedTensors.names)
  func packingKeepsEverySymbol(name: String) {
    for (index, shape) in Self.shapes.enumerated() {
      let coded = CodedTensors.named(name, shape, seed: UInt64(index))
      for ternary: SymbolRows.Storage in [.trits, .fields(bits: 2)] {
        let weight = PackedWeight(coded, ternary: ternary)
        #expect(weight.coded == coded, "\(shape)")
        guard case .coded(let stored) = weight else { Issue.record("it is not coded"); continue }
        #expect(stored.isStoredAsItsAlphabet && stored.rows.firstRowWithPadding == nil)
      }
    }
  }

  /// A row in kernels and files runs over (y, x, channel).
  @Test func columnsRunOverChannelsFirst() {
    let coded = CodedTensor(
      [1, 2, 1, 3], .uniform(bits: 4), symbols: [-8, -7, -6, 5, 6, 7], levels: [1])
    guard case .coded(let weight) = PackedWeight(coded) else { Issue.record("it is not coded"); return }
    #expect(weight.symbols(inRow: 0) == [-8, 5, -7, 6, -6, 7])
    // The numbers 0, 13, 1, 14, 2, 15 of four bits, the first one lowest.
    #expect(weight.rows.bytes == [0xD0, 0xE1, 0xF2])
  }

  @Test func fiveTritsLieInAByte() {
    let coded = CodedTensor([1, 7], .ternary, symbols: [-1, 0, 1, 1, 0, 1, -1], levels: [1])
    guard case .coded(let weight) = PackedWeight(coded) else { Issue.record("it is not coded"); return }
    #expect(weight.rows.bytes == [156, 2], "0 + 1 · 3 + 2 · 9 + 2 · 27 + 1 · 81")
    guard case .coded(let fields) = PackedWeight(coded, ternary: .fields(bits: 2)) else { return }
    #expect(fields.rows.bytes == [0b10_10_01_00, 0b00_00_10_01])
  }

  @Test func numbersOfAnyWidthComeBack() {
    var generator = SplitMix64(seed: 3)
    for bits in 1...9 {
      for columns in [1, 2, 7, 8, 9, 63, 100] {
        let numbers = (0..<3).map { _ in (0..<columns).map { _ in UInt16(generator.below(1 << bits)) } }
        let rows = SymbolRows(rows: 3, columns: columns, storage: .fields(bits: bits)) { numbers[$0] }
        #expect(rows.bytes.count == 3 * ((columns * bits + 7) / 8))
        #expect((0..<3).map { rows.numbers(inRow: $0) } == numbers)
        #expect(rows.firstRowWithPadding == nil)
        guard columns * bits % 8 != 0 else { continue }
        var bytes = rows.bytes
        bytes[2 * rows.bytesPerRow - 1] |= 0x80
        #expect(
          SymbolRows(rows: 3, columns: columns, storage: .fields(bits: bits), bytes: bytes).firstRowWithPadding == 1)
      }
    }
  }

  /// k bits a weight, 1.6 for a ternary one, a ninth of the index of a kernel, and nothing else but the ends of rows.
  @Test func filesAreAsSmallAsTheySay() {
    let shape: Shape = [32, 32, 3, 3]
    let sizes = [
      ("ternary, one level", 32 * 58 + 4), ("ternary", 32 * 58 + 128), ("ternary, exponents", 32 * 58 + 32),
      ("ternary, two sides", 32 * 58 + 256), ("uniform 2", 32 * 72 + 128), ("uniform 3, one level", 32 * 108 + 4),
      ("symmetric 5, one level", 32 * 180 + 4), ("uniform 8", 32 * 288 + 128),
      ("codebook 4, exponents", 32 * 16 + 18 + 32), ("codebook 6, one level", 32 * 24 + 72 + 4),
    ]
    for (name, bytes) in sizes {
      #expect(PackedWeight(CodedTensors.named(name, shape, seed: 9)).bytes == bytes, "\(name)")
    }
    let twoBits = PackedWeight(CodedTensors.named("ternary, one level", shape, seed: 9), ternary: .fields(bits: 2))
    #expect(twoBits.bytes == 32 * 72 + 4)
  }

  /// From the smallest normal power of two to the largest; what is smaller, or no power, takes four bytes.
  @Test func powersOfTwoAreKeptAsExponents() throws {
    let latent = Tensor.random([3, 8], seed: 5)
    for (levels, size) in [
      ([0x1p-126, 0x1p127, 1], 3), ([1, 1, 1], 4), ([0x1p-127, 1, 2], 12), ([-1, 1, 2], 12), ([1, 2, 3], 12),
      ([0, 1, 2], 12),
    ] as [([Float], Int)] {
      let weight = PackedWeight.binary(latent, levels: levels)
      #expect(weight.bytes == 3 * 8 + size, "\(levels)")
      let model = PackedModel(
        input: .init(name: "x", shape: [8]),
        layers: [PackedLayer(name: "y", kind: .dense(weight, bias: nil), inputs: [0])],
        provenance: .init(source: "", sourceHash: "", recipe: "", seed: 0, tool: ""))
      #expect(try PackedFile.decode(PackedFile.encode(model)) == model)
    }
  }

  /// Files of before have a level for each channel, whatever they are.
  @Test func filesWithEveryLevelSpelledOutAreStillRead() throws {
    let file = formats.appendingPathComponent("golden/every-level.signum")
    let old = try PackedFile.decode(Data(contentsOf: file))
    let model = goldenModels.first { $0.name == "bits-and-thresholds" }!.model
    #expect(old == model)
    #expect(try Data(contentsOf: file).count > PackedFile.encode(model).count)
  }

  @Test func statisticsCountSymbols() throws {
    let ternary = CodedTensor([2, 4], .ternary, symbols: [1, 0, 0, -1, 0, 0, 1, -1], levels: [1, 3])
    let found = WeightStatistics(PackedWeight(ternary))
    #expect(found.alphabet == "ternary" && found.count == 8 && found.bits == 1.6 && found.zeros == 0.5)
    #expect(abs(found.entropy! - 1.5) < 1e-12)
    #expect(found.bytes == 2 + 8)
    let book = Codebook(bits: 1, patterns: [0, 511])
    let kernels = WeightStatistics(
      PackedWeight(CodedTensor([2, 2, 3, 3], book, indices: [0, 1, 1, 0], levels: [1, 1])))
    #expect(kernels.zeros == 0 && abs(kernels.entropy! - 1.0 / 9) < 1e-12 && abs(kernels.bits - 1.0 / 9) < 1e-12)
    let floats = WeightStatistics(.float(Tensor([1, 4], scalars: [0, 1, -0, 2])))
    #expect(floats.alphabet == "float" && floats.zeros == 0.5 && floats.entropy == nil && floats.bytes == 16)
    let binary = WeightStatistics(.binary(Tensor.random([4, 100], seed: 1), levels: [1, 2, 3, 4]))
    #expect(binary.bits == 1 && binary.zeros == 0 && binary.entropy! > 0.9 && binary.entropy! <= 1)
  }

  @Test func quantizingRoundsHalvesToEven() throws {
    let input = Tensor([1, 9], scalars: [-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 1e9, -.infinity, 0.1])
    let provenance = PackedModel.Provenance(source: "", sourceHash: "", recipe: "", seed: 0, tool: "")
    let layer = PackedLayer(name: "q", kind: .quantize(step: 1, minimum: -3, maximum: 2), inputs: [0])
    let model = PackedModel(input: .init(name: "x", shape: [9]), layers: [layer], provenance: provenance)
    let runner = try PackedRunner(model)
    #expect(try runner.run(input).scalars == [-2, -2, 0, 0, 2, 2, 2, -3, 0])
    #expect(try runner.run(Tensor([1, 9], repeating: .nan)).scalars.allSatisfy(\.isNaN))
  }

  /// Sixteen channels lie side by side in kernels: a small file of very many groups would fill the memory.
  @Test func refusesWeightsThatGrowTooLargeInMemory() throws {
    let groups = 1 << 20
    let weight = CodedTensor(
      [groups, 1, 1, 1], .symmetric(bits: 8), symbols: [Int8](repeating: 1, count: groups),
      levels: [Float](repeating: 1, count: groups))
    let kind = PackedLayer.Kind.convolution(
      Window(size: [1, 1]), dilations: [1, 1], groups: groups, PackedWeight(weight), bias: nil)
    let provenance = PackedModel.Provenance(source: "", sourceHash: "", recipe: "", seed: 0, tool: "")
    let model = PackedModel(
      input: .init(name: "x", shape: [groups, 1, 1]), layers: [PackedLayer(name: "c", kind: kind, inputs: [0])],
      provenance: provenance)
    let error = #expect(throws: PackedFileError.self) { try PackedRunner(model) }
    #expect("\(error!)".contains("takes more memory than 2^30 bytes"))
  }
}
