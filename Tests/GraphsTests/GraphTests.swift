import Graphs
import TestSupport
import Tensors
import Testing

struct GraphTests {
  @Test func dump() throws {
    var graph = Graph()
    let x = graph.addInput("x", [1, 2, 4, 4])
    let coded = CodedTensor([3, 2, 1, 1], .binary, symbols: [1, -1, 1, 1, -1, 1], levels: [1, 2, 3])
    let weight = graph.addConstant("w", .coded(coded))
    let bias = graph.addConstant("b", Tensor([3], repeating: 0))
    let convolved = try graph.add("conv", Convolution(strides: [2, 1]), [x, weight, bias])
    let clipped = try graph.add("clip", Clip(minimum: 0, maximum: 6), [convolved])
    graph.outputs = [try graph.add("flat", Flatten(), [clipped]), clipped]
    #expect(
      graph.description == """
          x: input [1, 2, 4, 4]
          w: constant(binary) [3, 2, 1, 1]
          b: constant [3]
          conv: convolution<strides: [2, 1], padding: [0, 0, 0, 0], dilations: [1, 1], groups: 1>(x, w, b) [1, 3, 2, 4]
        → clip: clip<minimum: 0.0, maximum: 6.0>(conv) [1, 3, 2, 4]
        → flat: flatten<axis: 1>(clip) [1, 24]
        """)
  }

  @Test func labels() {
    #expect(Relu().label == "relu" && Softmax(axis: 2).label == "softmax<axis: 2>")
  }

  @Test func rewritingDropsWhatIsUnusedAndKeepsInputs() throws {
    let graph = try sharedNetwork()
    let copy = try graph.rewriting { (_, _, _) throws(ShapeError) in nil }
    #expect(copy.names.filter { $0.hasPrefix("dead") } == [])
    #expect(copy.names == graph.names.filter { !$0.hasPrefix("dead") })
    #expect(copy.inputs.map(\.name) == ["x", "unused"] && copy.source == "sample")
    #expect(copy.outputs.map { copy[$0].name } == ["bare", "relu", "x"])
    #expect(copy.outputs(batch: 2) == graph.outputs(batch: 2))
    #expect(copy.nodes.indices.allSatisfy { copy.nodes[$0].id.index == $0 })
  }

  @Test func rewritingSeesTheNewInputs() throws {
    let graph = try foldedNetwork()
    let halved = try graph.rewriting { (node, inputs, new) throws(ShapeError) in
      guard node.operation is Relu else { return nil }
      return try new.add(node.name, Clip(minimum: 0, maximum: 0.5), inputs)
    }
    #expect(halved.operations.filter { $0 == "clip" }.count == 3 && !halved.operations.contains("relu"))
    #expect(halved.outputs(batch: 1)[1].largestMagnitude <= 0.5)
    #expect(throws: ShapeError("slice", "a start, a step and a count are wanted for each of the 4 axes").at("relu1")) {
      try graph.rewriting { (node, inputs, new) throws(ShapeError) in
        guard node.operation is Relu else { return nil }
        return try new.add(node.name, Slice(starts: [], steps: [], counts: []), inputs)
      }
    }
  }

  @Test func consumersAreTheLiving() throws {
    let graph = try sharedNetwork()
    let consumers = graph.consumers()
    func readers(_ name: String) -> [String] { (graph.node(name).flatMap { consumers[$0.id] } ?? []).map(\.name) }
    // One that reads a value twice counts once, and a dead end does not count.
    #expect(readers("norm") == ["relu", "twice"] && readers("sum") == ["bare"])
    #expect(readers("conv.weight") == ["conv"] && readers("x") == ["conv"])
    #expect(readers("bare").isEmpty && readers("unused").isEmpty)
  }

  @Test func replacedConstants() throws {
    let graph = try plainNetwork()
    let bias = try #require(graph.node("dense.bias"))
    let other = graph.replacingConstants([bias.id: Tensor([3], scalars: [100, 0, 0])])
    #expect(other.description == graph.description)
    #expect(other.outputs(batch: 1)[0].scalars == [1, 0, 0] && graph.outputs(batch: 1)[0].scalars != [1, 0, 0])
    // Only constants are replaced.
    let input = graph.inputs[0]
    #expect(graph.replacingConstants([input.id: Tensor(input.shape, repeating: 0)]).description == graph.description)
  }
}

extension ShapeError {
  /// The same error at a node.
  func at(_ node: String) -> ShapeError {
    var error = self
    error.node = node
    return error
  }
}
