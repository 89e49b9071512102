import Tensors

/// Makes a constant that is added after a convolution or a dense layer the bias of that layer.
///
/// Some exporters write `conv → add` where others write a bias; training and batch norms want it in one place.
package struct FoldBias: Pass {
  package static let name = "fold-bias"
  package static let summary = "makes a constant that is added after a layer its bias"
  package init() {}

  package func rewrite(_ graph: Graph) throws(ShapeError) -> Graph {
    let readers = graph.consumers()
    return try graph.rewriting { (node, inputs, new) throws(ShapeError) in
      guard node.operation is Add, let side = inputs.firstIndex(where: { isLayerWithoutBias(new[$0]) })
      else { return nil }
      let before = node.inputs[side]
      guard readers[before]?.count == 1, !graph.outputs.contains(before),
        let constant = new[inputs[1 - side]].constant?.tensor,
        let bias = bias(constant, of: new[inputs[side]], sum: node.shape)
      else { return nil }
      let layer = new[inputs[side]]
      guard let operation = layer.operation else { return nil }
      let constantName = graph[node.inputs[1 - side]].name + ".bias"
      // The layer keeps its name, unless its sum is what the network gives.
      let name = graph.outputs.contains(node.id) ? node.name : layer.name
      return try new.add(name, operation, layer.inputs + [new.addConstant(constantName, bias)])
    }
  }

  private func isLayerWithoutBias(_ node: Graph.Node) -> Bool {
    (node.operation is Convolution || node.operation is Dense) && node.inputs.count == 2
  }

  /// The constant as one number a channel, or nil where it differs within a channel.
  private func bias(_ constant: Tensor, of layer: Graph.Node, sum: Shape) -> Tensor? {
    let shape = layer.shape
    guard sum == shape, constant.shape.rank <= shape.rank else { return nil }
    let aligned = Array(repeating: 1, count: shape.rank - constant.shape.rank) + constant.shape.dimensions
    // A dense layer has its channels on the last axis.
    let axis = layer.operation is Dense ? shape.rank - 1 : 1
    let channels = shape[axis]
    guard aligned.enumerated().allSatisfy({ $1 == 1 || ($0 == axis && $1 == channels) }) else { return nil }
    let scalars = constant.scalars
    return scalars.count == channels
      ? Tensor([channels], scalars: scalars) : Tensor([channels], repeating: scalars[0])
  }
}
