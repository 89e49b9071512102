import Foundation
import Graphs
import Importers
import Packed
import TestSupport
import Tensors
import Testing

@testable import Exporters

/// Packed models as ONNX of standard operators: read again they compute what the packed runner computes.
@Suite struct ONNXExportTests {
  static let files = [
    "activations", "arranging", "bits-and-thresholds", "codebooks", "convolution-binary", "convolution-float", "dense",
    "every-level", "exponents", "features", "few-bits", "pools", "residual", "ternary",
  ]
  private let folder = try? TemporaryFolder()

  private func golden(_ name: String) throws -> PackedModel {
    try PackedFile.read(Project.path("formats/golden/\(name).signum"))
  }

  /// Through the bytes and our own importer.
  private func imported(_ model: PackedModel, isCompact: Bool) throws -> Graph {
    let path = try #require(folder).path("\(UUID().uuidString).onnx")
    try ONNXFile(model, isCompact: isCompact).write(to: path)
    return try ONNXImporter.graph(from: path, inputShapes: [:])
  }

  @Test func everyGoldenFileIsHere() throws {
    let files = try FileManager.default.contentsOfDirectory(atPath: Project.path("formats/golden"))
    #expect(files.filter { $0.hasSuffix(".signum") }.sorted() == Self.files.map { "\($0).signum" })
  }

  @Test(arguments: files, [false, true])
  func computesWhatThePackedFileComputes(_ name: String, _ isCompact: Bool) throws {
    let model = try golden(name)
    let graph = try imported(model, isCompact: isCompact)
    let input = Tensor.random(Shape([3] + model.input.shape), seed: 9)
    let (found, expected) = (graph(input), try PackedRunner(model).run(input))
    #expect(found.shape == expected.shape)
    #expect(found.largestDifference(to: expected) <= 2e-5 * max(1, expected.largestMagnitude))
  }

  private static let provenance = PackedModel.Provenance(
    source: "x.onnx", sourceHash: "00", recipe: "{}", seed: 1, tool: "test", threads: 2)

  /// One layer with a weight.
  private func model(_ weight: PackedWeight, _ name: String = "layer") -> PackedModel {
    let kind: PackedLayer.Kind =
      weight.shape.count == 4
      ? .convolution(
        Window(size: Array(weight.shape[2...])), dilations: [1, 1], groups: 1, weight,
        bias: [Float](repeating: 0.5, count: weight.shape[0]))
      : .dense(weight, bias: nil)
    let shape = weight.shape.count == 4 ? [weight.shape[1], 5, 6] : [weight.shape[1]]
    return PackedModel(
      input: .init(name: "x", shape: shape), layers: [PackedLayer(name: name, kind: kind, inputs: [0])],
      provenance: Self.provenance)
  }

  /// To the bit, whatever its shape leaves over in the last byte.
  @Test(arguments: CodedTensors.names + ["binary"], [[5, 3, 3, 3], [8, 16, 1, 1], [3, 7], [1, 1], [4, 9]])
  func everyWeightComesBack(_ name: String, _ shape: [Int]) throws {
    let coded: CodedTensor
    if name == "binary" {
      let symbols = Tensor.random(Shape(shape), seed: 3).scalars.map { $0 < 0 ? Int8(-1) : 1 }
      coded = CodedTensor(Shape(shape), .binary, symbols: symbols, levels: (1...shape[0]).map { 0.3 * Float($0) })
    } else {
      coded = CodedTensors.named(name, Shape(shape), seed: 4)
    }
    for isCompact in [false, true] {
      let graph = try imported(model(PackedWeight(coded)), isCompact: isCompact)
      let weight = try #require(graph.nodes.compactMap { $0.constant }.first { $0.shape.dimensions == shape }?.tensor)
      #expect(weight == coded.decoded())
    }
  }

  @Test func theLowestOperatorSetIsTaken() throws {
    func lowest(_ name: String, _ isCompact: Bool) throws -> Int {
      let coded = CodedTensors.named(name, [4, 9], seed: 5)
      return try ONNXFile(model(PackedWeight(coded)), isCompact: isCompact).operatorSet
    }
    for name in CodedTensors.names { #expect(try lowest(name, false) == 11, "\(name)") }
    let compact = [
      "ternary": 25, "uniform 2": 25, "uniform 3, one level": 21, "uniform 8": 13, "codebook 4, exponents": 11,
      "symmetric 2": 11, "ternary, two sides": 11,
    ]
    for (name, expected) in compact { #expect(try lowest(name, true) == expected, "\(name)") }
    // A softmax that is not over the last axis.
    let softmax = PackedModel(
      input: .init(name: "x", shape: [3, 4]), layers: [.init(name: "s", kind: .softmax(axis: 1), inputs: [0])],
      provenance: Self.provenance)
    #expect(try ONNXFile(softmax, isCompact: false).operatorSet == 13)
    let input = Tensor.random([2, 3, 4], seed: 6)
    let found = try imported(softmax, isCompact: false)(input)
    #expect(found.largestDifference(to: try PackedRunner(softmax).run(input)) < 1e-6)
  }

  /// Names of a file may be what the exporter would call its own values.
  @Test func namesDoNotCollide() throws {
    let coded = CodedTensors.named("ternary", [4, 9], seed: 7)
    var model = model(PackedWeight(coded), "table.trits")
    model.input.name = "table.trits.weight"
    model.layers.append(.init(name: "table.trits.weight.bytes", kind: .relu, inputs: [1]))
    model.layers.append(.init(name: "one", kind: .leak(slopes: [1, 2, 3, 4]), inputs: [2]))
    model.layers.append(.init(name: "one.slope", kind: .relu, inputs: [3]))
    let input = Tensor.random([2, 9], seed: 8)
    let graph = try imported(model, isCompact: false)
    #expect(graph.inputs.map(\.name) == ["table.trits.weight"])
    #expect(graph(input).largestDifference(to: try PackedRunner(model).run(input)) < 1e-5)
  }

  @Test func packedBitsStaySmall() throws {
    let symbols = [Int8](repeating: 1, count: 256 * 1152)
    let coded = CodedTensor([256, 128, 3, 3], .binary, symbols: symbols, levels: .init(repeating: 1, count: 256))
    let size = try ONNXFile(model(PackedWeight(coded)), isCompact: false).bytes.count
    // The bits, the table of 8 KiB, and little else.
    #expect(256 * 1152 / 8 + 8192..<256 * 1152 / 8 + 12_000 ~= size)
  }

  @Test func modelsThatDoNotFitAreRefused() throws {
    let weight = PackedWeight.float(Tensor.random([4, 9], seed: 1))
    var broken = model(weight)
    broken.layers[0].inputs = [1]
    #expect(throws: ExportError.self) { try ONNXFile(broken, isCompact: false) }
    let error = #expect(throws: ExportError.self) { try ONNXFile(model(weight), isCompact: false, largest: 100) }
    #expect(error?.description == "x.onnx: would be an ONNX file of 144 bytes, but protobuf allows 100")
    #expect(throws: ExportError.self) { try ONNXFile(model(weight), isCompact: false, largest: 200) }
    let nowhere = #expect(throws: ExportError.self) {
      try ONNXExporter().export(model(weight), to: "/nowhere/at/all.onnx")
    }
    #expect(nowhere?.description.hasPrefix("/nowhere/at/all.onnx: cannot be written: ") == true)
  }

  /// `RECORD=1` writes the files, and the test fails.
  @Test(arguments: ["codebooks", "ternary", "dense", "few-bits"], [false, true])
  func theBytesStay(_ name: String, _ isCompact: Bool) throws {
    let bytes = try ONNXFile(golden(name), isCompact: isCompact).bytes
    let path = Project.path("formats/golden/onnx/\(name).\(isCompact ? "compact" : "packed").onnx")
    if ProcessInfo.processInfo.environment["RECORD"] == "1" {
      try FileManager.default.createDirectory(
        atPath: Project.path("formats/golden/onnx"), withIntermediateDirectories: true)
      try bytes.write(to: URL(fileURLWithPath: path))
      Issue.record("\(path) was recorded")
    }
    #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == bytes)
  }

  @Test func everyExporterWritesEveryGoldenFile() throws {
    for type in exporters {
      for name in Self.files {
        let path = try #require(folder).path("\(name).\(type.fileExtension)")
        let exporter = type.init()
        try exporter.export(golden(name), to: path)
        let first = try Data(contentsOf: URL(fileURLWithPath: path))
        try exporter.export(golden(name), to: path)
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == first && !first.isEmpty, "\(type.name), \(name)")
        #expect(first.prefix(512).firstRange(of: Data(type.mark.utf8)) != nil, "\(type.name), \(name): its mark")
      }
    }
    #expect(Set(exporters.map { $0.fileExtension }).count == exporters.count)
  }
}

@Suite struct SymbolBytesTests {
  @Test(arguments: 1...8) func anyNumberOfBitsIsASumOfFields(_ bits: Int) {
    let parts = SymbolBytes.parts(bits: bits, offset: -3)
    #expect(parts.reduce(0) { $0 + $1.bits } == bits)
    for number in 0..<1 << bits {
      let sum = parts.reduce(Float(0)) { sum, part in
        let byte = part.bytes.bytes(of: 1) { _ in number >> part.shift & (1 << part.bits - 1) }[0]
        return sum + part.bytes.table()[Int(byte) * part.bytes.count]
      }
      #expect(sum == Float(number - 3))
    }
  }

  @Test func theFirstNumberLiesLowest() {
    #expect(SymbolBytes.signs.bytes(of: 9) { $0 == 1 || $0 == 8 ? 1 : 0 } == [2, 1])
    #expect(SymbolBytes.trits.bytes(of: 6) { $0 == 4 ? 2 : $0 == 5 ? 1 : 0 } == [162, 1])
    #expect(SymbolBytes.trits.rows == 243 && SymbolBytes.signs.rows == 256)
    #expect(Array(SymbolBytes.signs.table()[8..<16]) == [1, -1, -1, -1, -1, -1, -1, -1])
  }
}
