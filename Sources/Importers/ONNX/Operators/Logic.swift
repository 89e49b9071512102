import Compute
import Graphs
import Tensors

extension ONNXOperators {
  /// Comparisons and logic with which exporters make masks.
  static let logic: [String: Handler] = [
    "Equal": comparison(.equal, { $0 == $1 }, { $0 == $1 }),
    "Less": comparison(.less, { $0 < $1 }, { $0 < $1 }),
    "LessOrEqual": comparison(.lessOrEqual, { $0 <= $1 }, { $0 <= $1 }),
    "Greater": comparison(.less, reversed: true, { $0 > $1 }, { $0 > $1 }),
    "GreaterOrEqual": comparison(.lessOrEqual, reversed: true, { $0 >= $1 }, { $0 >= $1 }),
    "And": and,
    "Or": comparison(.or, { $0 != 0 || $1 != 0 }, { $0 != 0 || $1 != 0 }),
    "Xor": comparison(.xor, { ($0 != 0) != ($1 != 0) }, { ($0 != 0) != ($1 != 0) }),
    "Not": { (node, translation) throws(ImportError.Problem) in
      try translation.value(node, Pointwise(.isZero), [try translation.operand(node, 0)], type: .truth)
    },
    "BitwiseAnd": { (node, translation) throws(ImportError.Problem) in
      try combined(node, &translation, Combine(.bitsAnd), { ($0 & $1, false) })
    },
    "BitwiseOr": { (node, translation) throws(ImportError.Problem) in
      try combined(node, &translation, Combine(.bitsOr), { ($0 | $1, false) })
    },
    "BitwiseXor": { (node, translation) throws(ImportError.Problem) in
      try combined(node, &translation, Combine(.bitsXor), { ($0 ^ $1, false) })
    },
    "BitwiseNot": { (node, translation) throws(ImportError.Problem) in
      let input = try translation.operand(node, 0)
      let type = translation.type(of: input)
      guard let range = type.range else { throw node.problem("its input has no bits") }
      let ones = type.isSigned ? -1 : Float(range.upperBound)
      return try translation.value(node, Pointwise(.bitsInverted(ones: ones)), [input])
    },
    "BitShift": { (node, translation) throws(ImportError.Problem) in
      let direction = try node.string("direction", default: "")
      try node.require(["LEFT", "RIGHT"].contains(direction), "'direction' is '\(direction)', expected LEFT or RIGHT")
      let isLeft = direction == "LEFT"
      return try combined(
        node, &translation, Combine(isLeft ? .shiftedLeft : .shiftedRight),
        { ($1 < 0 || $1 > 63 ? 0 : isLeft ? $0 << $1 : $0 >> $1, false) })
    },
  ]

  /// Numbers that are known are compared as they are, whole ones exactly; anything else is a node.
  private static func comparison(
    _ combination: Combination, reversed: Bool = false, _ holds: @escaping @Sendable (Double, Double) -> Bool,
    _ holdsWhole: @escaping @Sendable (Int, Int) -> Bool
  ) -> Handler {
    { (node, translation) throws(ImportError.Problem) in
      guard case .literal(let left) = try translation.input(node, 0),
        case .literal(let right) = try translation.input(node, 1)
      else {
        let inputs = [try translation.operand(node, 0), try translation.operand(node, 1)]
        return try translation.value(
          node, Combine(combination), reversed ? inputs.reversed() : inputs, type: .truth)
      }
      guard let shape = Shape.broadcast(left.shape, right.shape) else {
        throw node.problem("the shapes \(left.shape) and \(right.shape) do not go together")
      }
      _ = try translation.charge(node, shape.dimensions)
      let (a, b) = (left.expanded(to: shape), right.expanded(to: shape))
      let truths =
        if let a = a.integers, let b = b.integers {
          zip(a, b).map { holdsWhole($0, $1) ? 1 : 0 }
        } else {
          zip(a.doubles, b.doubles).map { holds($0, $1) ? 1 : 0 }
        }
      return .literal(Literal("", shape, integers: truths, type: .truth))
    }
  }

  /// Of a mask that is computed and one that holds everywhere, the computed one is left.
  private static func and(
    _ node: ONNXNode, _ translation: inout ONNXTranslation
  ) throws(ImportError.Problem) -> ONNXValue {
    switch (try translation.input(node, 0), try translation.input(node, 1)) {
    case (.literal(let mask), .node(let id)), (.node(let id), .literal(let mask)):
      let shape = translation.graph[id].shape
      if let flags = mask.integers, Shape.broadcast(mask.shape, shape) == shape, flags.allSatisfy({ $0 != 0 }) {
        return .node(id)
      }
    default: break
    }
    return try comparison(.and, { $0 != 0 && $1 != 0 }, { $0 != 0 && $1 != 0 })(node, &translation)
  }
}

extension Literal {
  /// The numbers of either kind.
  fileprivate var doubles: [Double] {
    switch numbers {
    case .integers(let integers): integers.map { Double($0) }
    case .floats(let tensor): tensor.scalars.map { Double($0) }
    }
  }
}
