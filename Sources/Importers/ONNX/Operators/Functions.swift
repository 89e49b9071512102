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
      try node.require(alpha == 1, "'alpha' is \(alpha); only 1 is supported")
      return try function(.swish, node, &translation)
    },
    "Gelu": gelu,
    "Pow": power,
    "PRelu": learnedLeak,
    "IsNaN": { (node, translation) throws(ImportError.Problem) in
      let id = try translation.add(node, IsNotANumber(), [try translation.operand(node, 0)])
      return translation.integral(id)
    },
  ]

  private static func function(
    _ function: ScalarFunction, _ node: ONNXNode, _ translation: inout ONNXTranslation
  ) throws(ImportError.Problem) -> ONNXValue {
    if case .literal(let literal) = try translation.input(node, 0), let tensor = literal.tensor {
      _ = try translation.charge(node, literal.shape.dimensions)
      return .literal(Literal("", tensor.applying(function)))
    }
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
    guard let exponent = try translation.literal(node, 1)?.scalar else {
      throw node.problem("its exponent must be one constant number")
    }
    if case .literal(let base) = try translation.input(node, 0) {
      _ = try translation.charge(node, base.shape.dimensions)
      guard let tensor = base.tensor else { throw node.problem("takes a power of integers, which is not supported") }
      return .literal(Literal("", tensor.applying(.power(exponent: exponent))))
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
    guard var slope = try translation.literal(node, 1) else { throw node.problem("has no slope") }
    // Before operator set 7 one number a channel was meant by a list of them.
    let shape = translation.graph[input].shape
    if translation.operatorSet < 7, slope.shape.rank == 1, slope.shape.count > 1, shape.rank > 2 {
      slope = slope.reshaped(Shape(slope.shape.dimensions + Array(repeating: 1, count: shape.rank - 2)))
    }
    return try translation.value(node, LearnedLeak(), [input, try translation.constant(slope, for: node)])
  }
}
