import Graphs
import Tensors

extension ONNXOperators {
  /// Matrix products and what belongs to them.
  static let products: [String: Handler] = [
    "Gemm": gemm,
    "MatMul": matrixProduct,
    "BatchNormalization": batchNormalization,
  ]

  /// `alpha · x · weight + beta · bias`: the factors go into the constants.
  private static func gemm(
    _ node: ONNXNode, _ translation: inout ONNXTranslation
  ) throws(ImportError.Problem) -> ONNXValue {
    try node.require(!(try node.flag("transA")), "'transA' is 1; only 0 is supported")
    let input = try translation.operand(node, 0)
    try node.require(
      translation.graph[input].shape.rank == 2, "its input is \(translation.graph[input].shape), expected 2 axes")
    let transposes = !(try node.flag("transB"))
    let alpha = try node.float("alpha", default: 1)
    let weight = try weight(node, &translation, transposes: transposes, factor: alpha)
    guard translation.optional(node, 2) != nil else { return try translation.value(node, Dense(), [input, weight]) }
    let beta = try node.float("beta", default: 1)
    guard let bias = try translation.literal(node, 2), let tensor = bias.tensor else {
      throw node.problem("its bias must be a constant of floating point numbers")
    }
    let outputs = translation.graph[weight].shape[0]
    guard tensor.count == outputs || tensor.count == 1, tensor.shape.dimensions.dropLast().allSatisfy({ $0 == 1 })
    else {
      throw node.problem("its bias has the shape \(tensor.shape), expected [\(outputs)]")
    }
    let numbers = tensor.scalars.map { $0 * beta }
    let row = Tensor(
      [outputs], scalars: numbers.count == outputs ? numbers : Array(repeating: numbers[0], count: outputs))
    let constant = try translation.constant(Literal(bias.name, row), for: node, variant: "·\(beta)×\(outputs)")
    return try translation.value(node, Dense(), [input, weight, constant])
  }

  private static func matrixProduct(
    _ node: ONNXNode, _ translation: inout ONNXTranslation
  ) throws(ImportError.Problem) -> ONNXValue {
    let input = try translation.operand(node, 0)
    if case .literal(let literal)? = translation.optional(node, 1), literal.shape.rank == 2 {
      return try translation.value(node, Dense(), [input, try weight(node, &translation, transposes: true, factor: 1)])
    }
    return try translation.value(node, Graphs.MatrixMultiply(), [input, try translation.operand(node, 1)])
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
    if factor != 1, let tensor = weight.tensor { weight = Literal(weight.name, tensor.map { $0 * factor }) }
    return try translation.constant(weight, for: node, variant: "\(transposes)·\(factor)")
  }

  private static func batchNormalization(
    _ node: ONNXNode, _ translation: inout ONNXTranslation
  ) throws(ImportError.Problem) -> ONNXValue {
    try node.require(!(try node.flag("training_mode")), "'training_mode' is 1: export the model for inference")
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
    return try translation.value(node, operation, inputs)
  }
}
