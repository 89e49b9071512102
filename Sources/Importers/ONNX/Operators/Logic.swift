import Graphs
import Tensors

extension ONNXOperators {
  /// Comparisons and logic with which exporters make masks: of constants only.
  static let logic: [String: Handler] = [
    "Equal": comparison { $0 == $1 },
    "Greater": comparison { $0 > $1 },
    "GreaterOrEqual": comparison { $0 >= $1 },
    "Less": comparison { $0 < $1 },
    "LessOrEqual": comparison { $0 <= $1 },
    "And": and,
    "Or": comparison { $0 != 0 || $1 != 0 },
    "Xor": comparison { ($0 != 0) != ($1 != 0) },
    "Not": { (node, translation) throws(ImportError.Problem) in
      guard let literal = try translation.literal(node, 0), let flags = literal.integers else {
        throw node.notBetweenComputed
      }
      _ = try translation.charge(node, literal.shape.dimensions)
      return .literal(Literal("", literal.shape, integers: flags.map { $0 == 0 ? 1 : 0 }))
    },
  ]

  private static func comparison(_ holds: @escaping @Sendable (Double, Double) -> Bool) -> Handler {
    { (node, translation) throws(ImportError.Problem) in
      guard case .literal(let left) = try translation.input(node, 0),
        case .literal(let right) = try translation.input(node, 1)
      else { throw node.notBetweenComputed }
      guard let shape = Shape.broadcast(left.shape, right.shape) else {
        throw node.problem("the shapes \(left.shape) and \(right.shape) do not go together")
      }
      _ = try translation.charge(node, shape.dimensions)
      let (a, b) = (left.expanded(to: shape).doubles, right.expanded(to: shape).doubles)
      return .literal(Literal("", shape, integers: zip(a, b).map { holds($0, $1) ? 1 : 0 }))
    }
  }

  /// Of a mask that is computed and one that holds everywhere, the computed one is left.
  private static func and(
    _ node: ONNXNode, _ translation: inout ONNXTranslation
  ) throws(ImportError.Problem) -> ONNXValue {
    let (left, right) = (try translation.input(node, 0), try translation.input(node, 1))
    switch (left, right) {
    case (.literal, .literal): return try comparison { $0 != 0 && $1 != 0 }(node, &translation)
    case (.literal(let mask), .node(let id)), (.node(let id), .literal(let mask)):
      let shape = translation.graph[id].shape
      guard let flags = mask.integers, Shape.broadcast(mask.shape, shape) == shape, flags.allSatisfy({ $0 != 0 })
      else { throw node.notBetweenComputed }
      return .node(id)
    default: throw node.notBetweenComputed
    }
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
