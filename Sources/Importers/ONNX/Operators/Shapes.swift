import Graphs
import Tensors

extension ONNXOperators {
  /// Operators that make numbers from shapes and from nothing: worked out while importing.
  static let shapes: [String: Handler] = [
    "Constant": constant,
    "ConstantOfShape": constantOfShape,
    "Shape": shape,
    "Size": { (node, translation) throws(ImportError.Problem) in
      let count = try translation.shape(of: try translation.input(node, 0), node).count
      return .literal(Literal("", [], integers: [count]))
    },
    "Gather": gather,
    "Cast": cast,
    "Expand": expand,
    "Range": range,
  ]

  private static func constant(
    _ node: ONNXNode, _ translation: inout ONNXTranslation
  ) throws(ImportError.Problem) -> ONNXValue {
    if let tensor = node.attributes["value"]?.tensor {
      return .literal(try translation.decoded(tensor, node).renamed(""))
    }
    if let float = node.attributes["value_float"]?.float { return .literal(Literal("", Tensor(scalar: float))) }
    if let integer = node.attributes["value_int"]?.integer { return .literal(Literal("", [], integers: [integer])) }
    if let floats = node.attributes["value_floats"]?.floats {
      return .literal(Literal("", Tensor([floats.count], scalars: floats)))
    }
    if let integers = node.attributes["value_ints"]?.integers { return .literal(Literal("", integers: integers)) }
    throw node.problem("has no value that is supported: \(node.attributes.keys.sorted().joined(separator: ", "))")
  }

  private static func constantOfShape(
    _ node: ONNXNode, _ translation: inout ONNXTranslation
  ) throws(ImportError.Problem) -> ONNXValue {
    guard let dimensions = try translation.integers(node, 0) else { throw node.problem("has no shape") }
    let shape = try translation.charge(node, dimensions)
    guard let tensor = node.attributes["value"]?.tensor else {
      return .literal(Literal("", Tensor(shape, repeating: 0)))
    }
    let value = try translation.decoded(tensor, node)
    try node.require(value.shape.count == 1, "'value' has \(value.shape.count) numbers, expected 1")
    return .literal(value.reshaped([]).expanded(to: shape).renamed(""))
  }

  private static func shape(
    _ node: ONNXNode, _ translation: inout ONNXTranslation
  ) throws(ImportError.Problem) -> ONNXValue {
    let dimensions = try translation.shape(of: try translation.input(node, 0), node).dimensions
    func place(_ name: String, _ standard: Int) throws(ImportError.Problem) -> Int {
      let wanted = try node.integer(name, default: standard)
      return min(max(wanted < 0 ? wanted + dimensions.count : wanted, 0), dimensions.count)
    }
    let (start, end) = (try place("start", 0), try place("end", dimensions.count))
    return .literal(Literal("", integers: Array(dimensions[start..<max(start, end)])))
  }

  private static func gather(
    _ node: ONNXNode, _ translation: inout ONNXTranslation
  ) throws(ImportError.Problem) -> ONNXValue {
    guard case .literal(let table) = try translation.input(node, 0) else { throw node.notBetweenComputed }
    guard let places = try translation.literal(node, 1), let wanted = places.integers else {
      throw node.problem("its indices must be integers")
    }
    let axis = try node.axis(try node.integer("axis", default: 0), rank: table.shape.rank)
    let size = table.shape[axis]
    var indices: [Int] = []
    for place in wanted {
      try node.require(place >= -size && place < size, "takes number \(place) of \(size)")
      indices.append(place < 0 ? place + size : place)
    }
    let (outer, inner) = (table.shape.dimensions[..<axis], table.shape.dimensions[(axis + 1)...])
    let shape = try translation.charge(node, outer + places.shape.dimensions + inner)
    let (rows, width) = (outer.reduce(1, *), inner.reduce(1, *))
    func pick<Number>(_ numbers: [Number]) -> [Number] {
      var picked: [Number] = []
      for row in 0..<rows {
        for index in indices {
          let start = (row * size + index) * width
          picked += numbers[start..<start + width]
        }
      }
      return picked
    }
    if let integers = table.integers { return .literal(Literal("", shape, integers: pick(integers))) }
    return .literal(Literal("", Tensor(shape, scalars: pick(table.tensor!.scalars))))
  }

  /// Between floating point types nothing changes: everything is computed in `Float`.
  private static func cast(
    _ node: ONNXNode, _ translation: inout ONNXTranslation
  ) throws(ImportError.Problem) -> ONNXValue {
    let type = try node.integer("to", default: 0)
    let input = try translation.input(node, 0)
    guard case .literal(let literal) = input else {
      guard ONNXTensor.isFloat(type) else {
        throw node.problem("makes \(ONNXTensor.typeName(type)) of a computed value, which is not supported")
      }
      return try translation.value(node, Identity(), [try translation.operand(node, 0)])
    }
    _ = try translation.charge(node, literal.shape.dimensions)
    try node.require(
      ONNXTensor.isFloat(type) || ONNXTensor.isInteger(type),
      "the element type \(ONNXTensor.typeName(type)) is not supported")
    switch literal.numbers {
    case .floats(let tensor):
      if ONNXTensor.isFloat(type) { return .literal(literal) }
      var integers: [Int] = []
      for scalar in tensor.scalars {
        guard let integer = Int(exactly: scalar.rounded(.towardZero)) else {
          throw node.problem("\(scalar) cannot become \(ONNXTensor.typeName(type))")
        }
        integers.append(type == 9 ? (scalar == 0 ? 0 : 1) : integer)
      }
      return .literal(Literal("", literal.shape, integers: integers))
    case .integers(let integers):
      if ONNXTensor.isFloat(type) {
        return .literal(Literal("", Tensor(literal.shape, scalars: integers.map { Float($0) })))
      }
      return .literal(Literal("", literal.shape, integers: type == 9 ? integers.map { $0 == 0 ? 0 : 1 } : integers))
    }
  }

  private static func expand(
    _ node: ONNXNode, _ translation: inout ONNXTranslation
  ) throws(ImportError.Problem) -> ONNXValue {
    guard case .literal(let literal) = try translation.input(node, 0) else { throw node.notBetweenComputed }
    guard let wanted = try translation.integers(node, 1) else { throw node.problem("has no shape to take") }
    let target = try translation.charge(node, wanted)
    guard let shape = Shape.broadcast(literal.shape, target) else {
      throw node.problem("\(literal.shape) does not expand to \(target)")
    }
    return .literal(literal.expanded(to: try translation.charge(node, shape.dimensions)).renamed(""))
  }

  private static func range(
    _ node: ONNXNode, _ translation: inout ONNXTranslation
  ) throws(ImportError.Problem) -> ONNXValue {
    var limits: [Int] = []
    for index in 0..<3 {
      guard let integers = try translation.literal(node, index)?.integers, integers.count == 1 else {
        throw node.problem("input \(index) must be one integer")
      }
      limits.append(integers[0])
    }
    let (start, limit, step) = (limits[0], limits[1], limits[2])
    let (distance, overflow) = limit.subtractingReportingOverflow(start)
    try node.require(step != 0 && !overflow && distance != Int.min, "from \(start) to \(limit) by \(step) is no range")
    let goes = (distance > 0) == (step > 0) && distance != 0
    let count = goes ? Int(UInt(distance.magnitude - 1) / step.magnitude) + 1 : 0
    _ = try translation.charge(node, [count])
    return .literal(Literal("", integers: (0..<count).map { start + $0 * step }))
  }
}
