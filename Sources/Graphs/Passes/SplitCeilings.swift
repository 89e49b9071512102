import Tensors

/// Takes the ceiling of a batch norm out again, as a clip of its own: packed layers have none.
package struct SplitCeilings: Pass {
  package static let name = "split-ceilings"
  package static let summary = "takes the ceiling of a batch norm out again, as a clip"
  package init() {}

  package func rewrite(_ graph: Graph) throws(ShapeError) -> Graph {
    try graph.rewriting { (node, inputs, new) throws(ShapeError) in
      guard var norm = node.operation as? BatchNorm, let ceiling = norm.ceiling else { return nil }
      (norm.ceiling, norm.relu) = (nil, false)
      let plain = try new.add("\(node.name).batch-norm", norm, inputs)
      return try new.add(node.name, Clip(minimum: 0, maximum: ceiling), [plain])
    }
  }
}
