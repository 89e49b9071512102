import Tensors

extension ONNXNode {
  /// Throws unless the condition holds.
  func require(_ condition: Bool, _ problem: @autoclosure () -> String) throws(ImportError.Problem) {
    guard condition else { throw self.problem(problem()) }
  }

  func integer(_ name: String, default standard: Int) throws(ImportError.Problem) -> Int {
    guard let attribute = attributes[name] else { return standard }
    guard let integer = attribute.integer else { throw problem("'\(name)' must be an integer") }
    return integer
  }

  func flag(_ name: String, default standard: Bool = false) throws(ImportError.Problem) -> Bool {
    try integer(name, default: standard ? 1 : 0) != 0
  }

  func float(_ name: String, default standard: Float) throws(ImportError.Problem) -> Float {
    guard let attribute = attributes[name] else { return standard }
    guard let float = attribute.float else { throw problem("'\(name)' must be a number") }
    return float
  }

  func string(_ name: String, default standard: String) throws(ImportError.Problem) -> String {
    guard let attribute = attributes[name] else { return standard }
    guard let string = attribute.string else { throw problem("'\(name)' must be a string") }
    return string
  }

  /// A list of `count` integers in `range`.
  func integers(
    _ name: String, count: Int, in range: ClosedRange<Int>, default standard: [Int]
  ) throws(ImportError.Problem) -> [Int] {
    guard let integers = attributes[name]?.integers else { return standard }
    try require(
      integers.count == count,
      "'\(name)' has \(integers.count) entr\(integers.count == 1 ? "y" : "ies"), expected \(count)")
    for integer in integers {
      try require(
        range.contains(integer), "'\(name)' is \(integers), outside \(range.lowerBound) to \(range.upperBound)")
    }
    return integers
  }

  /// An axis counted from the front, from one that may be counted from the back.
  func axis(_ axis: Int, rank: Int) throws(ImportError.Problem) -> Int {
    try require(axis >= -rank && axis < rank, "axis \(axis) is outside the \(rank) axes of its input")
    return axis < 0 ? axis + rank : axis
  }

  /// Different axes, counted from the front, in order.
  func axes(_ axes: [Int], rank: Int) throws(ImportError.Problem) -> [Int] {
    var result: Set<Int> = []
    for axis in axes {
      let axis = try self.axis(axis, rank: rank)
      try require(result.insert(axis).inserted, "the axes \(axes) name one twice")
    }
    return result.sorted()
  }
}

extension ONNXTranslation {
  /// Integers that stood in an attribute before they became an input in operator set `since`.
  func integers(
    _ node: ONNXNode, attribute: String, orInput index: Int, since: Int
  ) throws(ImportError.Problem) -> [Int]? {
    operatorSet < since ? node.attributes[attribute]?.integers : try integers(node, index)
  }
}
