import Foundation
import Graphs
import TestSupport
import Tensors
import Testing

@testable import Importers

@Suite("Weights of ONNX files that stand in Constant nodes, and odd ones")
struct ONNXConstantTests {
  private let folder = try? TemporaryFolder()

  private func written(_ model: [UInt8]) throws -> String {
    let path = try #require(folder).path("net.onnx")
    try Data(model).write(to: URL(fileURLWithPath: path))
    return path
  }

  /// A convolution of `channels` kernels over two channels, whose weight no initializer holds.
  private func convolution(_ channels: Int) -> [UInt8] {
    let weight = (0..<channels * 2).map { Float($0) - 2 }
    let bias = ONNXBytes.tensor("bias", [channels], ONNXBytes.raw([Float](repeating: 1, count: channels)))
    return ONNXBytes.model(
      nodes: [
        ONNXBytes.constant("weight", ONNXBytes.tensor("odd", [channels, 2, 1, 1], ONNXBytes.raw(weight))),
        ONNXBytes.constant("axes", ONNXBytes.tensor(type: 7, [2], data: 7, ONNXBytes.numbers([2, 3]))),
        ONNXBytes.node("Conv", ["input", "weight", "bias"], "output"),
      ],
      initializers: [bias], inputs: [ONNXBytes.port("input", [1, 2, 4, 4])], outputs: [ONNXBytes.port("output", [])])
  }

  @Test("they are listed behind the initializers, by the names that nodes read them by") func listed() throws {
    let found = try #require(try ONNXImporter.contents(of: try written(convolution(3))))
    #expect(
      found.tensors == [
        TensorEntry(name: "bias", shape: [3], type: "float32"),
        TensorEntry(name: "weight", shape: [3, 2, 1, 1], type: "float32"),
        TensorEntry(name: "axes", shape: [2], type: "int64"),
      ])
    #expect(found.parameters == 11 && found.bytes == 9 * 4 + 16 && found.inputs.map(\.name) == ["input"])
    #expect(found.weightUses.map(\.weight.name) == ["weight"] && found.weightUses[0].isProduct)
  }

  @Test("they are read one at a time, and copied nowhere else") func read() throws {
    let model = convolution(30_000)
    let source = try ONNXTensorSource(try written(model))
    let weight = try source.read("weight")
    #expect(weight.shape == [30_000, 2, 1, 1] && weight.scalars == (0..<60_000).map { Float($0) - 2 })
    #expect(try source.read("axes").scalars == [2, 3])
    let bones = try model.withUnsafeBytes { try ONNXSkeleton(of: $0) }
    #expect(model.count > 300_000 && bones.bytes.count < 1000)
  }

  @Test("one that hides an initializer is a problem") func hidden() throws {
    let tensor = ONNXBytes.tensor("w", [1], ONNXBytes.raw([Float(1)]))
    let path = try written(ONNXBytes.model(nodes: [ONNXBytes.constant("w", tensor)], initializers: [tensor]))
    var message = ""
    do { _ = try ONNXTensorSource(path) } catch { message = error.description }
    #expect(message == "net.onnx: node 'Constant.w' (Constant): computes 'w', which is there already")
  }

  @Test("a weight that is no number is a warning that names the tensor", arguments: [false, true])
  func notNumbers(_ isConstant: Bool) throws {
    let tensor = ONNXBytes.tensor("w", [4], ONNXBytes.raw([1, .nan, .infinity, -1] as [Float]))
    let path = try written(
      ONNXBytes.model(
        nodes: (isConstant ? [ONNXBytes.constant("w", tensor)] : [])
          + [ONNXBytes.node("Add", ["input", "w"], "output")],
        initializers: isConstant ? [] : [tensor], inputs: [ONNXBytes.port("input", [1, 4])],
        outputs: [ONNXBytes.port("output", [1, 4])]))
    #expect(try importGraph(from: path).warnings == ["net.onnx: tensor 'w': 1 of its 4 elements are NaN"])
  }
}
