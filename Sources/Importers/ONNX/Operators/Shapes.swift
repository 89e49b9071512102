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
    "Cast": { (node, translation) throws(ImportError.Problem) in try cast(node, &translation) },
    "CastLike": { (node, translation) throws(ImportError.Problem) in
      try cast(node, &translation, to: translation.type(of: try translation.input(node, 1)))
    },
    "BitCast": bitCast,
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
      _ = try translation.charge(node, [floats.count])
      return .literal(Literal("", Tensor([floats.count], scalars: floats)))
    }
    if let integers = node.attributes["value_ints"]?.integers {
      _ = try translation.charge(node, [integers.count])
      return .literal(Literal("", integers: integers))
    }
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

  private static func cast(
    _ node: ONNXNode, _ translation: inout ONNXTranslation
  ) throws(ImportError.Problem) -> ONNXValue {
    try cast(node, &translation, to: ONNXElementType(try node.integer("to", default: 0)))
  }

  /// Between floating point types nothing changes: everything is computed in `Float`. Those of 8 bits and fewer, whose
  /// rounding is no small matter, are refused.
  private static func cast(
    _ node: ONNXNode, _ translation: inout ONNXTranslation, to type: ONNXElementType
  ) throws(ImportError.Problem) -> ONNXValue {
    try node.require(type.isFloat || type.isInteger, "the element type \(type.name) is not supported")
    try node.require(!type.isSmallFloat, "rounding to \(type.name) is not supported")
    if case .literal(let literal) = try translation.input(node, 0) {
      return .literal(try cast(node, &translation, literal, to: type))
    }
    let id = try translation.operand(node, 0)
    let from = translation.type(of: id)
    if type.isFloat { return try translation.value(node, Identity(), [id], type: .float) }
    if type == .truth {
      if from == .truth { return .node(id) }
      let yes = try translation.constant(Literal("\(node.name).yes", Tensor(scalar: 1)), for: node)
      let no = try translation.constant(Literal("\(node.name).no", Tensor(scalar: 0)), for: node)
      return try translation.value(node, Choose(), [id, yes, no], type: .truth)
    }
    let whole = from.isFloat ? try translation.applying(node, .truncate, id, type: type) : id
    if !from.isFloat, let old = from.range, let new = type.range, new.contains(old.lowerBound),
      new.contains(old.upperBound)
    {
      return try translation.value(node, Identity(), [id], type: type)
    }
    return try translation.value(node, Identity(), [try translation.wrapped(node, whole, type)], type: type)
  }

  private static func cast(
    _ node: ONNXNode, _ translation: inout ONNXTranslation, _ literal: Literal, to type: ONNXElementType
  ) throws(ImportError.Problem) -> Literal {
    _ = try translation.charge(node, literal.shape.dimensions)
    switch literal.numbers {
    case .floats(let tensor):
      if type.isFloat { return literal }
      if type == .truth {
        return Literal("", literal.shape, integers: tensor.scalars.map { $0 == 0 ? 0 : 1 }, type: type)
      }
      var integers: [Int] = []
      for scalar in tensor.scalars {
        guard let integer = Int(exactly: scalar.rounded(.towardZero)) else {
          throw node.problem("\(scalar) cannot become \(type.name)")
        }
        integers.append(type.wrapping(integer))
      }
      return Literal("", literal.shape, integers: integers, type: type)
    case .integers(let integers):
      if type.isFloat { return Literal("", Tensor(literal.shape, scalars: integers.map { Float($0) })) }
      let cast = type == .truth ? integers.map { $0 == 0 ? 0 : 1 } : integers.map { type.wrapping($0) }
      return Literal("", literal.shape, integers: cast, type: type)
    }
  }

  /// The bits of constants as those of another type of the same width.
  private static func bitCast(
    _ node: ONNXNode, _ translation: inout ONNXTranslation
  ) throws(ImportError.Problem) -> ONNXValue {
    let type = ONNXElementType(try node.integer("to", default: 0))
    guard let literal = try translation.literal(node, 0) else { throw node.problem("has no input 0") }
    let width = literal.type == .float ? 32 : literal.type.bits
    try node.require(
      width != nil && width == (type == .float ? 32 : type.bits),
      "\(literal.type.name) and \(type.name) are not of the same width, or not supported")
    let bits: [Int] =
      switch literal.numbers {
      case .floats(let tensor): tensor.scalars.map { Int($0.bitPattern) }
      case .integers(let integers): integers
      }
    if type == .float {
      let floats = bits.map { Float(bitPattern: UInt32(truncatingIfNeeded: $0)) }
      return .literal(Literal("", Tensor(literal.shape, scalars: floats)))
    }
    let whole = type == .truth ? bits.map { $0 == 0 ? 0 : 1 } : bits.map { type.wrapping($0) }
    return .literal(Literal("", literal.shape, integers: whole, type: type))
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
      let id = try translation.operand(node, 0)
      if shape == own { return .node(id) }
      let zeros = Literal("\(node.name).zeros", Tensor(try translation.charge(node, shape.dimensions), repeating: 0))
      return try translation.value(node, Add(), [id, try translation.constant(zeros, for: node)])
    }
    return .literal(literal.expanded(to: try translation.charge(node, shape.dimensions)).renamed(""))
  }

  private static func range(
    _ node: ONNXNode, _ translation: inout ONNXTranslation
  ) throws(ImportError.Problem) -> ONNXValue {
    var limits: [Literal] = []
    for index in 0..<3 {
      guard let literal = try translation.literal(node, index), literal.shape.count == 1 else {
        throw node.problem("input \(index) must be one number")
      }
      limits.append(literal)
    }
    let integers = limits.compactMap { $0.integers?.first }
    guard integers.count == 3 else {
      return try range(node, &translation, limits.compactMap { $0.scalar.map { Double($0) } })
    }
    let (start, limit, step) = (integers[0], integers[1], integers[2])
    let (distance, overflow) = limit.subtractingReportingOverflow(start)
    try node.require(step != 0 && !overflow && distance != Int.min, "from \(start) to \(limit) by \(step) is no range")
    let goes = (distance > 0) == (step > 0) && distance != 0
    let count = goes ? Int(UInt(distance.magnitude - 1) / step.magnitude) + 1 : 0
    _ = try translation.charge(node, [count])
    return .literal(
      Literal("", [count], integers: (0..<count).map { start + $0 * step }, type: limits[0].type))
  }

  private static func range(
    _ node: ONNXNode, _ translation: inout ONNXTranslation, _ limits: [Double]
  ) throws(ImportError.Problem) -> ONNXValue {
    let steps = limits.count == 3 ? ((limits[1] - limits[0]) / limits[2]).rounded(.up) : .nan
    guard let count = Int(exactly: steps) else { throw node.problem("\(limits) give no range") }
    let shape = try translation.charge(node, [max(count, 0)])
    return .literal(
      Literal("", Tensor(shape, scalars: (0..<shape.count).map { Float(limits[0] + Double($0) * limits[2]) })))
  }
}
