import Tensors

/// Turns convolution → batch norm → sign on bits into convolution → integer threshold: no float is left between bits.
///
/// A convolution of bits with coded weights counts: its value is a whole number of steps, or of half steps, times the
/// level of the channel. So the batch norm and the sign after it only ask on which side of some whole number the count
/// lies. The pass asks the batch norm itself and keeps the number where its sign turns; since it only rises or only
/// falls, halving the counts that can occur finds it. A ternary weight with levels of its own for either side is left.
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
        let counting = Counting(weight)
      else { return nil }
      let statistics = norm.inputs.dropFirst().compactMap { new[$0].constant?.tensor }
      guard statistics.count == 4 else { return nil }
      let (thresholds, flipped) = thresholds(batchNorm, statistics, counting)
      let kernel = new.addConstant(new[layer.inputs[1]].name + ".signs", .coded(counting.weight))
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
    _ norm: BatchNorm, _ statistics: [Tensor], _ counting: Counting
  ) -> (thresholds: [Float], flipped: [Bool]) {
    let scales = statistics[0].scalars
    let falls = scales.indices.map { (scales[$0] < 0) != (counting.levels[$0] < 0 && scales[$0] != 0) }
    let reach = counting.reach
    // Where the sign falls, the largest count is wanted: the smallest one of the other sign.
    let directions = falls.map { $0 ? -1 : 1 }
    var (low, high) = (falls.map { _ in -reach }, falls.map { _ in reach + 1 })
    while zip(low, high).contains(where: { $0 < $1 }) {
      let middle = zip(low, high).map { ($0 + $1) >> 1 }
      let values = middle.indices.map { Float(middle[$0] * directions[$0]) * counting.unit * counting.levels[$0] }
      let normalized = norm.forward([Tensor([1, values.count], scalars: values)] + statistics, at: .inference)
        .output.scalars
      for channel in middle.indices where low[channel] < high[channel] {
        if normalized[channel] >= 0 { high[channel] = middle[channel] } else { low[channel] = middle[channel] + 1 }
      }
    }
    return (low.indices.map { Float(low[$0] * directions[$0]) }, falls)
  }
}

/// A coded weight whose layer counts: its levels apart, and what is left of it.
private struct Counting {
  /// What a count of 1 stands for, times the level of the channel.
  let unit: Float
  let levels: [Float]
  /// The largest count that can occur.
  let reach: Int
  /// The same symbols; over bits its layer gives whole numbers.
  let weight: CodedTensor

  /// Nil for levels of their own on either side of 0, and where counts grow too large for floats.
  init?(_ weight: CodedTensor) {
    guard weight.negativeLevels == nil || weight.negativeLevels == weight.levels else { return nil }
    // Half steps are counted, so that what lies between two whole numbers of steps is whole, too.
    unit = weight.alphabet.offset == 0 ? 1 : 0.5
    levels = weight.levels
    let least = Float(weight.alphabet.symbols.lowerBound) + weight.alphabet.offset
    reach = weight.shape.count / weight.shape[0] * Int(-least / unit)
    guard reach < 1 << 24 else { return nil }
    let steps = [Float](repeating: 1 / unit, count: weight.shape[0])
    if let codebook = weight.codebook {
      self.weight = CodedTensor(weight.shape, codebook, indices: weight.indices, levels: steps)
    } else {
      self.weight = CodedTensor(weight.shape, weight.alphabet, symbols: weight.symbols, levels: steps)
    }
  }
}
