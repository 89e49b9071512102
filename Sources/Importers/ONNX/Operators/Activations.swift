import Graphs
import Tensors

extension ONNXOperators {
  /// Operators that look at one number at a time, or only at their neighbours along an axis.
  static let activations: [String: Handler] = [
    "Relu": { (node, translation) throws(ImportError.Problem) in
      try translation.value(node, Relu(), [try translation.operand(node, 0)])
    },
    "Sign": { (node, translation) throws(ImportError.Problem) in
      try translation.value(node, Sign(), [try translation.operand(node, 0)])
    },
    "Clip": clip,
    "Softmax": softmax,
    "Identity": identity,
    "Dropout": dropout,
  ]

  private static func clip(
    _ node: ONNXNode, _ translation: inout ONNXTranslation
  ) throws(ImportError.Problem) -> ONNXValue {
    let widest = Float.greatestFiniteMagnitude
    let input = try translation.operand(node, 0)
    let minimum = try bound(node, translation, attribute: "min", input: 1, default: -widest)
    let maximum = try bound(node, translation, attribute: "max", input: 2, default: widest)
    return try translation.value(node, Clip(minimum: minimum, maximum: maximum), [input])
  }

  private static func bound(
    _ node: ONNXNode, _ translation: ONNXTranslation, attribute: String, input: Int, default standard: Float
  ) throws(ImportError.Problem) -> Float {
    if translation.operatorSet < 11 { return try node.float(attribute, default: standard) }
    guard let literal = try translation.literal(node, input) else { return standard }
    guard let scalar = literal.scalar else {
      throw node.problem("input \(input) ('\(literal.name)') must be one number")
    }
    // Infinities could not be written into a checkpoint.
    return scalar.isInfinite ? (scalar < 0 ? -1 : 1) * Float.greatestFiniteMagnitude : scalar
  }

  /// Before operator set 13 all axes from `axis` on were one.
  private static func softmax(
    _ node: ONNXNode, _ translation: inout ONNXTranslation
  ) throws(ImportError.Problem) -> ONNXValue {
    let input = try translation.operand(node, 0)
    let shape = translation.graph[input].shape
    let coerces = translation.operatorSet < 13
    let axis = try node.axis(try node.integer("axis", default: coerces ? 1 : -1), rank: shape.rank)
    guard coerces, shape.dimensions[(axis + 1)...].contains(where: { $0 != 1 }) else {
      return try translation.value(node, Softmax(axis: axis), [input])
    }
    let flat = try translation.add(node, Flatten(axis: axis), [input], part: "flatten")
    let soft = try translation.add(node, Softmax(axis: 1), [flat], part: "softmax")
    let dimensions = (axis > 0 ? [0] : [shape[0]]) + shape.dimensions.dropFirst()
    return try translation.value(
      node, Reshape(dimensions: dimensions), [soft], keepsBatch: false, batch: translation.batch(of: input))
  }

  /// Whatever it passes on, a weight too, is the same value afterwards.
  private static func identity(
    _ node: ONNXNode, _ translation: inout ONNXTranslation
  ) throws(ImportError.Problem) -> ONNXValue {
    if case .literal(let literal) = try translation.input(node, 0) { return .literal(literal) }
    let id = try translation.operand(node, 0, mayBeIntegral: true)
    let same = try translation.add(node, Identity(), [id])
    return translation.isIntegral(id) ? translation.integral(same) : .node(same)
  }

  private static func dropout(
    _ node: ONNXNode, _ translation: inout ONNXTranslation
  ) throws(ImportError.Problem) -> ONNXValue {
    if let training = try translation.literal(node, 2) {
      try node.require(training.scalar == 0, "its training mode is on: export the model for inference")
    }
    return try identity(node, &translation)
  }
}
