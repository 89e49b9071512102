import Foundation
import Pipeline
import TestSupport
import Testing

struct InspectionTests {
  private func inspect(_ path: String, largest: Int = 64 << 20) throws -> Inspection {
    try Inspection(of: Project.path(path), largest: largest)
  }

  @Test func aNetwork() throws {
    let found = try inspect("fixtures/demo/fashion_resnet8.onnx")
    #expect(found.inputShape == [1, 1, 28, 28] && found.inputs[0].shape == [nil, 1, 28, 28])
    #expect(found.outputs[0].shape == [nil, 10] && found.inputs[0].type == "float32")
    #expect(found.problems.isEmpty && found.unpackable.isEmpty)
    let products = found.layers.filter { ["convolution", "dense"].contains($0.kind) }
    #expect(found.multiplyAdds == products.reduce(0) { $0 + $1.multiplyAdds })
    // A stem of 3 x 3 x 1 over 28 x 28.
    #expect(products[0].multiplyAdds == products[0].shape.reduce(1, *) * 9)
    #expect(found.codings.count == products.count && found.codings.allSatisfy { $0.canBeCoded })
    let outer = found.codings.map { $0.reason != nil }
    #expect(outer == [true] + [Bool](repeating: false, count: outer.count - 2) + [true])
    #expect(found.types.map(\.bytes).reduce(0, +) <= found.bytes && found.parameters > 10_000)
    let conv = try #require(found.operators.first { $0.name == "Conv" })
    #expect(conv.count == products.count - 1 && conv.isSupported)
    #expect(found.table.contains("can be bits") && found.table.contains("multiply-adds for [1, 1, 28, 28]"))
    #expect(found.table.contains("input 'image' float32 [?, 1, 28, 28]"))
    #expect(try JSONDecoder().decode(Inspection.self, from: JSONEncoder().encode(found)) == found)
  }

  /// What the file says of itself, and nothing that its weights would be read for.
  @Test func weightsThatAreTooMany() throws {
    let found = try inspect("fixtures/demo/fashion_resnet8.onnx", largest: 1000)
    let whole = try inspect("fixtures/demo/fashion_resnet8.onnx")
    #expect(found.layers.isEmpty && found.multiplyAdds == nil && found.warnings.count == 1)
    #expect(found.operators == whole.operators && found.types == whole.types && found.parameters == whole.parameters)
    #expect(found.codings.map(\.shape) == whole.codings.map(\.shape))
    #expect(found.table.contains("--whole"))
  }

  @Test func aNetworkThatCannotBeImported() throws {
    let found = try inspect("fixtures/onnx/rejected/several.onnx")
    #expect(found.layers.isEmpty && found.multiplyAdds == nil)
    #expect(found.problems.contains("node 'pool' (MaxPool): 'kernel_shape' is missing"))
    #expect(found.operators.contains { $0.name == "com.microsoft.FusedConv" && !$0.isSupported })
    #expect(found.table.contains("cannot be imported:\n  node 'conv1' (Conv)"))
    #expect(throws: (any Error).self) { try inspect("fixtures/onnx/rejected/truncated.onnx") }
    #expect(throws: (any Error).self) { try inspect("fixtures/onnx/nowhere.onnx") }
    #expect(throws: (any Error).self) { try inspect("README.md") }
  }

  /// What `inspect` shows of weights without a network.
  @Test func weightsWithoutANetwork() throws {
    let folder = try TemporaryFolder()
    let weights = [
      ONNXBytes.tensor("kernel", [3, 2], ONNXBytes.raw([Float](repeating: 1, count: 6))),
      ONNXBytes.tensor("ids", type: 7, [2], ONNXBytes.raw([Int64(1), 2])),
    ]
    let path = folder.path("weights.onnx")
    try Data(ONNXBytes.model(initializers: weights)).write(to: URL(fileURLWithPath: path))
    let found = try Inspection(of: path)
    #expect(found.tensors.map(\.name) == ["kernel", "ids"] && found.tensors.map(\.shape) == [[3, 2], [2]])
    #expect(found.tensors.map(\.type) == ["float32", "int64"] && found.tensors.map(\.bytes) == [24, 16])
    #expect(found.parameters == 8 && found.layers.isEmpty && found.problems.count == 1)
    #expect(found.problems[0].hasPrefix("holds tensors and no network"))
    let lines = found.table.split(separator: "\n")
    #expect(lines.contains("tensor  stored as  shape   bytes") && lines.contains("ids     int64      [2]        16"))
    #expect(try JSONDecoder().decode(Inspection.self, from: JSONEncoder().encode(found)) == found)
    #expect(try inspect("fixtures/demo/fashion_resnet8.onnx").tensors.isEmpty)
  }

  /// Exporters write weights as initializers, or as nodes.
  @Test func weightsInConstantNodes() throws {
    let folder = try TemporaryFolder()
    let weight = ONNXBytes.tensor("", [8, 2, 1, 1], ONNXBytes.raw([Float](repeating: 0.5, count: 16)))
    let model = ONNXBytes.model(
      nodes: [ONNXBytes.constant("weight", weight), ONNXBytes.node("Conv", ["input", "weight"], "output")],
      inputs: [ONNXBytes.port("input", [1, 2, 4, 4])], outputs: [ONNXBytes.port("output", [1, 8, 4, 4])])
    let path = folder.path("net.onnx")
    try Data(model).write(to: URL(fileURLWithPath: path))
    let found = try Inspection(of: path)
    #expect(found.parameters == 16 && found.types.map(\.bytes) == [64] && found.problems.isEmpty)
    #expect(found.codings.map(\.canBeCoded) == [true])
    let large = try Inspection(of: path, largest: 63)
    #expect(large.layers.isEmpty && large.warnings.count == 1 && large.codings.map(\.layer) == ["Conv.output"])
  }

  @Test func whatCannotBecomeBitsIsSaidWithItsReason() throws {
    let found = try inspect("fixtures/onnx/bert_eager_ts_op14.onnx")
    let lookUps = found.codings.filter { $0.kind == "gather" }
    #expect(!lookUps.isEmpty && lookUps.allSatisfy { !$0.canBeCoded && $0.reason?.contains("looked up") == true })
    #expect(found.codings.contains { $0.canBeCoded } && !found.unpackable.isEmpty)
    #expect(found.table.contains("cannot be packed:"))
  }

  @Test func aPackedFile() throws {
    let found = try inspect("formats/golden/few-bits.signum")
    #expect(found.format == "packed" && found.multiplyAdds == found.layers.reduce(0) { $0 + $1.multiplyAdds })
    #expect(found.codings.count == 6 && found.codings.allSatisfy { $0.canBeCoded })
    #expect(found.types.contains { $0.type == "2-bit" } && found.types.contains { $0.type == "float" })
    // 4 x 5 pixels of 5 channels, each of 3 x 3 x 4 products.
    #expect(found.layers[0].multiplyAdds == 4 * 5 * 5 * 36)
    #expect(found.table.contains("is bits"))
    #expect(try JSONDecoder().decode(Inspection.self, from: JSONEncoder().encode(found)) == found)
  }
}
