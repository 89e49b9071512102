import Compute
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

  /// What an exporter wrote for one image must hold for several: the batch is found wherever it is moved to.
  @Test(
    "each image of a batch is computed on its own",
    arguments: Fixtures.expected("onnx.json").filter { expected in
      ["inverted", "shuffled", "functions", "next", "vision", "bert", "gpt", "llama", "swin"].contains {
        expected.model.hasPrefix($0)
      }
    })
  func batches(_ expected: ExpectedOutput) throws {
    let graph = try importGraph(from: Fixtures.path("onnx/\(expected.model)"))
    let one = expected.inputs(batch: 1)
    let three = try graph.withBatch(3)
    let rows = three(expected.inputs(batch: 3))
    #expect(rows.shape == three[three.outputs[0]].shape && rows.shape[0] == 3)
    var box = Box(rows.shape)
    box.counts[0] = 1
    #expect(rows.extracting(box).largestDifference(to: graph(one)) < 1e-5)
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
