import Graphs
import Tensors

extension ONNXOperators {
  /// What transformers are made of, beside products.
  static let attention: [String: Handler] = [
    "Attention": attention,
    "LayerNormalization": layerNormalization,
  ]

  private static func layerNormalization(
    _ node: ONNXNode, _ translation: inout ONNXTranslation
  ) throws(ImportError.Problem) -> ONNXValue {
    let input = try translation.operand(node, 0)
    let shape = translation.graph[input].shape
    let axis = try node.axis(try node.integer("axis", default: -1), rank: shape.rank)
    if let place = translation.batch(of: input) {
      try node.require(place.axis < axis, "normalises over the batch, which is not supported")
    }
    let wanted = Shape(Array(shape.dimensions[axis...]))
    _ = try translation.charge(node, wanted.dimensions + [2])
    let scale = try weight(node, &translation, 1, of: wanted)
    let shift =
      translation.optional(node, 2) == nil
      ? try translation.constant(Literal("\(node.name).shift", Tensor(wanted, repeating: 0)), for: node)
      : try weight(node, &translation, 2, of: wanted)
    let operation = LayerNorm(epsilon: try node.float("epsilon", default: 1e-5))
    return try translation.value(
      node, operation, [input, scale, shift], keepsBatch: false, batch: translation.batch(of: input))
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

  /// `softmax(scale · Q · Kᵀ + mask) · V` of matrices `[batch, heads, tokens, features]`.
  private static func attention(
    _ node: ONNXNode, _ translation: inout ONNXTranslation
  ) throws(ImportError.Problem) -> ONNXValue {
    var operands: [Graph.Node.ID] = []
    for index in 0..<3 {
      let id = try translation.operand(node, index)
      let shape = translation.graph[id].shape
      try node.require(shape.rank == 4, "input \(index) is \(shape); only 4 axes are supported")
      operands.append(id)
    }
    let heads = operands.map { translation.graph[$0].shape[1] }
    try node.require(Set(heads).count == 1, "has \(heads) heads; only equal numbers are supported")
    for (name, standard) in [("is_causal", 0), ("softcap", 0), ("qk_matmul_output_mode", 0)] {
      let isStandard =
        try name == "softcap" ? node.float(name, default: 0) == 0 : node.integer(name, default: 0) == standard
      try node.require(isStandard, "'\(name)' is not \(standard), which is not supported")
    }
    for index in 4..<7 {
      try node.require(translation.optional(node, index) == nil, "input \(index) is not supported")
    }
    let features = translation.graph[operands[0]].shape[3]
    let scale = try node.float("scale", default: 1 / Float(features).squareRoot())
    let factor = try translation.constant(Literal("\(node.name).scale", Tensor(scalar: scale)), for: node)
    // The queries are fewer numbers than the products.
    let queries = try translation.add(node, Multiply(), [operands[0], factor], part: "queries")
    let keys = try translation.add(node, Transpose(permutation: [0, 1, 3, 2]), [operands[1]], part: "keys")
    var scores = try translation.add(node, Graphs.MatrixMultiply(), [queries, keys], part: "scores")
    if translation.optional(node, 3) != nil {
      let mask = try translation.operand(node, 3)
      scores = try translation.add(node, Add(), [scores, mask], part: "masked")
    }
    let weights = try translation.add(node, Softmax(axis: 3), [scores], part: "weights")
    return try translation.value(node, Graphs.MatrixMultiply(), [weights, operands[2]])
  }
}
