import Tensors

/// Leaves out nodes that give back their input: Identity, empty padding, a whole slice, axes in their own order.
package struct RemoveIdentities: Pass {
  package static let name = "remove-identities"
  package static let summary = "leaves out nodes that give back their input"
  package init() {}

  package func rewrite(_ graph: Graph) throws(ShapeError) -> Graph {
    try graph.rewriting { (node, inputs, new) throws(ShapeError) in
      guard let operation = node.operation, isIdentity(operation, on: graph[node.inputs[0]].shape) else { return nil }
      return inputs[0]
    }
  }

  private func isIdentity(_ operation: any Operator, on shape: Shape) -> Bool {
    switch operation {
    case is Identity: true
    case let pad as Pad: (pad.before + pad.after).allSatisfy { $0 == 0 }
    case let slice as Slice:
      // The batch may be any at run time, so only a whole axis is whole there.
      slice.counts.indices.allSatisfy {
        slice.counts[$0] == -1 || ($0 > 0 && slice.counts[$0] == shape[$0] && slice.steps[$0] == 1)
      }
    case let transpose as Transpose: transpose.permutation == Array(0..<shape.rank)
    case let clip as Clip: clip.minimum == -.infinity && clip.maximum == .infinity
    default: false
    }
  }
}
