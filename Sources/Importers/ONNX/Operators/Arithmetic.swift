import Graphs
import Tensors

extension ONNXOperators {
  /// Sums, and the arithmetic with which exporters compute shapes.
  static let arithmetic: [String: Handler] = [
    "Add": add,
    "Sum": { (node, translation) throws(ImportError.Problem) in try chained(node, &translation, Add()) },
    "Max": { (node, translation) throws(ImportError.Problem) in try chained(node, &translation, Combine(.larger)) },
    "Min": { (node, translation) throws(ImportError.Problem) in try chained(node, &translation, Combine(.smaller)) },
    "Mean": { (node, translation) throws(ImportError.Problem) in
      guard case .node(let sum) = try chained(node, &translation, Add()) else {
        return try translation.value(node, Identity(), [try translation.operand(node, 0)])
      }
      let share = try translation.number(node, 1 / Float(node.inputs.count))
      return try translation.value(node, Multiply(), [sum, share])
    },
    "Neg": { (node, translation) throws(ImportError.Problem) in
      if let integers = try? translation.literal(node, 0)?.integers {
        let input = try translation.input(node, 0)
        let (shape, type) = (try translation.shape(of: input, node), translation.type(of: input))
        return .literal(Literal("", shape, integers: integers.map { type.wrapping(0 &- $0) }, type: type))
      }
      let minus = try translation.constant(Literal("\(node.name).minus", Tensor(scalar: -1)), for: node)
      return try translation.value(node, Multiply(), [try translation.operand(node, 0), minus])
    },
    "Mod": { (node, translation) throws(ImportError.Problem) in
      let keepsSign = try node.flag("fmod")
      return try combined(
        node, &translation, Combine(keepsSign ? .remainder : .modulo),
        { a, b in
          guard b != 0, b != -1 else { return (0, b == 0) }
          let rest = a % b
          return (!keepsSign && rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest, false)
        })
    },
    "Sub": { (node, translation) throws(ImportError.Problem) in
      try combined(node, &translation, Subtract(), { $0.subtractingReportingOverflow($1) })
    },
    "Mul": { (node, translation) throws(ImportError.Problem) in
      try combined(node, &translation, Multiply(), { $0.multipliedReportingOverflow(by: $1) })
    },
    "Div": { (node, translation) throws(ImportError.Problem) in
      let isWhole = !translation.type(of: try translation.input(node, 0)).isFloat
      let operation: any Operator = isWhole ? Combine(.quotient) : Divide()
      return try combined(node, &translation, operation, { $0.dividedReportingOverflow(by: $1) })
    },
  ]

  private static func add(
    _ node: ONNXNode, _ translation: inout ONNXTranslation
  ) throws(ImportError.Problem) -> ONNXValue {
    try combined(node, &translation, Add(), { $0.addingReportingOverflow($1) })
  }

  /// Integers that are known are calculated with exactly; anything else is a node.
  static func combined(
    _ node: ONNXNode, _ translation: inout ONNXTranslation, _ operation: any Operator,
    _ integers: (Int, Int) -> (partialValue: Int, overflow: Bool)
  ) throws(ImportError.Problem) -> ONNXValue {
    if let result = try literals(node, &translation, integers) { return .literal(result) }
    let left = try translation.operand(node, 0)
    let type = translation.type(of: left)
    guard translation.operatorSet < 7, try node.flag("broadcast"), let axis = node.attributes["axis"]?.integer else {
      let right = try translation.operand(node, 1)
      guard let bits = type.bits, bits < 24, type != .truth else {
        return try translation.value(node, operation, [left, right])
      }
      return .node(try translation.wrapped(node, try translation.step(node, operation, [left, right]), type))
    }
    // Before operator set 7 the second one was laid along the axes from 'axis' on.
    guard let right = try translation.literal(node, 1) else { throw node.problem("has no input 1") }
    let rank = translation.graph[left].shape.rank
    let trailing = rank - (try node.axis(axis, rank: rank)) - right.shape.rank
    try node.require(trailing >= 0, "'axis' is \(axis), too far behind for \(right.shape)")
    let laid = right.reshaped(Shape(right.shape.dimensions + Array(repeating: 1, count: trailing)))
    return try translation.value(node, operation, [left, try translation.constant(laid, for: node)])
  }

  /// The first combined with the second, what comes of it with the third, and so on.
  private static func chained(
    _ node: ONNXNode, _ translation: inout ONNXTranslation, _ operation: any Operator
  ) throws(ImportError.Problem) -> ONNXValue {
    guard node.inputs.count > 1 else { return try translation.input(node, 0) }
    var total = try translation.operand(node, 0)
    for index in 1..<node.inputs.count {
      let part = index == node.inputs.count - 1 ? nil : "\(index)"
      total = try translation.add(node, operation, [total, try translation.operand(node, index)], part: part)
    }
    return .node(total)
  }

  /// Two literals of integers combined; nil where it is something else.
  private static func literals(
    _ node: ONNXNode, _ translation: inout ONNXTranslation,
    _ integers: (Int, Int) -> (partialValue: Int, overflow: Bool)
  ) throws(ImportError.Problem) -> Literal? {
    guard case .literal(let left) = try translation.input(node, 0),
      case .literal(let right) = try translation.input(node, 1), left.integers != nil, right.integers != nil
    else { return nil }
    guard let shape = Shape.broadcast(left.shape, right.shape) else {
      throw node.problem("the shapes \(left.shape) and \(right.shape) do not go together")
    }
    _ = try translation.charge(node, shape.dimensions)
    guard let a = left.expanded(to: shape).integers, let b = right.expanded(to: shape).integers else { return nil }
    var results: [Int] = []
    for (x, y) in zip(a, b) {
      let (result, overflow) = integers(x, y)
      try node.require(!overflow, "\(x) and \(y) give no integer")
      results.append(left.type.wrapping(result))
    }
    return Literal("", shape, integers: results, type: left.type)
  }
}

extension ONNXNode {
  /// Of an operator that is there for arithmetic with constants and shapes only.
  var notBetweenComputed: ImportError.Problem {
    .unsupported(operation: "\(operation) of computed values", nodes: [name])
  }
}
