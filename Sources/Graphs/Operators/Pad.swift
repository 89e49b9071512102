import Compute
import Tensors

/// Adds elements of one value before and after those of the input, along each axis.
package struct Pad: Operator {
  package static let name = "pad"
  /// How many, for each axis.
  package var before: [Int]
  package var after: [Int]
  package var value: Float

  package init(before: [Int], after: [Int], value: Float = 0) {
    self.before = before
    self.after = after
    self.value = value
  }

  package func shape(of inputs: [Shape]) throws(ShapeError) -> Shape {
    try require(inputs, count: 1...1)
    let x = inputs[0]
    try require(before.count == x.rank && after.count == x.rank, "an amount is wanted for each of the \(x.rank) axes")
    let limit = 1 << 20
    try require((before + after).allSatisfy { (0...limit).contains($0) }, "amounts must be from 0 to \(limit)")
    try require(x.dimensions.allSatisfy { $0 <= 1 << 48 }, "the input \(x) is too large")
    let dimensions = (0..<x.rank).map { x[$0] + before[$0] + after[$0] }
    try require(Shape.count(of: dimensions) != nil, "the output is too large")
    return Shape(dimensions)
  }

  package func forward(_ inputs: [Tensor], at moment: Moment) -> Evaluation {
    let x = inputs[0]
    let shape = Shape((0..<x.shape.rank).map { x.shape[$0] + before[$0] + after[$0] })
    var y = Tensor(shape, layout: x.layout, repeating: value)
    y.insert(x, at: inside(x.shape))
    return Evaluation(y)
  }

  package func backwardReads(input: Int) -> Bool { false }
  package var backwardReadsOutput: Bool { false }

  package func backward(
    _ gradient: Tensor, from evaluation: Evaluation, inputs: [Tensor], needed: [Bool], at moment: Moment
  ) -> [Tensor?] {
    [gradient.extracting(inside(inputs[0].shape))]
  }

  private func inside(_ shape: Shape) -> Box {
    Box(starts: before, steps: Array(repeating: 1, count: shape.rank), counts: shape.dimensions)
  }

  package func path(for inputs: [Shape]) -> TrainingPath { .moving }
}
