import Graphs
import Tensors

extension ONNXOperators {
  /// Matrix products and what belongs to them.
  static let products: [String: Handler] = [
    "Gemm": gemm,
    "MatMul": matrixProduct,
    "BatchNormalization": batchNormalization,
  ]

  /// `alpha · x · weight + beta · bias`: the factors go into the constants. Where the weight or the bias is none, the
  /// product is one of two computed matrices.
  private static func gemm(
    _ node: ONNXNode, _ translation: inout ONNXTranslation
  ) throws(ImportError.Problem) -> ONNXValue {
    let alpha = try node.float("alpha", default: 1)
    guard !(try node.flag("transA")), try isDense(node, translation) else {
      return try computedProduct(node, &translation, alpha)
    }
    let input = try translation.operand(node, 0)
    try node.require(
      translation.graph[input].shape.rank == 2, "its input is \(translation.graph[input].shape), expected 2 axes")
    let transposes = !(try node.flag("transB"))
    let weight = try weight(node, &translation, transposes: transposes, factor: alpha)
    guard translation.optional(node, 2) != nil else { return try translation.value(node, Dense(), [input, weight]) }
    let beta = try node.float("beta", default: 1)
    guard let bias = try translation.literal(node, 2), let tensor = bias.tensor else {
      throw node.problem("its bias must be a constant of floating point numbers")
    }
    let outputs = translation.graph[weight].shape[0]
    let numbers = tensor.scalars.map { $0 * beta }
    let row = Tensor(
      [outputs], scalars: numbers.count == outputs ? numbers : Array(repeating: numbers[0], count: outputs))
    let constant = try translation.constant(Literal(bias.name, row), for: node, variant: "·\(beta)×\(outputs)")
    return try translation.value(node, Dense(), [input, weight, constant])
  }

  /// Whether the weight is a constant matrix and the bias, if there is one, a constant row.
  private static func isDense(
    _ node: ONNXNode, _ translation: ONNXTranslation
  ) throws(ImportError.Problem) -> Bool {
    guard case .literal(let weight)? = translation.optional(node, 1), weight.tensor != nil, weight.shape.rank == 2
    else { return false }
    guard translation.optional(node, 2) != nil else { return true }
    guard case .literal(let bias)? = translation.optional(node, 2), let tensor = bias.tensor else { return false }
    let outputs = weight.shape[try node.flag("transB") ? 0 : 1]
    return (tensor.count == outputs || tensor.count == 1) && tensor.shape.dimensions.dropLast().allSatisfy { $0 == 1 }
  }

  private static func computedProduct(
    _ node: ONNXNode, _ translation: inout ONNXTranslation, _ alpha: Float
  ) throws(ImportError.Problem) -> ONNXValue {
    var sides: [Graph.Node.ID] = []
    for (index, name) in ["transA", "transB"].enumerated() {
      let side = try translation.operand(node, index)
      let shape = translation.graph[side].shape
      try node.require(shape.rank == 2, "input \(index) is \(shape), expected 2 axes")
      sides.append(try node.flag(name) ? try translation.turned(node, side, [1, 0]) : side)
    }
    let product = try translation.step(node, Graphs.MatrixMultiply(), sides)
    let scaled = try translation.scaled(node, product, by: alpha)
    guard translation.optional(node, 2) != nil else { return .node(scaled) }
    let beta = try node.float("beta", default: 1)
    let bias = try translation.scaled(node, try translation.operand(node, 2), by: beta)
    return try translation.value(node, Add(), [scaled, bias])
  }

  private static func matrixProduct(
    _ node: ONNXNode, _ translation: inout ONNXTranslation
  ) throws(ImportError.Problem) -> ONNXValue {
    let input = try translation.operand(node, 0)
    if case .literal(let literal)? = translation.optional(node, 1), literal.shape.rank == 2, literal.tensor != nil {
      return try translation.value(node, Dense(), [input, try weight(node, &translation, transposes: true, factor: 1)])
    }
    return .node(try matrixProduct(node, &translation, input, try translation.operand(node, 1), type: .float))
  }

  /// Of two computed values; a list is a row on the left and a column on the right.
  static func matrixProduct(
    _ node: ONNXNode, _ translation: inout ONNXTranslation, _ a: Graph.Node.ID, _ b: Graph.Node.ID,
    type: ONNXElementType
  ) throws(ImportError.Problem) -> Graph.Node.ID {
    let (left, right) = (translation.graph[a].shape, translation.graph[b].shape)
    try node.require(left.rank >= 1 && right.rank >= 1, "multiplies \(left) with \(right)")
    guard left.rank == 1 || right.rank == 1 else {
      return try translation.add(node, Graphs.MatrixMultiply(), [a, b], type: type)
    }
    let row = left.rank == 1 ? try translation.reshaped(node, a, to: [1, left[0]], part: "row") : a
    let column = right.rank == 1 ? try translation.reshaped(node, b, to: [right[0], 1], part: "column") : b
    let product = try translation.step(node, Graphs.MatrixMultiply(), [row, column], type: type)
    let rank = translation.graph[product].shape.rank
    let axes = (left.rank == 1 ? [rank - 2] : []) + (right.rank == 1 ? [rank - 1] : [])
    return try translation.squeezed(node, product, axes, part: nil)
  }

  /// Input 1 as the weight `[outputs, inputs]` of a dense layer.
  private static func weight(
    _ node: ONNXNode, _ translation: inout ONNXTranslation, transposes: Bool, factor: Float
  ) throws(ImportError.Problem) -> Graph.Node.ID {
    guard case .literal(let literal)? = translation.optional(node, 1), literal.tensor != nil, literal.shape.rank == 2
    else {
      throw node.problem("input 1 must be a constant matrix")
    }
    var weight = transposes ? literal.transposed([1, 0]) : literal
    if factor != 1 { weight = weight.scaled(by: factor) }
    return try translation.constant(weight, for: node, variant: "\(transposes)·\(factor)")
  }

  private static func batchNormalization(
    _ node: ONNXNode, _ translation: inout ONNXTranslation
  ) throws(ImportError.Problem) -> ONNXValue {
    if try node.flag("training_mode") { return try trainingNormalization(node, &translation) }
    try node.require(try node.flag("spatial", default: true), "'spatial' is 0; only 1 is supported")
    var inputs: [Graph.Node.ID] = []
    for index in 0..<3 { inputs.append(try translation.operand(node, index)) }
    // Two norms may read one constant in the file, but each follows statistics of its own while training.
    for index in 3..<5 {
      if let literal = try translation.literal(node, index) {
        inputs.append(try translation.constant(literal, for: node, variant: node.name))
      } else {
        inputs.append(try translation.operand(node, index))
      }
    }
    let operation = BatchNorm(
      epsilon: try node.float("epsilon", default: 1e-5), momentum: try node.float("momentum", default: 0.9))
    let shape = translation.graph[inputs[0]].shape
    guard shape.rank == 3 || shape.rank > 4 else { return try translation.value(node, operation, inputs) }
    // Lines and volumes are images of one column.
    let batch = translation.batch(of: inputs[0])
    let pixels = shape.dimensions[2...].reduce(1, *)
    inputs[0] = try translation.reshaped(
      node, inputs[0], to: [shape[0], shape[1], pixels, 1], batch: batch, part: "image")
    let normal = try translation.step(node, operation, inputs)
    return .node(try translation.reshaped(node, normal, to: shape.dimensions, batch: batch))
  }

  /// With the mean and the variance of the batch itself, and the running ones moved towards them.
  private static func trainingNormalization(
    _ node: ONNXNode, _ translation: inout ONNXTranslation
  ) throws(ImportError.Problem) -> ONNXValue {
    let x = try translation.operand(node, 0)
    let shape = translation.graph[x].shape
    try node.require(
      !translation.holdsForAnyBatch && shape.rank >= 2, "'training_mode' is 1: export the model for inference")
    let axes = [0] + Array(2..<shape.rank)
    let column = [shape[1]] + Array(repeating: 1, count: shape.rank - 2)
    var parts: [Graph.Node.ID] = []
    for index in 1..<5 {
      parts.append(try translation.reshaped(node, try translation.operand(node, index), to: column, part: "column"))
    }
    let mean = try translation.step(node, Mean(axes: axes), [x])
    let centred = try translation.step(node, Subtract(), [x, mean])
    let variance = try translation.step(node, Mean(axes: axes), [try translation.square(node, centred)])
    let momentum = try node.float("momentum", default: 0.9)
    var running: [ONNXValue] = []
    for (old, new) in [(parts[2], mean), (parts[3], variance)] {
      let moved = try translation.step(
        node, Add(),
        [try translation.scaled(node, old, by: momentum), try translation.scaled(node, new, by: 1 - momentum)])
      running.append(.node(try translation.reshaped(node, moved, to: [shape[1]], part: "running")))
    }
    translation.give(laterOutputs: running)
    let deviation = try translation.applying(
      node, .squareRoot, try translation.shifted(node, variance, by: try node.float("epsilon", default: 1e-5)))
    let normal = try translation.step(node, Divide(), [centred, deviation])
    let scaled = try translation.step(node, Multiply(), [normal, parts[0]])
    return try translation.value(node, Add(), [scaled, parts[1]])
  }
}
