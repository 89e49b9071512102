import Compute
import Graphs
import Tensors

extension ONNXOperators {
  /// Operators that repeat, mask or pick what their shape and constants say.
  static let patterns: [String: Handler] = [
    "Tile": tile,
    "Trilu": triangle,
    "EyeLike": diagonal,
    "NonZero": placesOfOthers,
    "Compress": compress,
    "Unique": unique,
  ]

  /// Everything again along each axis: between each two axes one is laid of which all are the same.
  private static func tile(
    _ node: ONNXNode, _ translation: inout ONNXTranslation
  ) throws(ImportError.Problem) -> ONNXValue {
    let input = try translation.operand(node, 0)
    let shape = translation.graph[input].shape
    guard let repeats = try translation.integers(node, 1) else { throw node.problem("has no repeats") }
    try node.require(
      repeats.count == shape.rank && repeats.allSatisfy { (0...1 << 24).contains($0) },
      "the repeats \(repeats) do not fit \(shape)")
    if repeats.allSatisfy({ $0 == 1 }) { return try translation.value(node, Identity(), [input]) }
    let axes = shape.dimensions.indices.filter { repeats[$0] != 1 }
    if let place = translation.batch(of: input) {
      try node.require(!axes.contains(place.axis), "repeats the batch, which is not supported")
    }
    // The new axis stands before its own: [a, b] with b repeated is [a, 1, b].
    var (laid, copies): ([Int], [Int]) = ([], [])
    var batch = translation.batch(of: input)
    for axis in shape.dimensions.indices {
      if axes.contains(axis) { laid.append(1); copies.append(repeats[axis]) }
      if translation.batch(of: input)?.axis == axis { batch?.axis = laid.count }
      laid.append(shape[axis])
      copies.append(1)
    }
    try node.require(laid.count <= 16, "repeats too many axes")
    let wide = try translation.reshaped(node, input, to: laid, batch: batch, part: "laid")
    let zeros = Tensor(try translation.charge(node, copies), repeating: 0)
    let again = try translation.step(
      node, Add(), [wide, try translation.constant(Literal("\(node.name).zeros", zeros), for: node)])
    let result = shape.dimensions.indices.map { shape[$0] * repeats[$0] }
    guard Shape.checked(result) != nil else { throw node.problem("the output \(result) is too large") }
    return .node(try translation.reshaped(node, again, to: result, batch: translation.batch(of: input)))
  }

  /// What is above, or below, a diagonal of the last two axes; 0 elsewhere.
  private static func triangle(
    _ node: ONNXNode, _ translation: inout ONNXTranslation
  ) throws(ImportError.Problem) -> ONNXValue {
    let input = try translation.operand(node, 0)
    let shape = translation.graph[input].shape
    try node.require(shape.rank >= 2, "its input \(shape) is no matrix")
    let batch = translation.batch(of: input)?.axis
    try node.require(
      batch == nil || batch! < shape.rank - 2, "its matrix has the batch as an axis, which is not supported")
    let offset = try translation.literal(node, 1)?.integers?.first ?? 0
    let isUpper = try node.flag("upper", default: true)
    let (rows, columns) = (shape[shape.rank - 2], shape[shape.rank - 1])
    try node.require((-(1 << 40)...1 << 40).contains(offset), "the diagonal \(offset) is too far away")
    let mask = try translation.charge(node, [rows, columns])
    let kept = (0..<mask.count).map { place in
      let distance = place % columns - place / columns - offset
      return (isUpper ? distance >= 0 : distance <= 0) ? 1 : 0
    }
    let condition = try translation.numbers(node, "mask", mask, kept, type: .truth)
    return try translation.value(
      node, Choose(), [condition, input, try translation.number(node, 0)], type: translation.type(of: input))
  }

  private static func diagonal(
    _ node: ONNXNode, _ translation: inout ONNXTranslation
  ) throws(ImportError.Problem) -> ONNXValue {
    let input = try translation.input(node, 0)
    let shape = try translation.charge(node, try translation.shape(of: input, node).dimensions)
    try node.require(shape.rank == 2, "its input \(shape) is no matrix")
    let offset = try node.integer("k", default: 0)
    let type = ONNXElementType(try node.integer("dtype", default: translation.type(of: input).number))
    try node.require(type.isFloat || type.isInteger, "the element type \(type.name) is not supported")
    let ones = (0..<shape.count).map { $0 % shape[1] - $0 / shape[1] == offset ? 1 : 0 }
    return .literal(
      type.isFloat
        ? Literal("", Tensor(shape, scalars: ones.map { Float($0) })) : Literal("", shape, integers: ones, type: type))
  }

  private static func placesOfOthers(
    _ node: ONNXNode, _ translation: inout ONNXTranslation
  ) throws(ImportError.Problem) -> ONNXValue {
    guard let literal = try translation.literal(node, 0) else { throw node.problem("has no input 0") }
    let strides = literal.shape.strides
    let flags = literal.isNotZero
    let found = flags.indices.filter { flags[$0] }
    let shape = try translation.charge(node, [literal.shape.rank, found.count])
    let places = literal.shape.dimensions.indices.flatMap { axis in
      found.map { $0 / strides[axis] % literal.shape[axis] }
    }
    return .literal(Literal("", shape, integers: places))
  }

  /// What a known condition keeps, along an axis or of everything as a list.
  private static func compress(
    _ node: ONNXNode, _ translation: inout ONNXTranslation
  ) throws(ImportError.Problem) -> ONNXValue {
    guard let condition = try translation.literal(node, 1) else { throw node.problem("has no condition") }
    var input = try translation.operand(node, 0)
    var axis = 0
    if node.attributes["axis"] == nil {
      input = try translation.reshaped(node, input, to: [translation.graph[input].shape.count], part: "list")
    } else {
      axis = try node.axis(try node.integer("axis", default: 0), rank: translation.graph[input].shape.rank)
    }
    try node.require(translation.batch(of: input)?.axis != axis, "takes a part of the batch, which is not supported")
    let size = translation.graph[input].shape[axis]
    let flags = condition.isNotZero
    let kept = flags.indices.filter { flags[$0] && $0 < size }
    let places = try translation.numbers(node, "places", [kept.count], kept)
    return try translation.value(
      node, Gather(axis: axis), [input, places], keepsBatch: false, batch: translation.batch(of: input))
  }

  /// Of a list that is known: its different numbers, where each was first, which each is, and how often it is there.
  private static func unique(
    _ node: ONNXNode, _ translation: inout ONNXTranslation
  ) throws(ImportError.Problem) -> ONNXValue {
    guard let literal = try translation.literal(node, 0) else { throw node.problem("has no input 0") }
    try node.require(node.attributes["axis"] == nil || literal.shape.rank == 1, "'axis' is not supported")
    _ = try translation.charge(node, literal.shape.dimensions)
    let numbers: [Double] =
      switch literal.numbers {
      case .integers(let integers): integers.map { Double($0) }
      case .floats(let tensor): tensor.scalars.map { Double($0) }
      }
    try node.require(!numbers.contains { $0.isNaN }, "its input holds what is not a number")
    var groups: [Double: (first: Int, count: Int)] = [:]
    for (place, number) in numbers.enumerated() { groups[number, default: (place, 0)].count += 1 }
    let isSorted = try node.flag("sorted", default: true)
    let order = groups.sorted { isSorted ? $0.key < $1.key : $0.value.first < $1.value.first }
    let ranks = Dictionary(uniqueKeysWithValues: order.enumerated().map { ($1.key, $0) })
    let places = order.map(\.value.first)
    let lists = [places, numbers.map { ranks[$0] ?? 0 }, order.map(\.value.count)]
    translation.give(laterOutputs: lists.map { .literal(Literal("", integers: $0)) })
    return .literal(literal.reshaped([literal.shape.count]).taking(places))
  }
}

extension Literal {
  /// Of each number, whether it is not 0.
  fileprivate var isNotZero: [Bool] {
    switch numbers {
    case .integers(let integers): integers.map { $0 != 0 }
    case .floats(let tensor): tensor.scalars.map { $0 != 0 }
    }
  }

  /// Of a list, the numbers at these places, as a computed one.
  fileprivate func taking(_ places: [Int]) -> Literal {
    if let integers { return Literal("", [places.count], integers: places.map { integers[$0] }, type: type) }
    let scalars = tensor!.scalars
    return Literal("", Tensor([places.count], scalars: places.map { scalars[$0] }))
  }
}
