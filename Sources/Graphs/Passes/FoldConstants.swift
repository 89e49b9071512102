import Tensors

/// Computes once what depends on constants alone.
package struct FoldConstants: Pass {
  package static let name = "fold-constants"
  package static let summary = "computes once what depends on constants alone"
  package init() {}

  package func rewrite(_ graph: Graph) throws(ShapeError) -> Graph {
    try graph.rewriting { (node, inputs, new) throws(ShapeError) in
      // A weight coding is the one thing over constants that training still changes.
      guard let operation = node.operation, !(operation is any WeightCoding), !inputs.isEmpty else { return nil }
      let constants = inputs.compactMap { new[$0].constant?.tensor }
      guard constants.count == inputs.count else { return nil }
      return new.addConstant(node.name, operation.forward(constants, at: .inference).output)
    }
  }
}
