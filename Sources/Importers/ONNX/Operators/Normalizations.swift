import Compute
import Graphs
import Tensors

extension ONNXOperators {
  /// Norms beside those of a batch.
  static let normalizations: [String: Handler] = [
    "LayerNormalization": layerNormalization,
    "RMSNormalization": rootMeanSquareNormalization,
    "InstanceNormalization": { (node, translation) throws(ImportError.Problem) in
      try groupNormalization(node, &translation, groups: nil)
    },
    "GroupNormalization": { (node, translation) throws(ImportError.Problem) in
      try groupNormalization(node, &translation, groups: try node.integer("num_groups", default: 0))
    },
    "LRN": localResponse,
    "LpNormalization": powerNormalization,
    "MeanVarianceNormalization": { (node, translation) throws(ImportError.Problem) in
      let input = try translation.operand(node, 0)
      let given = node.attributes["axes"]?.integers ?? [0, 2, 3]
      let axes = try node.axes(given, rank: translation.graph[input].shape.rank)
      if let place = translation.batch(of: input) {
        try node.require(!axes.contains(place.axis), "normalises over the batch, which is not supported")
      }
      return .node(try translation.normalised(node, input, axes: axes, epsilon: 1e-9, centred: true).result)
    },
  ]

  private static func axis(
    _ node: ONNXNode, _ translation: ONNXTranslation, _ input: Graph.Node.ID
  ) throws(ImportError.Problem) -> Int {
    let axis = try node.axis(try node.integer("axis", default: -1), rank: translation.graph[input].shape.rank)
    if let place = translation.batch(of: input) {
      try node.require(place.axis < axis, "normalises over the batch, which is not supported")
    }
    return axis
  }

  /// In one step where scale and shift are constants, else in several.
  private static func layerNormalization(
    _ node: ONNXNode, _ translation: inout ONNXTranslation
  ) throws(ImportError.Problem) -> ONNXValue {
    let input = try translation.operand(node, 0)
    let shape = translation.graph[input].shape
    let axis = try axis(node, translation, input)
    let epsilon = try node.float("epsilon", default: 1e-5)
    var normal = input
    let isConstant = if case .literal? = translation.optional(node, 1) { true } else { false }
    if !isConstant || !node.outputs.dropFirst().allSatisfy(\.isEmpty) {
      let steps = try translation.normalised(
        node, input, axes: Array(axis..<shape.rank), epsilon: epsilon, centred: true)
      translation.give(laterOutputs: [steps.mean ?? steps.inverse, steps.inverse].map { .node($0) })
      normal = steps.result
    }
    guard isConstant else { return .node(try affine(node, &translation, normal)) }
    let wanted = Shape(Array(shape.dimensions[axis...]))
    _ = try translation.charge(node, wanted.dimensions + [2])
    let scale = try weight(node, &translation, 1, of: wanted)
    let shift =
      translation.optional(node, 2) == nil
      ? try translation.constant(Literal("\(node.name).shift", Tensor(wanted, repeating: 0)), for: node)
      : try weight(node, &translation, 2, of: wanted)
    return try translation.value(
      node, LayerNorm(epsilon: epsilon), [input, scale, shift], keepsBatch: false,
      batch: translation.batch(of: input))
  }

  private static func weight(
    _ node: ONNXNode, _ translation: inout ONNXTranslation, _ index: Int, of shape: Shape
  ) throws(ImportError.Problem) -> Graph.Node.ID {
    guard let literal = try translation.literal(node, index) else { throw node.problem("has no input \(index)") }
    guard literal.shape != shape else { return try translation.constant(literal, for: node) }
    try node.require(
      Shape.broadcast(literal.shape, shape) == shape, "input \(index) has the shape \(literal.shape), expected \(shape)"
    )
    return try translation.constant(literal.expanded(to: shape), for: node)
  }

  /// Times input 1 and plus input 2, where they are there.
  private static func affine(
    _ node: ONNXNode, _ translation: inout ONNXTranslation, _ id: Graph.Node.ID
  ) throws(ImportError.Problem) -> Graph.Node.ID {
    let hasShift = translation.optional(node, 2) != nil
    let scaled = try translation.add(
      node, Multiply(), [id, try translation.operand(node, 1)], part: hasShift ? "scaled" : nil)
    return hasShift ? try translation.add(node, Add(), [scaled, try translation.operand(node, 2)]) : scaled
  }

  private static func rootMeanSquareNormalization(
    _ node: ONNXNode, _ translation: inout ONNXTranslation
  ) throws(ImportError.Problem) -> ONNXValue {
    let input = try translation.operand(node, 0)
    let axes = Array(try axis(node, translation, input)..<translation.graph[input].shape.rank)
    let epsilon = try node.float("epsilon", default: 1e-5)
    let normal = try translation.normalised(node, input, axes: axes, epsilon: epsilon, centred: false).result
    return .node(try affine(node, &translation, normal))
  }

  /// Over the pixels of groups of channels; without groups over those of each channel.
  private static func groupNormalization(
    _ node: ONNXNode, _ translation: inout ONNXTranslation, groups: Int?
  ) throws(ImportError.Problem) -> ONNXValue {
    let input = try translation.operand(node, 0)
    let shape = translation.graph[input].shape
    try node.require(shape.rank >= 3, "its input \(shape) is no image")
    let groups = groups ?? shape[1]
    try node.require(
      groups >= 1 && shape[1] % groups == 0, "\(shape[1]) channels do not divide into \(groups) groups")
    let batch = translation.batch(of: input)
    let inner = shape.count / max(shape[0] * groups, 1)
    let rows = try translation.reshaped(node, input, to: [shape[0], groups, inner], batch: batch, part: "groups")
    let normal = try translation.normalised(
      node, rows, axes: [2], epsilon: try node.float("epsilon", default: 1e-5), centred: true
    ).result
    // Before operator set 21 a group norm had a scale for each group.
    let isByGroup = node.operation == "GroupNormalization" && translation.operatorSet < 21
    var result = normal
    if !isByGroup {
      result = try translation.reshaped(node, normal, to: shape.dimensions, batch: batch, part: "image")
    }
    for (index, operation) in [(1, Multiply() as any Operator), (2, Add())] {
      let weight = try translation.operand(node, index)
      let column = [translation.graph[weight].shape.count] + Array(repeating: 1, count: isByGroup ? 1 : shape.rank - 2)
      let laid = try translation.reshaped(node, weight, to: column, part: "column")
      result = try translation.step(node, operation, [result, laid])
    }
    return .node(isByGroup ? try translation.reshaped(node, result, to: shape.dimensions, batch: batch) : result)
  }

  /// `x / (bias + alpha / size · Σ x²)^beta`, the sum over neighbouring channels: a pool over a line of channels.
  ///
  /// Krizhevsky, Sutskever and Hinton, 2012
  private static func localResponse(
    _ node: ONNXNode, _ translation: inout ONNXTranslation
  ) throws(ImportError.Problem) -> ONNXValue {
    let input = try translation.operand(node, 0)
    let shape = translation.graph[input].shape
    let size = try node.integer("size", default: 0)
    try node.require(
      (1...largestWindow).contains(size) && shape.rank >= 2, "'size' is \(size), outside 1 to \(largestWindow)")
    let batch = translation.batch(of: input)
    let pixels = shape.count / max(shape[0] * shape[1], 1)
    let columns = try translation.reshaped(
      node, try translation.square(node, input), to: [shape[0], 1, shape[1], pixels], batch: batch, part: "columns")
    let pool = AveragePool(
      size: [size, 1], padding: [(size - 1) / 2, 0, size / 2, 0], countsPadding: true)
    let means = try translation.reshaped(
      node, try translation.step(node, pool, [columns]), to: shape.dimensions, batch: batch, part: "means")
    let scaled = try translation.scaled(node, means, by: try node.float("alpha", default: 1e-4))
    let shifted = try translation.shifted(node, scaled, by: try node.float("bias", default: 1))
    let divisor = try translation.applying(node, .power(exponent: try node.float("beta", default: 0.75)), shifted)
    return try translation.value(node, Divide(), [input, divisor])
  }

  private static func powerNormalization(
    _ node: ONNXNode, _ translation: inout ONNXTranslation
  ) throws(ImportError.Problem) -> ONNXValue {
    let input = try translation.operand(node, 0)
    let axis = try node.axis(try node.integer("axis", default: -1), rank: translation.graph[input].shape.rank)
    try node.require(translation.batch(of: input)?.axis != axis, "normalises over the batch, which is not supported")
    let power = try node.integer("p", default: 2)
    try node.require(power == 1 || power == 2, "'p' is \(power), expected 1 or 2")
    let sum = try translation.step(
      node, Sum(axes: [axis]), [try translation.raisedMagnitude(node, input, Float(power))])
    let size = power == 1 ? sum : try translation.applying(node, .squareRoot, sum)
    // A row of zeros stays one.
    let one = try translation.number(node, 1)
    let divisor = try translation.step(node, Choose(), [size, size, one], type: .float)
    return try translation.value(node, Divide(), [input, divisor])
  }
}
