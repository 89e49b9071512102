import Foundation
import Graphs
import TestSupport
import Tensors
import Testing

@testable import Importers

@Suite("The bones of an ONNX file")
struct ONNXSkeletonTests {
  private func skeleton(_ bytes: [UInt8]) throws -> ONNXSkeleton {
    try bytes.withUnsafeBytes { try ONNXSkeleton(of: $0) }
  }

  private func field(_ number: UInt8, _ content: [UInt8]) -> [UInt8] {
    var length = content.count
    var bytes = [number << 3 | 2]
    while length > 127 {
      bytes.append(UInt8(length & 127 | 128))
      length >>= 7
    }
    return bytes + [UInt8(length)] + content
  }

  @Test("weights are left in the file, and found there") func views() throws {
    let numbers: [Float] = [1, -2.5, .pi]
    let raw = numbers.flatMap { withUnsafeBytes(of: $0.bitPattern.littleEndian, Array.init) }
    let padding = [UInt8](repeating: 7, count: 100_000)
    let tensor = [8, 3, 0x10, 1] + field(8, Array("w".utf8)) + field(12, padding) + field(9, raw)
    let file = field(2, Array("me".utf8)) + field(7, field(5, tensor) + field(10, padding))
    let skeleton = try skeleton(file)
    #expect(skeleton.bytes.count < 60)
    let model = try ONNXModel(skeleton)
    guard case .raw(let offset, let count) = model.initializers[0].storage else {
      Issue.record("the weight is no view")
      return
    }
    #expect(Array(file[Int(offset)..<Int(offset + count)]) == raw)
    #expect(model.initializers[0].dimensions == [3])
  }

  @Test("limits of nesting and of number are those of the page") func limits() throws {
    var deep: [UInt8] = []
    for _ in 0..<20 { deep = field(1, field(5, field(6, deep))) }
    #expect(throws: Never.self) { try skeleton(field(7, deep)) }
    for _ in 0..<2 { deep = field(1, field(5, field(11, deep))) }
    #expect(throws: ImportError.Problem.tooDeep(limit: 64)) { try skeleton(field(7, deep)) }
    let many = [UInt8](repeating: 0, count: 2_000_000).indices.map { $0 % 2 == 0 ? UInt8(5 << 3 | 2) : 0 }
    #expect(throws: ImportError.Problem.tooMany("messages", limit: 1_000_000)) { try skeleton(field(7, many)) }
  }

  @Test("a number that does not end, a group, a field that reaches past its message") func malformed() {
    let endless = [UInt8](repeating: 0xFF, count: 12)
    #expect(throws: ImportError.Problem.malformed("a number longer than ten bytes", offset: 1)) {
      try skeleton([8] + endless)
    }
    #expect(throws: ImportError.Problem.malformed("a group", offset: 0)) { try skeleton([8 | 3]) }
    #expect(throws: ImportError.Problem.cutShort(offset: 2, wanted: 9, left: 1)) {
      try skeleton([7 << 3 | 2, 3, 2 << 3 | 2, 9, 0])
    }
    #expect(throws: ImportError.Problem.malformed("a number where a message belongs", offset: 0)) {
      try skeleton([7 << 3, 1])
    }
  }
}

@Suite("Imported graphs")
struct ONNXGraphTests {
  @Test("a file for one sample runs on many", arguments: ["attributes_op6", "residual_ts_op17", "shapes_op15"])
  func batches(_ model: String) throws {
    let graph = try importGraph(from: Fixtures.path("onnx/\(model).onnx"))
    let samples = Tensor.random(graph.inputs[0].shape.withBatch(3), seed: 5)
    let together = graph(samples)
    let size = samples.count / 3
    let rows = together.count / 3
    for sample in 0..<3 {
      let numbers = samples.scalars[sample * size..<(sample + 1) * size]
      let alone = graph(Tensor(graph.inputs[0].shape.withBatch(1), scalars: numbers))
      let row = Tensor(alone.shape, scalars: together.scalars[sample * rows..<(sample + 1) * rows])
      #expect(alone.largestDifference(to: row) < 1e-5)
    }
  }

  @Test("constants keep the names that they have in the file, behind identities too") func names() throws {
    let graph = try importGraph(from: Fixtures.path("onnx/residual_ts_op17_bn.onnx"))
    let constants = graph.nodes.filter { $0.constant != nil }.map(\.name)
    #expect(constants.contains("blocks.1.bn2.running_var") && constants.contains("linear.weight"))
    let behind = try importGraph(from: Fixtures.path("onnx/weights_behind_op13.onnx"))
    #expect(behind.nodes.filter { $0.constant != nil }.map(\.name) == ["w", "w_2", "w3", "w4"])
  }

  @Test("shapes of the shortcut are worked out while importing") func shortcut() throws {
    let graph = try importGraph(from: Fixtures.path("onnx/residual_ts_op17_bn.onnx"))
    #expect(graph.description.contains("pad<before: [0, 2, 0, 0], after: [0, 2, 0, 0], value: 0.0>"))
    #expect(graph.description.contains("reshape<dimensions: [0, 8]>"))
    let kinds = Set(graph.nodes.compactMap { $0.operation.map { type(of: $0).name } })
    #expect(
      kinds == ["add", "average-pool", "batch-norm", "convolution", "dense", "pad", "relu", "reshape", "slice"])
  }
}
