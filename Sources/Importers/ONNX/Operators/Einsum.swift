import Graphs
import Tensors

extension ONNXOperators {
  /// Sums of products along named axes, as turned and reshaped matrix products.
  static let sums: [String: Handler] = ["Einsum": einsum]

  private static func einsum(
    _ node: ONNXNode, _ translation: inout ONNXTranslation
  ) throws(ImportError.Problem) -> ONNXValue {
    let equation = try node.string("equation", default: "").filter { $0 != " " }
    let sides = equation.split(separator: ">", omittingEmptySubsequences: false).map { $0.filter { $0 != "-" } }
    try node.require((1...2).contains(sides.count), "'equation' is '\(equation)'")
    let terms = sides[0].split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    try node.require(terms.count == node.inputs.count, "'\(equation)' is not for \(node.inputs.count) inputs")
    var operands: [Labelled] = []
    for (index, term) in terms.enumerated() {
      let id = try translation.operand(node, index)
      operands.append(Labelled(id: id, labels: try labels(node, term, rank: translation.graph[id].shape.rank)))
    }
    let all = operands.flatMap(\.labels)
    var result: [String]
    if sides.count == 2 {
      let hidden = operands.map { $0.labels.count { $0.count > 1 } }.max() ?? 0
      result = try labels(node, String(sides[1]), rank: sides[1].filter(\.isLetter).count + hidden)
    } else {
      // Without a result: what stands once, in alphabetical order behind what is not named.
      result = Set(all).filter { label in label.count > 1 || all.count { $0 == label } == 1 }
        .sorted { ($0.count > 1 ? 0 : 1, $0) < ($1.count > 1 ? 0 : 1, $1) }
    }
    try node.require(Set(result).isSubset(of: Set(all)), "'\(equation)' makes an axis of nothing")
    var left = operands.removeFirst()
    while !operands.isEmpty {
      let right = operands.removeFirst()
      let wanted = Set(result).union(operands.flatMap(\.labels))
      left = try product(node, &translation, left, right, keeping: wanted)
    }
    left = try summed(node, &translation, left, keeping: Set(result))
    let order = result.map { left.labels.firstIndex(of: $0)! }
    return .node(try translation.turned(node, left.id, order, part: nil))
  }

  /// A value with a name for each axis: a letter, or what an ellipsis stands for, counted from its end.
  private struct Labelled {
    var id: Graph.Node.ID
    var labels: [String]
  }

  private static func labels(
    _ node: ONNXNode, _ term: String, rank: Int
  ) throws(ImportError.Problem) -> [String] {
    let hidden = rank - term.filter(\.isLetter).count
    var labels: [String] = []
    var rest = Substring(term)
    while let first = rest.first {
      if rest.hasPrefix("...") {
        rest = rest.dropFirst(3)
        labels += (0..<max(hidden, 0)).map { "·\(hidden - $0)" }
      } else {
        labels.append(String(first))
        rest = rest.dropFirst()
      }
    }
    try node.require(
      labels.count == rank && Set(labels).count == rank && labels.allSatisfy { $0.count > 1 || $0.first!.isLetter },
      "the term '\(term)' does not name \(rank) different axes")
    return labels
  }

  /// Without the axes that nobody wants.
  private static func summed(
    _ node: ONNXNode, _ translation: inout ONNXTranslation, _ value: Labelled, keeping wanted: Set<String>
  ) throws(ImportError.Problem) -> Labelled {
    let axes = value.labels.indices.filter { !wanted.contains(value.labels[$0]) }
    guard !axes.isEmpty else { return value }
    if let place = translation.batch(of: value.id) {
      try node.require(!axes.contains(place.axis), "adds up the batch, which is not supported")
    }
    let sum = try translation.step(node, Sum(axes: axes), [value.id])
    let kept = value.labels.filter { wanted.contains($0) }
    return Labelled(id: try translation.squeezed(node, sum, axes, part: "summed"), labels: kept)
  }

  private static func product(
    _ node: ONNXNode, _ translation: inout ONNXTranslation, _ a: Labelled, _ b: Labelled, keeping wanted: Set<String>
  ) throws(ImportError.Problem) -> Labelled {
    let a = try summed(node, &translation, a, keeping: wanted.union(b.labels))
    let b = try summed(node, &translation, b, keeping: wanted.union(a.labels))
    let shared = a.labels.filter { b.labels.contains($0) }
    let (outer, inner) = (shared.filter { wanted.contains($0) }, shared.filter { !wanted.contains($0) })
    let (rows, columns) = (a.labels.filter { !shared.contains($0) }, b.labels.filter { !shared.contains($0) })
    var sizes: [String: Int] = [:]
    for value in [a, b] {
      for (axis, label) in value.labels.enumerated() {
        let size = translation.graph[value.id].shape[axis]
        try node.require(
          sizes[label, default: size] == size, "axis '\(label)' has \(sizes[label]!) and \(size) elements")
        sizes[label] = size
      }
    }
    func count(_ labels: [String]) -> Int { labels.reduce(1) { $0 * sizes[$1]! } }
    func matrices(
      _ value: Labelled, _ first: [String], _ second: [String]
    ) throws(ImportError.Problem) -> Graph.Node.ID {
      let order = (outer + first + second).map { value.labels.firstIndex(of: $0)! }
      let turned = try translation.turned(node, value.id, order)
      return try translation.reshaped(
        node, turned, to: [count(outer), count(first), count(second)], part: "matrices")
    }
    let left = try matrices(a, rows, inner)
    let right = try matrices(b, inner, columns)
    let product = try translation.step(node, Graphs.MatrixMultiply(), [left, right])
    let labels = outer + rows + columns
    return Labelled(
      id: try translation.reshaped(node, product, to: labels.map { sizes[$0]! }, part: "apart"), labels: labels)
  }
}
