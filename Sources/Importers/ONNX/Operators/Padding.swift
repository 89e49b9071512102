import Compute
import Graphs
import Tensors

extension ONNXOperators {
  /// Operators that make a value larger by numbers of its own or by a constant.
  static let paddings: [String: Handler] = ["Pad": pad]

  /// Before and after each axis, with a constant, its own edge, itself mirrored, or itself again. Less than none cuts.
  private static func pad(
    _ node: ONNXNode, _ translation: inout ONNXTranslation
  ) throws(ImportError.Problem) -> ONNXValue {
    let mode = try node.string("mode", default: "constant")
    let input = try translation.operand(node, 0)
    let shape = translation.graph[input].shape
    let (before, after) = try amounts(node, &translation, shape.rank)
    if let axis = translation.batch(of: input)?.axis {
      try node.require(before[axis] == 0 && after[axis] == 0, "pads the batch, which is not supported")
    }
    guard mode == "constant" else { return try repeated(node, &translation, input, mode, before, after) }
    let value: Float?
    if translation.operatorSet < 11 {
      value = try node.float("value", default: 0)
    } else {
      value = try translation.literal(node, 2).map { $0.scalar } ?? 0
    }
    guard let value else { throw node.problem("its value must be one number") }
    let cut = try trimmed(node, &translation, input, before, after)
    return try translation.value(
      node, Pad(before: before.map { max($0, 0) }, after: after.map { max($0, 0) }, value: value), [cut])
  }

  private static func amounts(
    _ node: ONNXNode, _ translation: inout ONNXTranslation, _ rank: Int
  ) throws(ImportError.Problem) -> (before: [Int], after: [Int]) {
    let name = translation.operatorSet < 2 ? "paddings" : "pads"
    guard let amounts = try translation.integers(node, attribute: name, orInput: 1, since: 11) else {
      throw node.problem("has no 'pads'")
    }
    let given = translation.operatorSet < 18 ? nil : try translation.integers(node, 3)
    var axes: [Int] = Array(0..<rank)
    if let given { axes = []; for axis in given { axes.append(try node.axis(axis, rank: rank)) } }
    try node.require(amounts.count == 2 * axes.count, "'pads' has \(amounts.count) entries, expected \(2 * axes.count)")
    let limit = largestWindow
    try node.require(
      amounts.allSatisfy { (-limit...limit).contains($0) }, "'pads' is \(amounts), outside \(-limit) to \(limit)")
    var (before, after) = ([Int](repeating: 0, count: rank), [Int](repeating: 0, count: rank))
    for (place, axis) in axes.enumerated() {
      (before[axis], after[axis]) = (amounts[place], amounts[place + axes.count])
    }
    return (before, after)
  }

  private static func trimmed(
    _ node: ONNXNode, _ translation: inout ONNXTranslation, _ id: Graph.Node.ID, _ before: [Int], _ after: [Int]
  ) throws(ImportError.Problem) -> Graph.Node.ID {
    let shape = translation.graph[id].shape
    var result = id
    for axis in before.indices where before[axis] < 0 || after[axis] < 0 {
      let (first, last) = (max(-before[axis], 0), max(-after[axis], 0))
      try node.require(first + last <= shape[axis], "cuts \(first + last) of the \(shape[axis]) of axis \(axis)")
      result = try translation.part(
        node, result, axis: axis, from: first, count: shape[axis] - first - last, named: "cut")
    }
    return result
  }

  /// Along each axis that grows or shrinks, the elements at the places that the mode names.
  private static func repeated(
    _ node: ONNXNode, _ translation: inout ONNXTranslation, _ id: Graph.Node.ID, _ mode: String, _ before: [Int],
    _ after: [Int]
  ) throws(ImportError.Problem) -> ONNXValue {
    try node.require(
      ["reflect", "edge", "wrap"].contains(mode), "'mode' is '\(mode)', expected constant, reflect, edge or wrap")
    var result = id
    for axis in before.indices where before[axis] != 0 || after[axis] != 0 {
      let size = translation.graph[result].shape[axis]
      try node.require(size > 0 && before[axis] + size + after[axis] >= 0, "axis \(axis) has nothing to repeat")
      _ = try translation.charge(node, [before[axis] + size + after[axis]])
      let places = (-before[axis]..<size + after[axis]).map { place(mode, $0, of: size) }
      let indices = try translation.numbers(node, "places\(axis)", [places.count], places)
      result = try translation.add(
        node, Gather(axis: axis), [result, indices], part: "axis\(axis)", keepsBatch: false,
        batch: translation.batch(of: result))
    }
    return .node(result)
  }

  private static func place(_ mode: String, _ index: Int, of size: Int) -> Int {
    func rest(_ a: Int, _ b: Int) -> Int { ((a % b) + b) % b }
    switch mode {
    case "edge": return min(max(index, 0), size - 1)
    case "wrap": return rest(index, size)
    default:
      // To and fro, without the ends twice.
      let period = max(2 * (size - 1), 1)
      let inside = rest(index, period)
      return inside < size ? inside : period - inside
    }
  }
}
