import Tensors

/// Makes one operator of a batch norm, the addition after it and the rectifier (or ReLU6) after that: one pass over
/// memory, not three.
package struct FuseBatchNorm: Pass {
  package static let name = "fuse-batch-norm"
  package static let summary = "makes one operator of batch norm, addition and ReLU"
  package init() {}

  package func rewrite(_ graph: Graph) throws(ShapeError) -> Graph {
    let readers = graph.consumers()
    let isShared = { (id: Graph.Node.ID) in graph.outputs.contains(id) || readers[id]?.count != 1 }
    return try graph.rewriting { (node, inputs, new) throws(ShapeError) in
      switch node.operation {
      case is Relu where !isShared(node.inputs[0]):
        let before = new[inputs[0]]
        guard var norm = before.operation as? BatchNorm, !norm.relu else { return nil }
        norm.relu = true
        return try new.add(node.name, norm, before.inputs)
      case let clip as Clip where clip.minimum == 0 && clip.maximum > 0 && !isShared(node.inputs[0]):
        let before = new[inputs[0]]
        guard var norm = before.operation as? BatchNorm, !norm.relu, clip.maximum < .greatestFiniteMagnitude else {
          return nil
        }
        (norm.relu, norm.ceiling) = (true, clip.maximum)
        return try new.add(node.name, norm, before.inputs)
      case is Add where graph[node.inputs[0]].shape == graph[node.inputs[1]].shape:
        // The later of two batch norms takes the sum, since the other one then stands before it.
        for (side, other) in inputs[0] > inputs[1] ? [(0, 1), (1, 0)] : [(1, 0), (0, 1)] {
          let before = new[inputs[side]]
          guard var norm = before.operation as? BatchNorm, !norm.relu, !norm.addsSkip,
            !isShared(node.inputs[side]), new[inputs[other]].constant == nil
          else { continue }
          norm.addsSkip = true
          return try new.add(node.name, norm, before.inputs + [inputs[other]])
        }
        return nil
      default: return nil
      }
    }
  }
}
