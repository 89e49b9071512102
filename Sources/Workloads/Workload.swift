import Graphs
import Tensors

/// A network that benchmarks train: its layers stand here in code and its weights are drawn from a seed, so that it
/// needs no file and another framework can draw the same ones.
package struct Workload: Sendable {
  /// The name on the command line.
  package let name: String
  /// What the network is, in a sentence.
  package let summary: String
  /// Images a step.
  package let batch: Int
  private let build: @Sendable (inout LayerBuilder) throws(ShapeError) -> Graph.Node.ID

  init(
    _ name: String, batch: Int, _ summary: String,
    build: @escaping @Sendable (inout LayerBuilder) throws(ShapeError) -> Graph.Node.ID
  ) {
    self.name = name
    self.summary = summary
    self.batch = batch
    self.build = build
  }

  /// The network for a batch of 1, batch norms apart from the rectifiers that follow them.
  package func graph(seed: UInt64 = 1) throws(ShapeError) -> Graph {
    var builder = LayerBuilder(source: name, seed: seed)
    let output = try build(&builder)
    return builder.graph(output: output)
  }
}

/// Every workload. A newcomer adds one line here, and its twin in `Benchmarks/pytorch_networks.py`.
package let workloads: [Workload] = [.resNet20, .resNet18, .mobileNetV2, .leNet, .perceptron, .transformerBlock]
