import Graphs
import Tensors

extension ONNXOperators {
  /// Sums, and the arithmetic with which exporters compute shapes.
  static let arithmetic: [String: Handler] = [
    "Add": add,
    "Sum": sum,
    "Neg": { (node, translation) throws(ImportError.Problem) in
      if let integers = try? translation.literal(node, 0)?.integers {
        let shape = try translation.shape(of: try translation.input(node, 0), node)
        return .literal(Literal("", shape, integers: integers.map { 0 &- $0 }))
      }
      let minus = try translation.constant(Literal("\(node.name).minus", Tensor(scalar: -1)), for: node)
      return try translation.value(node, Multiply(), [try translation.operand(node, 0), minus])
    },
    "Mod": { (node, translation) throws(ImportError.Problem) in
      try node.require(!(try node.flag("fmod")), "'fmod' is 1; only 0 is supported")
      return try literals(
        node, &translation,
        { a, b in
          guard b != 0, b != -1 else { return (0, b == 0) }
          let rest = a % b
          return (rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest, false)
        }, { _, _ in .nan })
    },
    "Sub": { (node, translation) throws(ImportError.Problem) in
      try combined(node, &translation, Subtract(), { $0.subtractingReportingOverflow($1) }, -)
    },
    "Mul": { (node, translation) throws(ImportError.Problem) in
      try combined(node, &translation, Multiply(), { $0.multipliedReportingOverflow(by: $1) }, *)
    },
    "Div": { (node, translation) throws(ImportError.Problem) in
      try combined(node, &translation, Divide(), { $0.dividedReportingOverflow(by: $1) }, /)
    },
  ]

  private static func add(
    _ node: ONNXNode, _ translation: inout ONNXTranslation
  ) throws(ImportError.Problem) -> ONNXValue {
    try combined(node, &translation, Add(), { $0.addingReportingOverflow($1) }, +)
  }

  /// Two constants are calculated with while importing, anything else at run time.
  private static func combined(
    _ node: ONNXNode, _ translation: inout ONNXTranslation, _ operation: any Operator,
    _ integers: (Int, Int) -> (partialValue: Int, overflow: Bool), _ floats: (Float, Float) -> Float
  ) throws(ImportError.Problem) -> ONNXValue {
    if case .literal = try translation.input(node, 0), case .literal = try translation.input(node, 1) {
      return try literals(node, &translation, integers, floats)
    }
    let left = try translation.operand(node, 0)
    guard translation.operatorSet < 7, try node.flag("broadcast"), let axis = node.attributes["axis"]?.integer else {
      return try translation.value(node, operation, [left, try translation.operand(node, 1)])
    }
    // Before operator set 7 the second one was laid along the axes from 'axis' on.
    guard let right = try translation.literal(node, 1) else { throw node.problem("has no input 1") }
    let rank = translation.graph[left].shape.rank
    let trailing = rank - (try node.axis(axis, rank: rank)) - right.shape.rank
    try node.require(trailing >= 0, "'axis' is \(axis), too far behind for \(right.shape)")
    let laid = right.reshaped(Shape(right.shape.dimensions + Array(repeating: 1, count: trailing)))
    return try translation.value(node, operation, [left, try translation.constant(laid, for: node)])
  }

  private static func sum(
    _ node: ONNXNode, _ translation: inout ONNXTranslation
  ) throws(ImportError.Problem) -> ONNXValue {
    guard node.inputs.count > 1 else { return try translation.input(node, 0) }
    if node.inputs.count == 2 { return try add(node, &translation) }
    var total = try translation.operand(node, 0)
    for index in 1..<node.inputs.count {
      let part = index == node.inputs.count - 1 ? nil : "\(index)"
      total = try translation.add(node, Add(), [total, try translation.operand(node, index)], part: part)
    }
    return .node(total)
  }

  /// Calculates with two literals; of computed values it is not supported.
  private static func literals(
    _ node: ONNXNode, _ translation: inout ONNXTranslation,
    _ integers: (Int, Int) -> (partialValue: Int, overflow: Bool), _ floats: (Float, Float) -> Float
  ) throws(ImportError.Problem) -> ONNXValue {
    guard case .literal(let left) = try translation.input(node, 0),
      case .literal(let right) = try translation.input(node, 1)
    else { throw node.notBetweenComputed }
    guard let shape = Shape.broadcast(left.shape, right.shape) else {
      throw node.problem("the shapes \(left.shape) and \(right.shape) do not go together")
    }
    _ = try translation.charge(node, shape.dimensions)
    let (a, b) = (left.expanded(to: shape), right.expanded(to: shape))
    if let a = a.tensor, let b = b.tensor { return .literal(Literal("", a.zip(b, floats))) }
    guard let a = a.integers, let b = b.integers else {
      throw node.problem("mixes integers with floating point numbers")
    }
    var results: [Int] = []
    for (x, y) in zip(a, b) {
      let (result, overflow) = integers(x, y)
      try node.require(!overflow, "\(x) and \(y) give no integer")
      results.append(result)
    }
    return .literal(Literal("", shape, integers: results))
  }
}

extension ONNXNode {
  /// Of an operator that is there for arithmetic with constants and shapes only.
  var notBetweenComputed: ImportError.Problem {
    .unsupported(operation: "\(operation) of computed values", nodes: [name])
  }
}
