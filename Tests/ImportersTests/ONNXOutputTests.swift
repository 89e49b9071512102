import Graphs
import Tensors
import Testing

@testable import Importers

@Suite("Imported networks compute what onnxruntime computes")
struct ONNXOutputTests {
  @Test("a small network or hand-made graph", arguments: Fixtures.expected("onnx.json"))
  func fixture(_ expected: ExpectedOutput) throws {
    let graph = try importGraph(from: Fixtures.path("onnx/\(expected.model)"))
    #expect(graph[graph.outputs[0]].name == expected.name)
    #expect(try expected.difference(graph) < (expected.model.contains("half") ? 2e-3 : 1e-4))
    #expect(Set(graph.nodes.map(\.name)).count == graph.nodes.count)
  }

  @Test("a model of the data folder", .enabled(if: Fixtures.data != nil), arguments: Fixtures.expected("zoo.json"))
  func zoo(_ expected: ExpectedOutput) throws {
    let folder = expected.model.hasPrefix("akamaster") ? "zoo" : "onnx"
    let graph = try importGraph(from: "\(Fixtures.data!)/\(folder)/\(expected.model)")
    let difference = try expected.difference(graph)
    print("\(expected.model): \(difference) from onnxruntime, outputs to \(expected.output.map(abs).max()!)")
    #expect(difference < 1e-4)
  }
}
