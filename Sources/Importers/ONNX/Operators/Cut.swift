import Tensors

/// What an ONNX `Slice` takes of each axis, after its ends and its negative places are worked out.
struct Cut {
  var starts: [Int]
  var steps: [Int]
  var counts: [Int]

  /// All of it but `count` of one axis from `start` on.
  init(_ shape: Shape, axis: Int, start: Int, count: Int) {
    starts = Array(repeating: 0, count: shape.rank)
    steps = Array(repeating: 1, count: shape.rank)
    counts = shape.dimensions
    (starts[axis], counts[axis]) = (start, count)
  }

  init(_ node: ONNXNode, _ translation: ONNXTranslation, _ shape: Shape) throws(ImportError.Problem) {
    let first = try translation.integers(node, attribute: "starts", orInput: 1, since: 10)
    let last = try translation.integers(node, attribute: "ends", orInput: 2, since: 10)
    guard let first, let last else { throw node.problem("has no starts or no ends") }
    let given = try translation.integers(node, attribute: "axes", orInput: 3, since: 10)
    let jumps = translation.operatorSet < 10 ? nil : try translation.integers(node, 4)
    let axes = given.flatMap { $0.isEmpty && !first.isEmpty ? nil : $0 } ?? Array(first.indices)
    try node.require(
      last.count == first.count && axes.count == first.count && (jumps ?? first).count == first.count,
      "its starts, ends, axes and steps are of different lengths")
    _ = try node.axes(axes, rank: shape.rank)
    starts = Array(repeating: 0, count: shape.rank)
    steps = Array(repeating: 1, count: shape.rank)
    counts = shape.dimensions
    for place in axes.indices {
      let axis = try node.axis(axes[place], rank: shape.rank)
      let step = jumps?[place] ?? 1
      try node.require(step != 0, "steps by 0 along axis \(axis)")
      (starts[axis], counts[axis]) = Cut.range(first[place], last[place], step: step, size: shape[axis])
      steps[axis] = counts[axis] > 1 ? step : 1
      if counts[axis] == 0 { starts[axis] = 0 }
    }
  }

  private static func range(_ start: Int, _ end: Int, step: Int, size: Int) -> (start: Int, count: Int) {
    let (start, end) = (start < 0 ? start + size : start, end < 0 ? end + size : end)
    if step > 0 {
      let (from, to) = (min(max(start, 0), size), min(max(end, 0), size))
      return (from, to > from ? (to - from - 1) / step + 1 : 0)
    }
    let (from, to) = (min(max(start, 0), size - 1), min(max(end, -1), size - 1))
    return (from, from > to ? Int(UInt(from - to - 1) / step.magnitude) + 1 : 0)
  }
}
