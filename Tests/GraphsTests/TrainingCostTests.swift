import Graphs
import TestSupport
import Tensors
import Testing

struct TrainingCostTests {
  /// Counted by hand: the stem has no gradient for its image, and what is not a product counts nothing.
  @Test func multiplyAddsOfAStep() throws {
    let graph = try Networks.residual(channels: 8)
    let (stem, block, head) = (8 * 64 * 27, 8 * 64 * 72, 8 * 4)
    #expect(graph.multiplyAddsOfTraining == 2 * stem + 3 * (2 * block + head))
    let products = graph.nodes.filter { graph.multiplyAdds(of: $0) > 0 }
    #expect(products.map { graph.multiplyAdds(of: $0) } == [stem, block, block, head])
    #expect(try graph.withBatch(5).multiplyAddsOfTraining == graph.multiplyAddsOfTraining)
  }

  @Test func aClockSeesEveryOperation() throws {
    let graph = try Networks.residual()
    let clock = NodeClock()
    let moment = Moment(phase: .training, progress: 0)
    let trace = graph.run(
      ["x": .random([2, 3, 8, 8], seed: 1)], at: moment, keeping: .forGradients(and: []), clock: clock)
    let operations = Set(graph.nodes.filter { $0.operation != nil }.map(\.id))
    #expect(Set(clock.forward.keys) == operations && clock.backward.isEmpty)
    let constants = graph.nodes.filter { $0.constant != nil }.map(\.id)
    _ = graph.gradients(
      of: graph.outputs[0], seed: .random([2, 4], seed: 2), for: constants, along: trace, at: moment, clock: clock)
    #expect(Set(clock.backward.keys) == operations)
    #expect(clock.forward.values.allSatisfy { $0 > .zero } && clock.backward.values.allSatisfy { $0 > .zero })
  }

  /// A trace that keeps less gives the same bits.
  @Test func gradientsNeedOnlyWhatIsRead() throws {
    for graph in [try Networks.residual(), try FuseBatchNorm().rewrite(Networks.residual())] {
      let moment = Moment(phase: .training, progress: 0)
      let constants = graph.nodes.filter { $0.constant != nil }.map(\.id)
      func gradients(_ keeping: Graph.Keeping) -> [Graph.Node.ID: Tensor] {
        let trace = graph.run(["x": .random([4, 3, 8, 8], seed: 1)], at: moment, keeping: keeping)
        return graph.gradients(
          of: graph.outputs[0], seed: .random([4, 4], seed: 2), for: constants, along: trace, at: moment)
      }
      #expect(gradients(.everything) == gradients(.forGradients(and: [])))
    }
  }
}
