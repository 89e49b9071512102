import Compute
import Graphs
import Tensors

extension ONNXOperators {
  /// What transformers are made of, beside products.
  static let attention: [String: Handler] = [
    "Attention": attention,
    "RotaryEmbedding": rotary,
  ]

  /// `softmax(scale · Q · Kᵀ + mask) · V` of matrices `[batch, heads, tokens, features]`, or of heads side by side in
  /// `[batch, tokens, heads · features]`; keys and values of fewer heads serve several.
  private static func attention(
    _ node: ONNXNode, _ translation: inout ONNXTranslation
  ) throws(ImportError.Problem) -> ONNXValue {
    let first = try translation.operand(node, 0)
    let isFlat = translation.graph[first].shape.rank == 3
    let queries = try heads(node, &translation, 0, "q_num_heads")
    var keys = try heads(node, &translation, 1, "kv_num_heads")
    var values = try heads(node, &translation, 2, "kv_num_heads")
    if translation.optional(node, 4) != nil {
      keys = try translation.step(node, Concat(axis: 2), [try translation.operand(node, 4), keys])
    }
    if translation.optional(node, 5) != nil {
      values = try translation.step(node, Concat(axis: 2), [try translation.operand(node, 5), values])
    }
    let present = [keys, values].map { ONNXValue.node($0) }
    let groups = translation.graph[queries].shape[1]
    keys = try shared(node, &translation, keys, by: groups)
    values = try shared(node, &translation, values, by: groups)
    let (products, scores) = try scores(node, &translation, queries, keys)
    let weights = try translation.add(node, Softmax(axis: 3), [scores], part: "weights")
    let mode = try node.integer("qk_matmul_output_mode", default: 0)
    try node.require((0...3).contains(mode), "'qk_matmul_output_mode' is \(mode), outside 0 to 3")
    translation.give(laterOutputs: present + [.node([products.plain, products.capped, scores, weights][mode])])
    let result = try translation.add(
      node, Graphs.MatrixMultiply(), [weights, values], part: isFlat ? "heads" : nil)
    guard isFlat else { return .node(result) }
    let turned = try translation.turned(node, result, [0, 2, 1, 3])
    let shape = translation.graph[turned].shape
    return .node(
      try translation.reshaped(
        node, turned, to: [shape[0], shape[1], shape[2] * shape[3]], batch: translation.batch(of: turned)))
  }

  private static func heads(
    _ node: ONNXNode, _ translation: inout ONNXTranslation, _ index: Int, _ attribute: String
  ) throws(ImportError.Problem) -> Graph.Node.ID {
    let id = try translation.operand(node, index)
    let shape = translation.graph[id].shape
    if shape.rank == 4 { return id }
    let count = try node.integer(attribute, default: 0)
    try node.require(
      shape.rank == 3 && count >= 1 && shape[2] % count == 0,
      "input \(index) is \(shape), and '\(attribute)' is \(count)")
    return try split(node, &translation, id, heads: count)
  }

  /// `[batch, tokens, heads · features]` as `[batch, heads, tokens, features]`.
  private static func split(
    _ node: ONNXNode, _ translation: inout ONNXTranslation, _ id: Graph.Node.ID, heads: Int
  ) throws(ImportError.Problem) -> Graph.Node.ID {
    let shape = translation.graph[id].shape
    let apart = try translation.reshaped(
      node, id, to: [shape[0], shape[1], heads, shape[2] / heads], batch: translation.batch(of: id), part: "heads")
    return try translation.turned(node, apart, [0, 2, 1, 3])
  }

  /// Each head as often as there are queries for it, one after the other.
  private static func shared(
    _ node: ONNXNode, _ translation: inout ONNXTranslation, _ id: Graph.Node.ID, by groups: Int
  ) throws(ImportError.Problem) -> Graph.Node.ID {
    let heads = translation.graph[id].shape[1]
    guard heads != groups else { return id }
    try node.require(heads > 0 && groups % heads == 0, "\(groups) heads of queries do not divide among \(heads)")
    let places = try translation.numbers(node, "heads", [groups], (0..<groups).map { $0 / (groups / heads) })
    return try translation.add(
      node, Gather(axis: 1), [id, places], part: "shared", keepsBatch: false, batch: translation.batch(of: id))
  }

  /// The products of queries and keys, those with a soft limit, and what goes into the softmax.
  private static func scores(
    _ node: ONNXNode, _ translation: inout ONNXTranslation, _ queries: Graph.Node.ID, _ keys: Graph.Node.ID
  ) throws(ImportError.Problem) -> (products: (plain: Graph.Node.ID, capped: Graph.Node.ID), scores: Graph.Node.ID) {
    let features = translation.graph[queries].shape[3]
    let scale = try node.float("scale", default: 1 / Float(features).squareRoot())
    let factor = try translation.constant(Literal("\(node.name).scale", Tensor(scalar: scale)), for: node)
    // The queries are fewer numbers than the products.
    let scaled = try translation.add(node, Multiply(), [queries, factor], part: "queries")
    let turned = try translation.turned(node, keys, [0, 1, 3, 2], part: "keys")
    let plain = try translation.add(node, Graphs.MatrixMultiply(), [scaled, turned], part: "scores")
    var capped = plain
    let limit = try node.float("softcap", default: 0)
    if limit > 0 {
      let inside = try translation.applying(node, .tanh, try translation.scaled(node, plain, by: 1 / limit))
      capped = try translation.scaled(node, inside, by: limit)
    }
    var scores = capped
    let (tokens, seen) = (translation.graph[plain].shape[2], translation.graph[plain].shape[3])
    if translation.optional(node, 3) != nil {
      scores = try masked(node, &translation, scores, seen: seen)
    }
    if try node.flag("is_causal") {
      let past = try translation.optional(node, 4).map { (value) throws(ImportError.Problem) in
        try translation.shape(of: value, node).dimensions.dropFirst(2).first ?? 0
      }
      let mask = try translation.charge(node, [tokens, seen])
      let numbers = (0..<mask.count).map { $0 % seen > $0 / seen + (past ?? 0) ? -Float.infinity : 0 }
      let future = try translation.constant(
        Literal("\(node.name).future", Tensor(mask, scalars: numbers)), for: node)
      scores = try translation.add(node, Add(), [scores, future], part: "causal")
    }
    return ((plain, capped), try padded(node, &translation, scores, seen: seen))
  }

  /// With the mask: what is not true is left out, and numbers are added.
  private static func masked(
    _ node: ONNXNode, _ translation: inout ONNXTranslation, _ scores: Graph.Node.ID, seen: Int
  ) throws(ImportError.Problem) -> Graph.Node.ID {
    var mask = try translation.operand(node, 3)
    let isTruth = translation.type(of: mask) == .truth
    let shape = translation.graph[mask].shape
    if let last = shape.dimensions.last, last > 1, last < seen {
      var after = [Int](repeating: 0, count: shape.rank)
      after[shape.rank - 1] = seen - last
      let pad = Pad(
        before: Array(repeating: 0, count: shape.rank), after: after, value: isTruth ? 0 : -.greatestFiniteMagnitude)
      mask = try translation.step(node, pad, [mask])
    }
    guard isTruth else { return try translation.add(node, Add(), [scores, mask], part: "masked") }
    let never = try translation.number(node, -.infinity)
    return try translation.add(node, Choose(), [mask, scores, never], part: "masked", type: .float)
  }

  /// Without the keys behind the end of each sequence, where their number is given.
  private static func padded(
    _ node: ONNXNode, _ translation: inout ONNXTranslation, _ scores: Graph.Node.ID, seen: Int
  ) throws(ImportError.Problem) -> Graph.Node.ID {
    guard translation.optional(node, 6) != nil else { return scores }
    let lengths = try translation.operand(node, 6)
    let column = try translation.reshaped(
      node, lengths, to: [translation.graph[lengths].shape.count, 1, 1, 1], batch: translation.batch(of: lengths),
      part: "lengths")
    let places = try translation.numbers(node, "places", [seen], Array(0..<seen))
    let isThere = try translation.step(node, Combine(.less), [places, column], type: .truth)
    let never = try translation.number(node, -.infinity)
    return try translation.step(node, Choose(), [isThere, scores, never], type: .float)
  }

  /// Pairs of features turned by angles that grow with the place of the token.
  ///
  /// Su et al., 2021, https://arxiv.org/abs/2104.09864
  private static func rotary(
    _ node: ONNXNode, _ translation: inout ONNXTranslation
  ) throws(ImportError.Problem) -> ONNXValue {
    let input = try translation.operand(node, 0)
    let flat = translation.graph[input].shape
    let count = try node.integer("num_heads", default: 0)
    try node.require(
      flat.rank == 4 || (flat.rank == 3 && count >= 1 && flat[2] % max(count, 1) == 0),
      "its input is \(flat), and 'num_heads' is \(count)")
    let x = flat.rank == 4 ? input : try split(node, &translation, input, heads: count)
    let shape = translation.graph[x].shape
    let turning = try node.integer("rotary_embedding_dim", default: 0)
    let width = turning == 0 ? shape[3] : turning
    try node.require(width >= 2 && width % 2 == 0 && width <= shape[3], "'rotary_embedding_dim' is \(turning)")
    let isInterleaved = try node.flag("interleaved")
    let angles = [try angles(node, &translation, 1), try angles(node, &translation, 2)]
    let halves = try halves(node, &translation, x, width: width, isInterleaved: isInterleaved)
    func turn(_ first: Int, _ operation: any Operator) throws(ImportError.Problem) -> Graph.Node.ID {
      let a = try translation.step(node, Multiply(), [halves[0], angles[first]])
      let b = try translation.step(node, Multiply(), [halves[1], angles[1 - first]])
      return try translation.step(node, operation, [a, b])
    }
    var parts = [try turn(0, Subtract()), try turn(1, Add())]
    if isInterleaved { parts = [try paired(node, &translation, parts, like: x, width: width)] }
    if width < shape[3] {
      parts.append(try translation.part(node, x, axis: 3, from: width, count: shape[3] - width, named: "rest"))
    }
    let isLast = flat.rank == 4
    let turned = try translation.add(node, Concat(axis: 3), parts, part: isLast ? nil : "heads")
    if isLast { return .node(turned) }
    let back = try translation.turned(node, turned, [0, 2, 1, 3])
    return .node(try translation.reshaped(node, back, to: flat.dimensions, batch: translation.batch(of: input)))
  }

  /// Two halves as pairs side by side.
  private static func paired(
    _ node: ONNXNode, _ translation: inout ONNXTranslation, _ halves: [Graph.Node.ID], like x: Graph.Node.ID,
    width: Int
  ) throws(ImportError.Problem) -> Graph.Node.ID {
    let outer = Array(translation.graph[x].shape.dimensions[..<3])
    let batch = translation.batch(of: x)
    var columns: [Graph.Node.ID] = []
    for half in halves {
      columns.append(try translation.reshaped(node, half, to: outer + [width / 2, 1], batch: batch, part: "pair"))
    }
    let pairs = try translation.step(node, Concat(axis: 4), columns)
    return try translation.reshaped(node, pairs, to: outer + [width], batch: batch, part: "pairs")
  }

  /// The first features of all pairs, and the second ones.
  private static func halves(
    _ node: ONNXNode, _ translation: inout ONNXTranslation, _ x: Graph.Node.ID, width: Int, isInterleaved: Bool
  ) throws(ImportError.Problem) -> [Graph.Node.ID] {
    var cut = Cut(translation.graph[x].shape, axis: 3, start: 0, count: width / 2)
    var halves: [Graph.Node.ID] = []
    for half in 0..<2 {
      cut.starts[3] = isInterleaved ? half : half * width / 2
      cut.steps[3] = isInterleaved ? 2 : 1
      guard case .node(let part) = try translation.cut(node, x, cut, part: "half") else { break }
      halves.append(part)
    }
    return halves
  }

  /// The sines or cosines `[batch, 1, tokens, features / 2]`, looked up by the places of the tokens where these are
  /// given.
  private static func angles(
    _ node: ONNXNode, _ translation: inout ONNXTranslation, _ index: Int
  ) throws(ImportError.Problem) -> Graph.Node.ID {
    var table = try translation.operand(node, index)
    if translation.optional(node, 3) != nil {
      let places = try translation.operand(node, 3)
      table = try translation.add(
        node, Gather(axis: 0), [table, places], part: "angles", keepsBatch: false, batch: translation.batch(of: places))
    }
    let shape = translation.graph[table].shape
    try node.require(shape.rank == 3, "input \(index) is \(shape), expected [batch, tokens, features / 2]")
    return try translation.reshaped(
      node, table, to: [shape[0], 1, shape[1], shape[2]], batch: translation.batch(of: table), part: "column")
  }
}
