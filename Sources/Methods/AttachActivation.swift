import Graphs
import Tensors

/// Makes the inputs of the named layers numbers of few bits, and puts what the method wants in the place of rectifiers.
package struct AttachActivation: Pass {
  package static let name = "attach-activation"
  package static let summary = "makes the inputs of coded layers numbers of few bits"
  package var method: any ActivationMethod
  package var layers: Set<String>
  /// The progress of training at which the inputs become few bits; until then they pass as they are.
  package var start: Float

  package init(_ method: any ActivationMethod, layers: Set<String>, start: Float = 0) {
    self.method = method
    self.layers = layers
    self.start = start
  }

  package func rewrite(_ graph: Graph) throws(ShapeError) -> Graph {
    var replaced: Set<Graph.Node.ID> = []
    if method.replaces != .none { replaced.formUnion(graph.rectifiers(before: layers)) }
    if method.replaces == .around { replaced.formUnion(graph.rectifiers(after: layers)) }
    return try graph.rewriting { (node, inputs, new) throws(ShapeError) in
      if replaced.contains(node.id) { return try method.rectify(inputs[0], named: node.name, in: &new) }
      guard layers.contains(node.name), let operation = node.operation else { return nil }
      let few = try method.quantize(
        inputs[0], for: node.name, isNonnegative: new.isNonnegative(inputs[0]), start: start, in: &new)
      return try new.add(node.name, operation, [few] + inputs.dropFirst())
    }
  }
}
