import Compute
import Tensors

/// Makes one layer norm of the means, differences, products and roots that older operator sets write it as.
///
///     d = x − mean(x);   d / √(mean(d · d) + ε) · scale + shift
package struct FuseLayerNorm: Pass {
  package static let name = "fuse-layer-norm"
  package static let summary = "makes one operator of the steps of a layer norm"
  package init() {}

  package func rewrite(_ graph: Graph) throws(ShapeError) -> Graph {
    try graph.rewriting { (node, inputs, new) throws(ShapeError) in
      guard let parts = LayerNormParts(node, inputs, in: new) else { return nil }
      let shape = new[parts.source].shape
      let wanted = Shape(Array(shape.dimensions[parts.axes.first!...]))
      guard let scale = new.weight(parts.scale, of: wanted), let shift = new.weight(parts.shift, of: wanted) else {
        return nil
      }
      return try new.add(node.name, LayerNorm(epsilon: parts.epsilon), [parts.source, scale, shift])
    }
  }
}

/// A layer norm as it is recognised, from its last step back to its input.
private struct LayerNormParts {
  var source: Graph.Node.ID
  var scale: Graph.Node.ID
  var shift: Graph.Node.ID
  var epsilon: Float
  /// The last ones of the source, in order.
  var axes: [Int]

  init?(_ node: Graph.Node, _ inputs: [Graph.Node.ID], in graph: Graph) {
    guard node.operation is Add, let (scaled, shift) = graph.withConstant(inputs),
      graph[scaled].operation is Multiply, let (normal, scale) = graph.withConstant(graph[scaled].inputs),
      graph[normal].operation is Divide
    else { return nil }
    let (centred, deviation) = (graph[normal].inputs[0], graph[normal].inputs[1])
    guard (graph[deviation].operation as? Pointwise)?.function == .squareRoot else { return nil }
    let variance = graph[deviation].inputs[0]
    guard graph[variance].operation is Add, let (mean, constant) = graph.withConstant(graph[variance].inputs),
      let epsilon = graph.number(constant), epsilon >= 0, let spread = graph[mean].operation as? Mean
    else { return nil }
    let square = graph[mean].inputs[0]
    guard graph[square].operation is Multiply, graph[square].inputs == [centred, centred],
      graph[centred].operation is Subtract
    else { return nil }
    let (source, middle) = (graph[centred].inputs[0], graph[centred].inputs[1])
    guard let mean = graph[middle].operation as? Mean, graph[middle].inputs == [source],
      graph[source].shape == node.shape
    else { return nil }
    let rank = graph[source].shape.rank
    let axes = mean.axes.sorted()
    guard spread.axes.sorted() == axes, !axes.isEmpty, axes == Array(rank - axes.count..<rank), axes[0] > 0 else {
      return nil
    }
    self.init(source: source, scale: scale, shift: shift, epsilon: epsilon, axes: axes)
  }

  private init(source: Graph.Node.ID, scale: Graph.Node.ID, shift: Graph.Node.ID, epsilon: Float, axes: [Int]) {
    (self.source, self.scale, self.shift, self.epsilon, self.axes) = (source, scale, shift, epsilon, axes)
  }
}

extension Graph {
  /// Of two inputs the one that is computed, and the one that is constant.
  func withConstant(_ inputs: [Node.ID]) -> (computed: Node.ID, constant: Node.ID)? {
    guard inputs.count == 2, let side = inputs.firstIndex(where: { self[$0].constant != nil }),
      self[inputs[1 - side]].constant == nil
    else { return nil }
    return (inputs[1 - side], inputs[side])
  }

  /// The one number that a constant holds.
  func number(_ id: Node.ID) -> Float? {
    guard let constant = self[id].constant, constant.shape.count == 1 else { return nil }
    return constant.tensor.scalars[0]
  }

  /// A constant as a weight of a shape: itself, or one without its leading axes of size 1.
  fileprivate mutating func weight(_ id: Node.ID, of shape: Shape) -> Node.ID? {
    let node = self[id]
    guard node.shape != shape else { return id }
    guard let tensor = node.constant?.tensor,
      tensor.shape.dimensions.drop(while: { $0 == 1 }).elementsEqual(
        shape.dimensions.drop { $0 == 1 }), tensor.count == shape.count
    else { return nil }
    return addConstant("\(node.name).weight", tensor.reshaped(shape))
  }
}
