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
    "LogSoftmax": logSoftmax,
    "Hardmax": hardmax,
    "Identity": identity,
    "Dropout": dropout,
  ]

  /// With limits that are known, one step; else the larger of it and the one, and the smaller of that and the other.
  private static func clip(
    _ node: ONNXNode, _ translation: inout ONNXTranslation
  ) throws(ImportError.Problem) -> ONNXValue {
    let widest = Float.greatestFiniteMagnitude
    let input = try translation.operand(node, 0)
    for index in 1...2 where translation.operatorSet >= 11 {
      guard case .node? = translation.optional(node, index) else { continue }
      var result = input
      if translation.optional(node, 1) != nil {
        result = try translation.step(node, Combine(.larger), [result, try translation.operand(node, 1)])
      }
      guard translation.optional(node, 2) != nil else { return .node(result) }
      return try translation.value(node, Combine(.smaller), [result, try translation.operand(node, 2)])
    }
    let minimum = try bound(node, translation, attribute: "min", input: 1, default: -widest)
    let maximum = try bound(node, translation, attribute: "max", input: 2, default: widest)
    return try translation.value(node, Clip(minimum: min(minimum, maximum), maximum: maximum), [input])
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

  private static func softmax(
    _ node: ONNXNode, _ translation: inout ONNXTranslation
  ) throws(ImportError.Problem) -> ONNXValue {
    try alongAxis(node, &translation) { (node, translation, id, axis, part) throws(ImportError.Problem) in
      try translation.add(node, Softmax(axis: axis), [id], part: part)
    }
  }

  /// `x − max x − log Σ exp(x − max x)`, which stays exact where the softmax is 0.
  private static func logSoftmax(
    _ node: ONNXNode, _ translation: inout ONNXTranslation
  ) throws(ImportError.Problem) -> ONNXValue {
    try alongAxis(node, &translation) { (node, translation, id, axis, part) throws(ImportError.Problem) in
      let largest = try translation.step(node, Reduce(.largest, axes: [axis]), [id])
      let below = try translation.step(node, Subtract(), [id, largest])
      let sum = try translation.step(node, Sum(axes: [axis]), [try translation.applying(node, .exponential, below)])
      return try translation.add(
        node, Subtract(), [below, try translation.applying(node, .logarithm, sum)], part: part)
    }
  }

  /// 1 for the first of the largest, 0 for the others.
  private static func hardmax(
    _ node: ONNXNode, _ translation: inout ONNXTranslation
  ) throws(ImportError.Problem) -> ONNXValue {
    try alongAxis(node, &translation) { (node, translation, id, axis, part) throws(ImportError.Problem) in
      let order = try translation.step(node, Order(axis: axis, descending: true), [id])
      let first = try translation.part(node, order, axis: axis, from: 0, count: 1)
      let shape = translation.graph[id].shape
      let places = try translation.numbers(
        node, "places", Shape([shape[axis]] + Array(repeating: 1, count: shape.rank - axis - 1)),
        Array(0..<shape[axis]), type: .float)
      return try translation.add(node, Combine(.equal), [first, places], part: part, type: .float)
    }
  }

  typealias AxisStep = (
    ONNXNode, inout ONNXTranslation, Graph.Node.ID, _ axis: Int, _ part: String?
  ) throws(ImportError.Problem) -> Graph.Node.ID

  /// Something along an axis; before operator set 13 all axes from `axis` on were one.
  private static func alongAxis(
    _ node: ONNXNode, _ translation: inout ONNXTranslation, _ body: AxisStep
  ) throws(ImportError.Problem) -> ONNXValue {
    let input = try translation.operand(node, 0)
    let shape = translation.graph[input].shape
    let coerces = translation.operatorSet < 13
    let axis = try node.axis(try node.integer("axis", default: coerces ? 1 : -1), rank: shape.rank)
    guard coerces, shape.dimensions[(axis + 1)...].contains(where: { $0 != 1 }) else {
      return .node(try body(node, &translation, input, axis, nil))
    }
    let flat = try translation.add(node, Flatten(axis: axis), [input], part: "flatten")
    let result = try body(node, &translation, flat, 1, node.operation.lowercased())
    let dimensions = (axis > 0 ? [0] : [shape[0]]) + shape.dimensions.dropFirst()
    return try translation.value(
      node, Reshape(dimensions: dimensions), [result], keepsBatch: false, batch: translation.batch(of: input))
  }

  /// Whatever it passes on, a weight too, is the same value afterwards.
  private static func identity(
    _ node: ONNXNode, _ translation: inout ONNXTranslation
  ) throws(ImportError.Problem) -> ONNXValue {
    if case .literal(let literal) = try translation.input(node, 0) { return .literal(literal) }
    return try translation.value(node, Identity(), [try translation.operand(node, 0)])
  }

  /// Passes everything on; its mask says so. While training it would draw at random, unless it drops none.
  private static func dropout(
    _ node: ONNXNode, _ translation: inout ONNXTranslation
  ) throws(ImportError.Problem) -> ONNXValue {
    if let training = try translation.literal(node, 2), training.scalar != 0 {
      let ratio = try translation.literal(node, 1)?.scalar ?? 0.5
      try node.require(ratio == 0, "its training mode is on: export the model for inference")
    }
    if node.outputs.count > 1 {
      let own = try translation.shape(of: try translation.input(node, 0), node)
      let shape = try translation.charge(node, own.dimensions)
      let mask = Literal(node.outputs[1], shape, integers: Array(repeating: 1, count: shape.count), type: .truth)
      translation.give(laterOutputs: [.literal(mask)])
    }
    return try identity(node, &translation)
  }
}
