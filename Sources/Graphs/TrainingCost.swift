import Tensors

extension Graph {
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
