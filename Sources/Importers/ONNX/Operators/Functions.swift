import Compute
import Graphs
import Tensors

extension ONNXOperators {
  /// Functions of one number. Of constants they are worked out while importing.
  static let functions: [String: Handler] = [
    "Sigmoid": { (node, translation) throws(ImportError.Problem) in try function(.sigmoid, node, &translation) },
    "Tanh": { (node, translation) throws(ImportError.Problem) in try function(.tanh, node, &translation) },
    "HardSwish": { (node, translation) throws(ImportError.Problem) in try function(.hardSwish, node, &translation) },
    "Erf": { (node, translation) throws(ImportError.Problem) in try function(.errorFunction, node, &translation) },
    "Exp": { (node, translation) throws(ImportError.Problem) in try function(.exponential, node, &translation) },
    "Log": { (node, translation) throws(ImportError.Problem) in try function(.logarithm, node, &translation) },
    "Sqrt": { (node, translation) throws(ImportError.Problem) in try function(.squareRoot, node, &translation) },
    "Abs": { (node, translation) throws(ImportError.Problem) in try function(.magnitude, node, &translation) },
    "Sin": { (node, translation) throws(ImportError.Problem) in try function(.sine, node, &translation) },
    "Cos": { (node, translation) throws(ImportError.Problem) in try function(.cosine, node, &translation) },
    "Tan": { (node, translation) throws(ImportError.Problem) in try function(.tangent, node, &translation) },
    "Asin": { (node, translation) throws(ImportError.Problem) in try function(.arcSine, node, &translation) },
    "Acos": { (node, translation) throws(ImportError.Problem) in try function(.arcCosine, node, &translation) },
    "Atan": { (node, translation) throws(ImportError.Problem) in try function(.arcTangent, node, &translation) },
    "Sinh": { (node, translation) throws(ImportError.Problem) in try function(.hyperbolicSine, node, &translation) },
    "Cosh": { (node, translation) throws(ImportError.Problem) in try function(.hyperbolicCosine, node, &translation) },
    "Asinh": { (node, translation) throws(ImportError.Problem) in
      try function(.arcHyperbolicSine, node, &translation)
    },
    "Acosh": { (node, translation) throws(ImportError.Problem) in
      try function(.arcHyperbolicCosine, node, &translation)
    },
    "Atanh": { (node, translation) throws(ImportError.Problem) in
      try function(.arcHyperbolicTangent, node, &translation)
    },
    "Floor": { (node, translation) throws(ImportError.Problem) in try function(.floor, node, &translation) },
    "Ceil": { (node, translation) throws(ImportError.Problem) in try function(.ceiling, node, &translation) },
    "Round": { (node, translation) throws(ImportError.Problem) in try function(.round, node, &translation) },
    "Softplus": { (node, translation) throws(ImportError.Problem) in try function(.softplus, node, &translation) },
    "Softsign": { (node, translation) throws(ImportError.Problem) in try function(.softsign, node, &translation) },
    "Mish": { (node, translation) throws(ImportError.Problem) in try function(.mish, node, &translation) },
    "Selu": { (node, translation) throws(ImportError.Problem) in
      let slope = try node.float("alpha", default: 1.67326319)
      return try function(
        .selu(scale: try node.float("gamma", default: 1.05070102), slope: slope), node, &translation)
    },
    "Celu": { (node, translation) throws(ImportError.Problem) in
      try function(.celu(scale: try node.float("alpha", default: 1)), node, &translation)
    },
    "ThresholdedRelu": { (node, translation) throws(ImportError.Problem) in
      try function(.above(limit: try node.float("alpha", default: 1)), node, &translation)
    },
    "Shrink": { (node, translation) throws(ImportError.Problem) in
      let limit = try node.float("lambd", default: 0.5)
      return try function(.shrink(limit: limit, bias: try node.float("bias", default: 0)), node, &translation)
    },
    "IsInf": { (node, translation) throws(ImportError.Problem) in
      let above = try node.flag("detect_positive", default: true)
      let function = ScalarFunction.isInfinite(above: above, below: try node.flag("detect_negative", default: true))
      return try translation.value(node, Pointwise(function), [try translation.operand(node, 0)], type: .truth)
    },
    "Reciprocal": { (node, translation) throws(ImportError.Problem) in
      try function(.reciprocal, node, &translation)
    },
    "HardSigmoid": { (node, translation) throws(ImportError.Problem) in
      let slope = try node.float("alpha", default: 0.2)
      return try function(
        .hardSigmoid(slope: slope, offset: try node.float("beta", default: 0.5)), node, &translation)
    },
    "LeakyRelu": { (node, translation) throws(ImportError.Problem) in
      try function(.leakyRelu(slope: try node.float("alpha", default: 0.01)), node, &translation)
    },
    "Elu": { (node, translation) throws(ImportError.Problem) in
      try function(.elu(scale: try node.float("alpha", default: 1)), node, &translation)
    },
    "Swish": { (node, translation) throws(ImportError.Problem) in
      let alpha = try node.float("alpha", default: 1)
      if alpha == 1 { return try function(.swish, node, &translation) }
      let input = try translation.operand(node, 0)
      let gate = try translation.applying(node, .sigmoid, try translation.scaled(node, input, by: alpha))
      return try translation.value(node, Multiply(), [input, gate])
    },
    "Gelu": gelu,
    "Pow": power,
    "PRelu": learnedLeak,
    "IsNaN": { (node, translation) throws(ImportError.Problem) in
      try translation.value(node, IsNotANumber(), [try translation.operand(node, 0)], type: .truth)
    },
  ]

  private static func function(
    _ function: ScalarFunction, _ node: ONNXNode, _ translation: inout ONNXTranslation
  ) throws(ImportError.Problem) -> ONNXValue {
    return try translation.value(node, Pointwise(function), [try translation.operand(node, 0)])
  }

  private static func gelu(
    _ node: ONNXNode, _ translation: inout ONNXTranslation
  ) throws(ImportError.Problem) -> ONNXValue {
    switch try node.string("approximate", default: "none") {
    case "none": return try function(.gelu, node, &translation)
    case "tanh": return try function(.geluByTanh, node, &translation)
    case let other: throw node.problem("'approximate' is '\(other)', expected none or tanh")
    }
  }

  /// A power with a constant exponent: small whole ones are products, and a half is a square root.
  private static func power(
    _ node: ONNXNode, _ translation: inout ONNXTranslation
  ) throws(ImportError.Problem) -> ONNXValue {
    guard case .literal(let literal) = try translation.input(node, 1), let exponent = literal.scalar,
      literal.shape.rank <= (try translation.shape(of: try translation.input(node, 0), node)).rank
    else {
      let inputs = [try translation.operand(node, 0), try translation.operand(node, 1)]
      return try translation.value(node, Combine(.raised), inputs)
    }
    let base = try translation.operand(node, 0)
    switch exponent {
    case 1: return try translation.value(node, Identity(), [base])
    case 2: return try translation.value(node, Multiply(), [base, base])
    case 3:
      let square = try translation.add(node, Multiply(), [base, base], part: "square")
      return try translation.value(node, Multiply(), [square, base])
    case 0.5: return try translation.value(node, Pointwise(.squareRoot), [base])
    case -1: return try translation.value(node, Pointwise(.reciprocal), [base])
    default: return try translation.value(node, Pointwise(.power(exponent: exponent)), [base])
    }
  }

  private static func learnedLeak(
    _ node: ONNXNode, _ translation: inout ONNXTranslation
  ) throws(ImportError.Problem) -> ONNXValue {
    let input = try translation.operand(node, 0)
    guard case .literal(var slope) = try translation.input(node, 1) else {
      return try translation.value(node, LearnedLeak(), [input, try translation.operand(node, 1)])
    }
    // Before operator set 7 one number a channel was meant by a list of them.
    let shape = translation.graph[input].shape
    if translation.operatorSet < 7, slope.shape.rank == 1, slope.shape.count > 1, shape.rank > 2 {
      slope = slope.reshaped(Shape(slope.shape.dimensions + Array(repeating: 1, count: shape.rank - 2)))
    }
    return try translation.value(node, LearnedLeak(), [input, try translation.constant(slope, for: node)])
  }
}
