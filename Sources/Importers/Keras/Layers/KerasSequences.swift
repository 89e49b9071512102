import Compute
import Graphs
import Tensors

extension KerasLayers {
  static let sequences: [String: Handler] = [
    "Embedding": embedding,
    "MultiHeadAttention": attention,
    "TimeDistributed": timeDistributed,
  ]

  private static func embedding(
    _ step: KerasStep, _ translation: inout KerasTranslation
  ) throws(ImportError.Problem) -> [KerasTensor] {
    try step.requireFalse("mask_zero")
    let places = try translation.plain(try step.input(), step.name)
    let sizes = [try step.integer("input_dim"), try step.integer("output_dim")]
    let table = try translation.weight(step, KerasVariable("embeddings", "W", index: 0), sizes)
    return [KerasTensor(node: try translation.add(step, Gather(axis: 0), [table, places]))]
  }

  /// A layer that looks at each step on its own; those that work along the last axis do that anyway.
  private static func timeDistributed(
    _ step: KerasStep, _ translation: inout KerasTranslation
  ) throws(ImportError.Problem) -> [KerasTensor] {
    let (layer, place) = try step.wrapped("layer", branch: "layer")
    let known: Set<String> = [
      "Dense", "Activation", "Dropout", "ReLU", "LeakyReLU", "ELU", "LayerNormalization", "Softmax",
    ]
    try step.require(known.contains(layer.fullType), "stands around a \(layer.fullType), which is not supported")
    let inner = KerasStep(
      layer: layer, name: step.name, place: place, inputs: step.inputs, call: step.call, keywordInputs: [:])
    return try handlers[layer.type]!(inner, &translation)
  }

  /// Attention of several heads.
  ///
  ///     y = Σ softmax(q kᵀ / √features) v · output, with q, k and v dense layers of the inputs
  ///
  /// Kernels `[in, heads, features]`, the last one `[heads, features, out]`. Vaswani et al., 2017,
  /// https://arxiv.org/abs/1706.03762
  private static func attention(
    _ step: KerasStep, _ translation: inout KerasTranslation
  ) throws(ImportError.Problem) -> [KerasTensor] {
    try checkAttention(step)
    let (heads, keySize) = (try step.integer("num_heads"), try step.integer("key_dim"))
    let valueSize = try step.integer("value_dim", default: keySize)
    try step.require([heads, keySize, valueSize].allSatisfy { (1...65536).contains($0) }, "has impossible sizes")
    guard let query = step.inputs.first ?? step.keywordInputs["query"],
      let value = (step.inputs.count > 1 ? step.inputs[1] : nil) ?? step.keywordInputs["value"]
    else { throw step.problem("wants a query and a value") }
    let key = (step.inputs.count > 2 ? step.inputs[2] : nil) ?? step.keywordInputs["key"] ?? value
    let q = try projected(step, &translation, query, "query", heads, keySize, order: [0, 2, 1, 3])
    let k = try projected(step, &translation, key, "key", heads, keySize, order: [0, 2, 3, 1])
    let v = try projected(step, &translation, value, "value", heads, valueSize, order: [0, 2, 1, 3])
    let factor = translation.constant(step, Tensor(scalar: 1 / Float(keySize).squareRoot()), "scale")
    let scaled = try translation.add(step, Multiply(), [q, factor], part: "scaled")
    var scores = try translation.add(step, Graphs.MatrixMultiply(), [scaled, k], part: "scores")
    if case .value(.boolean(true)) = step.call.keywords["use_causal_mask"] ?? .value(.null) {
      let shape = translation.graph[scores].shape
      try step.require(max(shape[2], shape[3]) <= 8192, "has too many steps for a mask")
      let mask = translation.constant(step, .causal(rows: shape[2], columns: shape[3]), "mask")
      scores = try translation.add(step, Add(), [scores, mask], part: "masked")
    }
    let shares = try translation.add(step, Softmax(axis: 3), [scores], part: "shares")
    let mixed = try translation.add(step, Graphs.MatrixMultiply(), [shares, v], part: "mixed")
    let steps = translation.graph[mixed].shape[2]
    let turned = try translation.add(step, Transpose(permutation: [0, 2, 1, 3]), [mixed], part: "turned")
    let joined = try translation.add(
      step, Reshape(dimensions: [0, steps, heads * valueSize]), [turned], part: "joined")
    return [try outputProjection(step, &translation, joined, query, heads, valueSize)]
  }

  private static func checkAttention(_ step: KerasStep) throws(ImportError.Problem) {
    try step.require(step.value(["attention_axes"])?.array?.count ?? 1 == 1, "'attention_axes' is not supported")
    for name in ["attention_mask", "query_mask", "value_mask", "key_mask"] {
      try step.require(step.keywordInputs[name] == nil, "'\(name)' is not supported")
    }
    if case .value(.boolean(true)) = step.call.keywords["return_attention_scores"] ?? .value(.null) {
      throw step.problem("'return_attention_scores' is true, which is not supported")
    }
    try step.require(step.inputs.count <= 3, "takes a query, a value and a key, not \(step.inputs.count) inputs")
  }

  /// A dense layer for each head: `[batch, steps, in]` to `[batch, heads, steps, features]`, or in another order.
  private static func projected(
    _ step: KerasStep, _ translation: inout KerasTranslation, _ tensor: KerasTensor, _ name: String, _ heads: Int,
    _ features: Int, order: [Int]
  ) throws(ImportError.Problem) -> Graph.Node.ID {
    let id = try translation.plain(tensor, step.name)
    let shape = translation.graph[id].shape
    try step.require(shape.rank == 3, "takes inputs of 3 axes, not \(shape)")
    let kernel = try translation.weight(
      step, KerasVariable("kernel", index: 0).inside([name], ["\(name)_dense", "_\(name)_dense"]),
      [shape[2], heads, features]
    ) { $0.reshaped([shape[2], heads * features]).transposed([1, 0]) }
    var bias: [Graph.Node.ID] = []
    if try step.boolean("use_bias", default: true) {
      let variable = KerasVariable("bias", index: 1).inside([name], ["\(name)_dense", "_\(name)_dense"])
      bias = [try translation.weight(step, variable, [heads, features]) { $0.reshaped([heads * features]) }]
    }
    let dense = try translation.add(step, Dense(), [id, kernel] + bias, part: name)
    let apart = try translation.add(
      step, Reshape(dimensions: [0, shape[1], heads, features]), [dense], part: "\(name)/heads")
    return try translation.add(step, Transpose(permutation: order), [apart], part: "\(name)/order")
  }

  private static func outputProjection(
    _ step: KerasStep, _ translation: inout KerasTranslation, _ joined: Graph.Node.ID, _ query: KerasTensor,
    _ heads: Int, _ features: Int
  ) throws(ImportError.Problem) -> KerasTensor {
    let wanted = step.value(["output_shape"])
    let sizes = wanted.map { $0.integer.map { [$0] } ?? $0.array?.compactMap(\.integer) ?? [] }
    let size = sizes.map { $0.count == 1 ? $0[0] : -1 } ?? translation.kerasShape(query).last ?? 0
    try step.require((1...(1 << 20)).contains(size), "'output_shape' is \(wanted?.words ?? ""), expected one size")
    let branches = ["output_dense", "_output_dense"]
    let kernel = try translation.weight(
      step, KerasVariable("kernel", index: 0).inside(["attention_output"], branches), [heads, features, size]
    ) { $0.reshaped([heads * features, size]).transposed([1, 0]) }
    var bias: [Graph.Node.ID] = []
    if try step.boolean("use_bias", default: true) {
      bias = [
        try translation.weight(step, KerasVariable("bias", index: 1).inside(["attention_output"], branches), [size])
      ]
    }
    return KerasTensor(node: try translation.add(step, Dense(), [joined, kernel] + bias))
  }
}

extension KerasStep {
  /// The layer in a wrapping one, and where its weights are.
  func wrapped(_ key: String, branch: String) throws(ImportError.Problem) -> (KerasLayer, KerasWeightPlace) {
    guard let inner = layer.config[key] else { throw problem("'\(key)' is missing") }
    var place = self.place
    place.group += "/\(branch)"
    return (try KerasLayer(inner, place: 0, depth: 1), place)
  }
}

extension Tensor {
  /// 0 where a row may look at a column, and far below 0 where the column comes later.
  fileprivate static func causal(rows: Int, columns: Int) -> Tensor {
    Tensor([rows, columns], scalars: (0..<(rows * columns)).map { $0 % columns > $0 / columns ? -1e9 : 0 })
  }
}
