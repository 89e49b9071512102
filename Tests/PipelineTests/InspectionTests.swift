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
