import Tensors

/// Turns convolution → batch norm → sign on bits into convolution → integer threshold: no float is left between bits.
///
/// A convolution of bits with binary weights counts: its value is a whole number times the level of the channel. So the
/// batch norm and the sign after it only ask on which side of some whole number the count lies. The pass asks the batch
/// norm itself, for every count that can occur, and keeps the number where its sign turns.
package struct MakeThresholds: Pass {
  package static let name = "make-thresholds"
  package static let summary = "turns convolution, batch norm and sign on bits into an integer threshold"
  package init() {}

  package func rewrite(_ graph: Graph) throws(ShapeError) -> Graph {
    let readers = graph.consumers()
    let isOnly = { (id: Graph.Node.ID) in readers[id]?.count == 1 && !graph.outputs.contains(id) }
    return try graph.rewriting { (node, inputs, new) throws(ShapeError) in
      guard node.operation is SignActivation, isOnly(node.inputs[0]) else { return nil }
      let norm = new[inputs[0]]
      guard let batchNorm = norm.operation as? BatchNorm, !batchNorm.relu, !batchNorm.addsSkip,
        isOnly(graph[node.inputs[0]].inputs[0])
      else { return nil }
      let layer = new[norm.inputs[0]]
      guard let operation = layer.operation, countsBits(operation, layer.shape), layer.inputs.count == 2,
        carriesBits(layer.inputs[0], in: new), case .constant(.coded(let weight)) = new[layer.inputs[1]].content,
        weight.alphabet.isBinary
      else { return nil }
      let statistics = norm.inputs.dropFirst().compactMap { new[$0].constant?.tensor }
      guard statistics.count == 4 else { return nil }
      let (thresholds, flipped) = thresholds(
        batchNorm, statistics, levels: weight.levels, reach: weight.shape.count / weight.shape[0])
      let signs = CodedTensor(
        weight.shape, .binary, symbols: weight.symbols, levels: Array(repeating: 1, count: weight.levels.count))
      let kernel = new.addConstant(new[layer.inputs[1]].name + ".signs", .coded(signs))
      let counts = try new.add(layer.name, operation, [layer.inputs[0], kernel])
      let constant = new.addConstant(node.name + ".threshold", Tensor([thresholds.count], scalars: thresholds))
      return try new.add(node.name, Threshold(flipped: flipped), [counts, constant])
    }
  }

  /// Whether an operator has its output channels on the axis that a batch norm takes for them.
  private func countsBits(_ operation: any Operator, _ shape: Shape) -> Bool {
    operation is Convolution || (operation is Dense && shape.rank == 2)
  }

  /// Whether every element of a node is −1 or +1.
  private func carriesBits(_ id: Graph.Node.ID, in graph: Graph) -> Bool {
    switch graph[id].operation {
    case is SignActivation, is Threshold: true
    case is MaxPool, is Flatten, is Reshape: carriesBits(graph[id].inputs[0], in: graph)
    default: false
    }
  }

  private func thresholds(
    _ norm: BatchNorm, _ statistics: [Tensor], levels: [Float], reach: Int
  ) -> (thresholds: [Float], flipped: [Bool]) {
    let channels = levels.count
    let counts = Array(-reach...reach)
    let candidates = Tensor([counts.count, channels]) { values in
      for (row, count) in counts.enumerated() {
        for channel in 0..<channels { values[row * channels + channel] = Float(count) * levels[channel] }
      }
    }
    let normalized = norm.forward([candidates] + statistics, at: .inference).output.scalars
    let falls = statistics[0].scalars.map { $0 < 0 }
    let turns = (0..<channels).map { channel -> Float in
      let reached = counts.indices.filter { normalized[$0 * channels + channel] >= 0 }.map { counts[$0] }
      return Float(falls[channel] ? reached.last ?? -reach - 1 : reached.first ?? reach + 1)
    }
    return (turns, falls)
  }
}
