import Tensors

extension Graph {
  /// How many products a node adds up for one run of the batch that its shapes name; 0 for what is not a product of
  /// matrices or a convolution.
  package func multiplyAdds(of node: Node) -> Int {
    let inner: Int
    switch node.operation {
    case is Convolution: inner = self[node.inputs[1]].shape.dimensions.dropFirst().reduce(1, *)
    case is Dense: inner = self[node.inputs[1]].shape[1]
    default: return 0
    }
    return node.shape.count * inner
  }

  /// How many products one training step adds up for each image: once forward, once for the gradient of the input,
  /// unless that is an input of the graph, and once for that of the weight.
  package var multiplyAddsOfTraining: Int {
    let batch = max(inputs.first?.shape.dimensions.first ?? 1, 1)
    // What reaches back to a trained constant gets a gradient.
    var hasSlope = [Bool](repeating: false, count: nodes.count)
    var sum = 0
    for node in nodes {
      guard let operation = node.operation else { continue }
      for index in operation.parameterInputs where index < node.inputs.count {
        if case .constant(.dense) = self[node.inputs[index]].content { hasSlope[node.inputs[index].index] = true }
      }
      let sloped = node.inputs.prefix(2).count { hasSlope[$0.index] }
      hasSlope[node.id.index] = node.inputs.contains { hasSlope[$0.index] }
      sum += multiplyAdds(of: node) * (1 + sloped)
    }
    return sum / batch
  }
}
