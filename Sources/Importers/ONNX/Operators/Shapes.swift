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

  /// Between floating point types nothing changes: everything is computed in `Float`.
  private static func cast(
    _ node: ONNXNode, _ translation: inout ONNXTranslation
  ) throws(ImportError.Problem) -> ONNXValue {
    let type = try node.integer("to", default: 0)
    let input = try translation.input(node, 0)
    guard case .literal(let literal) = input else {
      let id = try translation.operand(node, 0, mayBeIntegral: true)
      if ONNXTensor.isFloat(type) { return try translation.value(node, Identity(), [id]) }
      try node.require(
        translation.isIntegral(id),
        "makes \(ONNXTensor.typeName(type)) of a computed value, which is not supported")
      guard type == 9 else { return .node(id) }
      let yes = try translation.constant(Literal("\(node.name).yes", Tensor(scalar: 1)), for: node)
      let no = try translation.constant(Literal("\(node.name).no", Tensor(scalar: 0)), for: node)
      return translation.integral(try translation.add(node, Choose(), [id, yes, no]))
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
    let input = try translation.input(node, 0)
    guard let wanted = try translation.integers(node, 1) else { throw node.problem("has no shape to take") }
    guard let target = Shape.checked(wanted) else { throw node.problem("the shape \(wanted) is too large") }
    let own = try translation.shape(of: input, node)
    guard let shape = Shape.broadcast(own, target) else {
      throw node.problem("\(own) does not expand to \(target)")
    }
    guard case .literal(let literal) = input else {
      let id = try translation.operand(node, 0, mayBeIntegral: true)
      if shape == own { return .node(id) }
      let zeros = Literal("\(node.name).zeros", Tensor(try translation.charge(node, shape.dimensions), repeating: 0))
      let sum = try translation.add(node, Add(), [id, try translation.constant(zeros, for: node)])
      return translation.isIntegral(id) ? translation.integral(sum) : .node(sum)
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
