import Graphs
import Tensors

extension ONNXOperators {
  /// Operators that put numbers elsewhere and leave them as they are. All of them work on literals too.
  static let movements: [String: Handler] = [
    "Reshape": reshape,
    "Flatten": flatten,
    "Squeeze": squeeze,
    "Unsqueeze": unsqueeze,
    "Transpose": transpose,
    "Concat": concat,
    "Slice": slice,
  ]

  private static func reshape(
    _ node: ONNXNode, _ translation: inout ONNXTranslation
  ) throws(ImportError.Problem) -> ONNXValue {
    guard let target = try translation.integers(node, 1) else { throw node.problem("has no shape to take") }
    let shape = try translation.shape(of: try translation.input(node, 0), node)
    if try node.flag("allowzero"), target.contains(0) {
      try node.require(
        Shape.checked(target)?.count == 0 && shape.count == 0, "\(shape) cannot take the shape \(target)")
      return try translation.reshaped(node, to: target)
    }
    return try translation.reshaped(node, to: try resolved(node, target, from: shape))
  }

  /// The shape that a target with 0 for a copy and −1 for the rest asks for.
  private static func resolved(
    _ node: ONNXNode, _ target: [Int], from shape: Shape
  ) throws(ImportError.Problem) -> [Int] {
    var dimensions = target
    for axis in target.indices where target[axis] == 0 {
      try node.require(axis < shape.rank, "the shape \(target) copies an axis that \(shape) does not have")
      dimensions[axis] = shape[axis]
    }
    if let free = target.firstIndex(of: -1) {
      dimensions[free] = 1
      let known = Shape.checked(dimensions)?.count ?? 0
      try node.require(known > 0 && shape.count % known == 0, "\(shape) cannot take the shape \(target)")
      dimensions[free] = shape.count / known
    }
    try node.require(Shape.checked(dimensions)?.count == shape.count, "\(shape) cannot take the shape \(target)")
    return dimensions
  }

  private static func flatten(
    _ node: ONNXNode, _ translation: inout ONNXTranslation
  ) throws(ImportError.Problem) -> ONNXValue {
    let input = try translation.input(node, 0)
    let shape = try translation.shape(of: input, node)
    let wanted = try node.integer("axis", default: 1)
    let axis = wanted == shape.rank ? wanted : try node.axis(wanted, rank: shape.rank)
    if case .node(let id) = input {
      return try translation.value(node, Flatten(axis: axis), [id])
    }
    let sides = [shape.dimensions[..<axis], shape.dimensions[axis...]].map { $0.reduce(1, *) }
    return try translation.reshaped(node, to: sides)
  }

  private static func squeeze(
    _ node: ONNXNode, _ translation: inout ONNXTranslation
  ) throws(ImportError.Problem) -> ONNXValue {
    let shape = try translation.shape(of: try translation.input(node, 0), node)
    let given = try translation.integers(node, attribute: "axes", orInput: 1, since: 13)
    let axes = try given.map { (axes) throws(ImportError.Problem) in try node.axes(axes, rank: shape.rank) }
    let removed = axes ?? shape.dimensions.indices.filter { shape[$0] == 1 }
    try node.require(removed.allSatisfy { shape[$0] == 1 }, "the axes \(removed) of \(shape) are not all of size 1")
    let kept = shape.dimensions.indices.filter { !removed.contains($0) }
    var batch: BatchPlace?
    if case .node(let id) = try translation.input(node, 0), let place = translation.batch(of: id) {
      batch = kept.firstIndex(of: place.axis).map { BatchPlace(axis: $0, outside: place.outside) }
    }
    return try translation.reshaped(node, to: kept.map { shape[$0] }, batch: batch)
  }

  private static func unsqueeze(
    _ node: ONNXNode, _ translation: inout ONNXTranslation
  ) throws(ImportError.Problem) -> ONNXValue {
    let shape = try translation.shape(of: try translation.input(node, 0), node)
    guard let given = try translation.integers(node, attribute: "axes", orInput: 1, since: 13) else {
      throw node.problem("has no axes")
    }
    try node.require(given.count <= 16, "the axes \(given) are too many")
    var dimensions = shape.dimensions
    var places = Array(shape.dimensions.indices)
    for axis in try node.axes(given, rank: shape.rank + given.count) {
      dimensions.insert(1, at: axis)
      for old in places.indices where places[old] >= axis { places[old] += 1 }
    }
    var batch: BatchPlace?
    if case .node(let id) = try translation.input(node, 0), let place = translation.batch(of: id) {
      batch = BatchPlace(axis: places[place.axis], outside: place.outside)
    }
    return try translation.reshaped(node, to: dimensions, batch: batch)
  }

  private static func transpose(
    _ node: ONNXNode, _ translation: inout ONNXTranslation
  ) throws(ImportError.Problem) -> ONNXValue {
    let input = try translation.input(node, 0)
    let shape = try translation.shape(of: input, node)
    let permutation = node.attributes["perm"]?.integers ?? Array((0..<shape.rank).reversed())
    try node.require(
      permutation.sorted() == Array(0..<shape.rank),
      "'perm' is \(permutation), expected each of \(shape.rank) axes once")
    switch input {
    case .literal(let literal):
      _ = try translation.charge(node, shape.dimensions)
      // A weight that is turned is still that weight.
      return .literal(literal.transposed(permutation))
    default:
      let id = try translation.operand(node, 0)
      let place = translation.batch(of: id).map {
        BatchPlace(axis: permutation.firstIndex(of: $0.axis)!, outside: $0.outside)
      }
      return try translation.value(
        node, Transpose(permutation: permutation), [id], keepsBatch: false, batch: place)
    }
  }

  private static func concat(
    _ node: ONNXNode, _ translation: inout ONNXTranslation
  ) throws(ImportError.Problem) -> ONNXValue {
    try node.require(node.attributes["axis"] != nil, "'axis' is missing")
    var literals: [Literal] = []
    for index in node.inputs.indices {
      if case .literal(let literal) = try translation.input(node, index) { literals.append(literal) }
    }
    let shape = try translation.shape(of: try translation.input(node, 0), node)
    let axis = try node.axis(try node.integer("axis", default: 1), rank: shape.rank)
    if literals.count == node.inputs.count { return try joined(node, &translation, literals, axis) }
    var inputs: [Graph.Node.ID] = []
    for index in node.inputs.indices { inputs.append(try translation.operand(node, index)) }
    let mixes = inputs.contains { translation.batch(of: $0)?.axis == axis }
    return try translation.value(node, Concat(axis: axis), inputs, keepsBatch: !mixes)
  }

  private static func joined(
    _ node: ONNXNode, _ translation: inout ONNXTranslation, _ literals: [Literal], _ axis: Int
  ) throws(ImportError.Problem) -> ONNXValue {
    let first = literals[0].shape
    for literal in literals {
      let fits =
        literal.shape.rank == first.rank
        && first.dimensions.indices.allSatisfy { $0 == axis || literal.shape[$0] == first[$0] }
      try node.require(fits, "the shapes \(first) and \(literal.shape) differ in more than axis \(axis)")
    }
    var dimensions = first.dimensions
    dimensions[axis] = literals.reduce(0) { $0 + $1.shape[axis] }
    let shape = try translation.charge(node, dimensions)
    let rows = dimensions[..<axis].reduce(1, *)
    func gather<Number>(_ parts: [[Number]]) -> [Number] {
      var joined: [Number] = []
      for row in 0..<rows {
        for part in parts {
          let width = rows == 0 ? 0 : part.count / rows
          joined += part[row * width..<(row + 1) * width]
        }
      }
      return joined
    }
    let integers = literals.compactMap(\.integers)
    if integers.count == literals.count {
      return .literal(Literal("", shape, integers: gather(integers), type: literals[0].type))
    }
    let floats = literals.compactMap { $0.tensor?.scalars }
    try node.require(floats.count == literals.count, "joins integers with floating point numbers")
    return .literal(Literal("", Tensor(shape, scalars: gather(floats))))
  }

  private static func slice(
    _ node: ONNXNode, _ translation: inout ONNXTranslation
  ) throws(ImportError.Problem) -> ONNXValue {
    let input = try translation.input(node, 0)
    let shape = try translation.shape(of: input, node)
    let cut = try Cut(node, translation, shape)
    switch input {
    case .literal(let literal):
      let strides = shape.strides
      let offset = shape.dimensions.indices.reduce(0) { $0 + cut.starts[$1] * strides[$1] }
      let result = try translation.charge(node, cut.counts)
      let cut = literal.viewed(result, offset: offset, strides: strides.indices.map { strides[$0] * cut.steps[$0] })
      return .literal(cut.renamed(""))
    default:
      return try translation.cut(node, try translation.operand(node, 0), cut)
    }
  }
}

extension ONNXTranslation {
  /// A part of a value along each axis; the batch must stay whole.
  mutating func cut(
    _ node: ONNXNode, _ id: Graph.Node.ID, _ cut: Cut, part: String? = nil
  ) throws(ImportError.Problem) -> ONNXValue {
    let shape = graph[id].shape
    var counts = cut.counts
    if let axis = batch(of: id)?.axis {
      try node.require(
        cut.starts[axis] == 0 && cut.steps[axis] == 1 && counts[axis] == shape[axis],
        "takes a part of the batch, which is not supported")
      counts[axis] = -1
    }
    return .node(try add(node, Slice(starts: cut.starts, steps: cut.steps, counts: counts), [id], part: part))
  }
}
