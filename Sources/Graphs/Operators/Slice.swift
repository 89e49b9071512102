import Compute
import Tensors

/// Every `step`-th element from `start` on, `count` of them, along each axis. A count of −1 takes the whole axis.
package struct Slice: Operator {
  package static let name = "slice"
  package var starts: [Int]
  /// Negative steps go backwards.
  package var steps: [Int]
  package var counts: [Int]

  package init(starts: [Int], steps: [Int], counts: [Int]) {
    self.starts = starts
    self.steps = steps
    self.counts = counts
  }

  package func shape(of inputs: [Shape]) throws(ShapeError) -> Shape {
    try require(inputs, count: 1...1)
    let x = inputs[0]
    try require(
      starts.count == x.rank && steps.count == x.rank && counts.count == x.rank,
      "a start, a step and a count are wanted for each of the \(x.rank) axes")
    for axis in 0..<x.rank where counts[axis] != -1 {
      let (limit, step) = (1 << 40, 1 << 20)
      try require(
        (0...limit).contains(counts[axis]) && (0...limit).contains(starts[axis])
          && (-step...step).contains(steps[axis]),
        "start, step or count of axis \(axis) is out of range")
      try require(steps[axis] != 0, "the step of axis \(axis) is 0")
      let last = starts[axis] + steps[axis] * (max(counts[axis], 1) - 1)
      try require(
        counts[axis] == 0 || (starts[axis] < x[axis] && last >= 0 && last < x[axis]),
        "axis \(axis) has \(x[axis]) elements; \(counts[axis]) from \(starts[axis]) by \(steps[axis]) lie outside")
    }
    return Shape(box(x).counts)
  }

  package func forward(_ inputs: [Tensor], at moment: Moment) -> Evaluation {
    Evaluation(inputs[0].extracting(box(inputs[0].shape)))
  }

  package func backwardReads(input: Int) -> Bool { false }
  package var backwardReadsOutput: Bool { false }

  package func backward(
    _ gradient: Tensor, from evaluation: Evaluation, inputs: [Tensor], needed: [Bool], at moment: Moment
  ) -> [Tensor?] {
    var result = Tensor(inputs[0].shape, layout: gradient.layout, repeating: 0)
    result.insert(gradient, at: box(inputs[0].shape))
    return [result]
  }

  private func box(_ shape: Shape) -> Box {
    let whole = counts.map { $0 == -1 }
    return Box(
      starts: starts.indices.map { whole[$0] ? 0 : starts[$0] }, steps: steps.indices.map { whole[$0] ? 1 : steps[$0] },
      counts: counts.indices.map { whole[$0] ? shape[$0] : counts[$0] })
  }

  package func path(for inputs: [Shape]) -> TrainingPath { .moving }
}
