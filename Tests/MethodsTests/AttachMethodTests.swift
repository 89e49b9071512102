import Graphs
import Methods
import Tensors
import TestSupport
import Testing

struct AttachMethodTests {
  /// conv → relu → conv → relu → conv, the second and third reading one weight.
  private func network() throws -> Graph {
    var graph = Graph()
    let x = graph.addInput("x", [1, 3, 6, 6])
    let first = graph.addConstant("first.weight", .random([4, 3, 3, 3], seed: 1))
    let shared = graph.addConstant("shared.weight", .random([4, 4, 3, 3], seed: 2))
    let convolution = Convolution(padding: [1, 1, 1, 1])
    let a = try graph.add("a", convolution, [x, first])
    let b = try graph.add("b", convolution, [try graph.add("a.relu", Relu(), [a]), shared])
    let c = try graph.add("c", convolution, [try graph.add("b.relu", Relu(), [b]), shared])
    graph.outputs = [c]
    return graph
  }

  @Test(arguments: methods.map { $0.name }) func freezingDoesNotChangeWhatTheGraphSays(_ name: String) throws {
    let coded = try AttachMethod(makeMethod(named: name), layers: ["b", "c"]).rewrite(network())
    let frozen = try Freeze().rewrite(coded)
    let x = Tensor.random([2, 3, 6, 6], seed: 3)
    #expect(coded(x) == frozen(x))
    #expect(frozen.nodes.filter { $0.operation is any WeightCoding }.isEmpty)
    let weight = try #require(frozen.nodes.first { $0.name == "shared.weight" }?.constant)
    guard case .coded = weight else { Issue.record("the weight is not coded"); return }
  }

  @Test func aSharedWeightHasOneCoding() throws {
    let coded = try AttachMethod(ScaledSign(), layers: ["b", "c"]).rewrite(network())
    #expect(coded.nodes.count { $0.operation is any WeightCoding } == 1)
  }

  @Test func layersThatAreNotNamedStayFloat() throws {
    let graph = try network()
    #expect(graph.weightLayers.map(\.name) == ["a", "b", "c"])
    let coded = try AttachMethod(ScaledSign(), layers: ["b"]).rewrite(graph)
    #expect(coded.weightLayers.map(\.name) == ["a", "c"])
  }

  /// Behind a pool or a change of shape the rectifier is found too: otherwise every sign would be +1.
  @Test func signInputsFindsTheRectifierBehindAPool() throws {
    var builder = Networks.Builder(seed: 2)
    let x = builder.graph.addInput("x", [1, 3, 8, 8])
    let stem = try builder.normalized("stem", x, from: 3, to: 4, relu: true)
    let pooled = try builder.graph.add("pool", MaxPool(size: [2, 2], strides: [2, 2]), [stem])
    let flat = try builder.graph.add("flat", Flatten(), [pooled])
    builder.graph.outputs = [try builder.dense("dense", flat, from: 64, to: 5)]
    let signed = try AttachActivation(ActivationSign(), layers: ["dense"]).rewrite(builder.graph)
    let sign = try #require(signed.nodes.first { $0.name == "dense.sign" })
    let bits = signed.run(["x": .random([2, 3, 8, 8], seed: 1)], keeping: .only([sign.id]))[sign.id].scalars
    #expect(Set(bits) == [1, -1])
    #expect(!signed.nodes.contains { $0.operation is Relu })
  }

  @Test func signInputsTakesTheRectifierAway() throws {
    let signed = try AttachActivation(ActivationSign(), layers: ["b"]).rewrite(network())
    let names = signed.nodes.compactMap { node in node.operation.map { "\(node.name): \(type(of: $0).name)" } }
    #expect(
      names == [
        "a: convolution", "a.relu: clip", "b.sign: sign-activation", "b: convolution", "b.relu: relu", "c: convolution",
      ])
    let x = Tensor.random([1, 3, 6, 6], seed: 4)
    let sign = try #require(signed.nodes.first { $0.name == "b.sign" })
    let bits = signed.run(["x": x], keeping: .only([sign.id]))[sign.id].scalars
    #expect(Set(bits) == [1, -1])
  }
}
