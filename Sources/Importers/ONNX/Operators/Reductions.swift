import Compute
import Graphs
import Tensors

extension ONNXOperators {
  /// Operators that make fewer numbers of many along axes, and orders along one.
  static let reductions: [String: Handler] = [
    "ReduceMean": reduction(axesSince: 18) { (node, translation, id, axes, part) throws(ImportError.Problem) in
      let isImage = translation.graph[id].shape.rank == 4 && axes == [2, 3]
      let operation: any Operator = isImage ? GlobalAveragePool() : Mean(axes: axes)
      return try translation.add(node, operation, [id], part: part.map { _ in isImage ? "pool" : "mean" })
    },
    "ReduceSum": reduction(axesSince: 13) { (node, translation, id, axes, part) throws(ImportError.Problem) in
      try translation.add(node, Sum(axes: axes), [id], part: part)
    },
    "ReduceMax": reduction(axesSince: 18) { (node, translation, id, axes, part) throws(ImportError.Problem) in
      try translation.add(node, Reduce(.largest, axes: axes), [id], part: part)
    },
    "ReduceMin": reduction(axesSince: 18) { (node, translation, id, axes, part) throws(ImportError.Problem) in
      try translation.add(node, Reduce(.smallest, axes: axes), [id], part: part)
    },
    "ReduceProd": reduction(axesSince: 18) { (node, translation, id, axes, part) throws(ImportError.Problem) in
      try translation.add(node, Reduce(.product, axes: axes), [id], part: part)
    },
    "ReduceL1": reduction(axesSince: 18) { (node, translation, id, axes, part) throws(ImportError.Problem) in
      try translation.add(node, Sum(axes: axes), [try translation.applying(node, .magnitude, id)], part: part)
    },
    "ReduceL2": reduction(axesSince: 18) { (node, translation, id, axes, part) throws(ImportError.Problem) in
      let sum = try translation.step(node, Sum(axes: axes), [try translation.square(node, id)])
      return try translation.add(node, Pointwise(.squareRoot), [sum], part: part)
    },
    "ReduceSumSquare": reduction(axesSince: 18) { (node, translation, id, axes, part) throws(ImportError.Problem) in
      try translation.add(node, Sum(axes: axes), [try translation.square(node, id)], part: part)
    },
    "ReduceLogSum": reduction(axesSince: 18) { (node, translation, id, axes, part) throws(ImportError.Problem) in
      let sum = try translation.step(node, Sum(axes: axes), [id])
      return try translation.add(node, Pointwise(.logarithm), [sum], part: part)
    },
    "ReduceLogSumExp": reduction(axesSince: 18) { (node, translation, id, axes, part) throws(ImportError.Problem) in
      // Beside the largest one nothing overflows.
      let largest = try translation.step(node, Reduce(.largest, axes: axes), [id])
      let below = try translation.step(node, Subtract(), [id, largest])
      let sum = try translation.step(node, Sum(axes: axes), [try translation.applying(node, .exponential, below)])
      return try translation.add(
        node, Add(), [try translation.applying(node, .logarithm, sum), largest], part: part)
    },
    "ArgMax": { (node, translation) throws(ImportError.Problem) in try extreme(node, &translation, isLargest: true) },
    "ArgMin": { (node, translation) throws(ImportError.Problem) in try extreme(node, &translation, isLargest: false) },
    "TopK": topmost,
    "CumSum": runningSum,
  ]

  typealias ReductionStep =
    @Sendable (
      ONNXNode, inout ONNXTranslation, Graph.Node.ID, _ axes: [Int], _ part: String?
    ) throws(ImportError.Problem) -> Graph.Node.ID

  /// Something that leaves its axes with size 1, which are taken away unless they shall stay.
  private static func reduction(axesSince since: Int, _ body: @escaping ReductionStep) -> Handler {
    { (node, translation) throws(ImportError.Problem) in
      let input = try translation.operand(node, 0)
      let shape = translation.graph[input].shape
      let given = try translation.integers(node, attribute: "axes", orInput: 1, since: since) ?? []
      let staysAsItIs = try node.flag("noop_with_empty_axes")
      let isEmpty = given.isEmpty && staysAsItIs
      let axes = try node.axes(given.isEmpty && !isEmpty ? Array(0..<shape.rank) : given, rank: shape.rank)
      if let place = translation.batch(of: input) {
        try node.require(!axes.contains(place.axis), "reduces the batch, which is not supported")
      }
      if try node.flag("keepdims", default: true) { return .node(try body(node, &translation, input, axes, nil)) }
      let small = try body(node, &translation, input, axes, "reduced")
      if translation.graph[small].operation is GlobalAveragePool, translation.holdsForAnyBatch {
        return try translation.value(node, Flatten(axis: 1), [small])
      }
      return .node(try translation.squeezed(node, small, axes, part: nil))
    }
  }

  /// The place of the largest or the smallest number.
  private static func extreme(
    _ node: ONNXNode, _ translation: inout ONNXTranslation, isLargest: Bool
  ) throws(ImportError.Problem) -> ONNXValue {
    let input = try translation.operand(node, 0)
    let shape = translation.graph[input].shape
    let axis = try node.axis(try node.integer("axis", default: 0), rank: shape.rank)
    try node.require(shape[axis] > 0, "axis \(axis) of \(shape) is empty")
    try node.require(translation.batch(of: input)?.axis != axis, "goes over the batch, which is not supported")
    // Of equal ones the last stands at the end of the other order.
    let wantsLast = try node.flag("select_last_index")
    let order = try translation.step(node, Order(axis: axis, descending: isLargest != wantsLast), [input], type: .int64)
    let keeps = try node.flag("keepdims", default: true)
    let place = try translation.part(
      node, order, axis: axis, from: wantsLast ? shape[axis] - 1 : 0, count: 1, named: keeps ? nil : "place")
    return .node(keeps ? place : try translation.without(node, axis: axis, place, part: nil))
  }

  private static func topmost(
    _ node: ONNXNode, _ translation: inout ONNXTranslation
  ) throws(ImportError.Problem) -> ONNXValue {
    let input = try translation.operand(node, 0)
    let shape = translation.graph[input].shape
    let axis = try node.axis(try node.integer("axis", default: -1), rank: shape.rank)
    try node.require(translation.batch(of: input)?.axis != axis, "goes over the batch, which is not supported")
    let wanted =
      translation.operatorSet < 10 ? node.attributes["k"]?.integer : try translation.integers(node, 1)?.first
    guard let count = wanted, (0...shape[axis]).contains(count) else {
      throw node.problem("'k' is \(wanted.map(String.init) ?? "missing"), outside 0 to \(shape[axis])")
    }
    let order = try translation.step(
      node, Order(axis: axis, descending: try node.flag("largest", default: true)), [input], type: .int64)
    let places = try translation.part(node, order, axis: axis, from: 0, count: count, named: "places")
    translation.give(laterOutputs: [.node(places)])
    return try translation.value(node, GatherElements(axis: axis), [input, places])
  }

  /// Sums of what stands before, by a product with a triangle of ones.
  private static func runningSum(
    _ node: ONNXNode, _ translation: inout ONNXTranslation
  ) throws(ImportError.Problem) -> ONNXValue {
    let input = try translation.operand(node, 0)
    let shape = translation.graph[input].shape
    guard let axis = try translation.literal(node, 1)?.integers?.first else { throw node.problem("has no axis") }
    let along = try node.axis(axis, rank: shape.rank)
    let size = shape[along]
    try node.require((1...4096).contains(size), "adds \(size) numbers up; 1 to 4096 are supported")
    let (isReversed, isExclusive) = (try node.flag("reverse"), try node.flag("exclusive"))
    let triangle = try translation.charge(node, [size, size])
    let ones = (0..<triangle.count).map { place in
      // Row i adds to column j: what stands before it, or behind it in the other direction.
      let distance = (place % size - place / size) * (isReversed ? -1 : 1)
      return distance > 0 || (distance == 0 && !isExclusive) ? 1 : 0
    }
    let factor = try translation.numbers(node, "triangle", triangle, ones, type: .float)
    var permutation = Array(0..<shape.rank)
    permutation.swapAt(along, shape.rank - 1)
    let rows = try translation.turned(node, input, permutation)
    let matrix = shape.rank == 1 ? try translation.reshaped(node, rows, to: [1, size], part: "row") : rows
    let sums = try translation.step(node, Graphs.MatrixMultiply(), [matrix, factor])
    if shape.rank == 1 { return .node(try translation.reshaped(node, sums, to: [size])) }
    return .node(try translation.turned(node, sums, permutation, part: nil))
  }
}
