import Tensors

/// Puts a batch norm back after layers whose exporter folded it: coded weights train badly without.
///
///     conv(x, w) + b   becomes   batch-norm(conv(x, w); scale 1, shift b, mean 0, variance 1 − ε)
///
/// The network computes what it did before; its statistics are measured afterwards, on data.
package struct RestoreBatchNorm: Pass {
  package static let name = "restore-batch-norm"
  package static let summary = "puts a batch norm back after layers whose exporter folded it"
  /// The names of the layers to look at; nil for every layer with weights.
  package var layers: Set<String>?
  package init(layers: Set<String>? = nil) { self.layers = layers }

  package func rewrite(_ graph: Graph) throws(ShapeError) -> Graph {
    let readers = graph.consumers()
    return try graph.rewriting { (node, inputs, new) throws(ShapeError) in
      guard let operation = node.operation, operation is Convolution || (operation is Dense && node.shape.rank == 2),
        layers?.contains(node.name) ?? true, !isNormalized(node, readers)
      else { return nil }
      let channels = Shape([node.shape[1]])
      let shift = inputs.count == 3 ? new[inputs[2]].constant?.tensor : Tensor(channels, repeating: 0)
      guard let shift else { return nil }
      let layer = try add(operation, named: node.name, Array(inputs.prefix(2)), to: &new)
      let norm = BatchNorm()
      let statistics = [
        ("scale", Tensor(channels, repeating: 1)), ("shift", shift), ("mean", Tensor(channels, repeating: 0)),
        ("variance", Tensor(channels, repeating: 1 - norm.epsilon)),
      ]
      let constants = statistics.map { new.addConstant("\(node.name).batch-norm.\($0.0)", $0.1) }
      return try new.add("\(node.name).batch-norm", norm, [layer] + constants)
    }
  }

  private func add(
    _ operation: any Operator, named name: String, _ inputs: [Graph.Node.ID], to graph: inout Graph
  ) throws(ShapeError) -> Graph.Node.ID { try graph.add(name, operation, inputs) }

  private func isNormalized(_ node: Graph.Node, _ readers: [Graph.Node.ID: [Graph.Node]]) -> Bool {
    // A threshold is a batch norm already, and wants whole numbers.
    readers[node.id]?.contains { $0.operation is BatchNorm || $0.operation is Threshold } ?? false
  }
}
