import Tensors

extension Graph {
  /// The rectifiers that named layers read, through nothing that could make their values negative again.
  package func rectifiers(before layers: Set<String>) -> Set<Node.ID> {
    var found: Set<Node.ID> = []
    for node in nodes where layers.contains(node.name) { collectRectifiers(before: node.inputs[0], into: &found) }
    return found
  }

  private func collectRectifiers(before id: Node.ID, into found: inout Set<Node.ID>) {
    switch self[id].operation {
    case is Relu: found.insert(id)
    case let clip as Clip where clip.minimum >= 0: found.insert(id)
    case is MaxPool, is AveragePool, is GlobalAveragePool, is Flatten, is Reshape, is Transpose, is Identity, is Concat,
      is Slice, is Pad:
      for input in self[id].inputs { collectRectifiers(before: input, into: &found) }
    default: break
    }
  }

  /// The rectifiers that read named layers, at once or behind batch norms and additions.
  package func rectifiers(after layers: Set<String>) -> Set<Node.ID> {
    var reached = nodes.map { layers.contains($0.name) }
    var found: Set<Node.ID> = []
    for node in nodes where node.inputs.contains(where: { reached[$0.index] }) {
      switch node.operation {
      case is Relu: found.insert(node.id)
      case let clip as Clip where clip.minimum >= 0: found.insert(node.id)
      case is BatchNorm, is Add, is LearnedShift, is Identity: reached[node.id.index] = true
      default: break
      }
    }
    return found
  }

  /// Whether no number of a value can be below 0. Complexity: O(nodes).
  package func isNonnegative(_ id: Node.ID) -> Bool {
    var known: [Node.ID: Bool] = [:]
    return isNonnegative(id, &known)
  }

  private func isNonnegative(_ id: Node.ID, _ known: inout [Node.ID: Bool]) -> Bool {
    if let answer = known[id] { return answer }
    let node = self[id]
    var answer: Bool
    switch node.operation {
    case nil: answer = node.constant?.tensor.scalars.allSatisfy { $0 >= 0 } ?? false
    case let pad as Pad where pad.value < 0: answer = false
    case is MaxPool, is AveragePool, is GlobalAveragePool, is Mean, is Flatten, is Reshape, is Transpose, is Identity,
      is Slice, is Concat, is Add, is Pad:
      answer = true
      for input in node.inputs where answer { answer = isNonnegative(input, &known) }
    case let operation?: answer = operation.isNonnegative
    }
    known[id] = answer
    return answer
  }

  /// The shape of one number for each channel that repeats to a shape: `[channels, 1, 1]` for images, `[features]` for
  /// tokens.
  package func channelwise(_ shape: Shape) -> Shape {
    if shape.rank == 3 { return [shape[2]] }
    return shape.rank < 2 ? [1] : Shape([shape[1]] + Array(repeating: 1, count: shape.rank - 2))
  }

  /// A rectifier with a learned slope for each channel that begins at 0.25.
  ///
  /// He et al., 2015, https://arxiv.org/abs/1502.01852
  package mutating func addLeak(_ name: String, of x: Node.ID) throws(ShapeError) -> Node.ID {
    let slope = addConstant("\(name).slope", Tensor(channelwise(self[x].shape), repeating: 0.25))
    return try add(name, LearnedLeak(), [x, slope])
  }
}

extension Operator {
  /// Whether nothing that comes out is below 0, whatever goes in.
  fileprivate var isNonnegative: Bool {
    switch self {
    case is Relu, is Softmax: return true
    case let clip as Clip: return clip.minimum >= 0
    case let norm as BatchNorm: return norm.relu
    case let quantize as Quantize: return !quantize.isSigned
    case let pointwise as Pointwise:
      switch pointwise.function {
      case .sigmoid, .hardSigmoid, .exponential, .squareRoot, .magnitude: return true
      default: return false
      }
    default: return false
    }
  }
}
