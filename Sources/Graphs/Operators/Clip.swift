import Compute
import Tensors

/// Brings every element into `minimum ... maximum`: ReLU6, Hardtanh.
package struct Clip: Operator {
  package static let name = "clip"
  package var minimum: Float
  package var maximum: Float

  package init(minimum: Float, maximum: Float) {
    self.minimum = minimum
    self.maximum = maximum
  }

  package func shape(of inputs: [Shape]) throws(ShapeError) -> Shape {
    try require(inputs, count: 1...1)
    try require(!minimum.isNaN && !maximum.isNaN, "a bound is not a number")
    return inputs[0]
  }

  package func forward(_ inputs: [Tensor], at moment: Moment) -> Evaluation {
    Evaluation(inputs[0].clipped(minimum, maximum))
  }

  // The output lies inside the bounds where the input does, and the next layer keeps it anyway.
  package func backwardReads(input: Int) -> Bool { false }

  package func backward(
    _ gradient: consuming Tensor, from evaluation: Evaluation, inputs: [Tensor], needed: [Bool], at moment: Moment
  ) -> [Tensor?] {
    [gradient.masked(where: evaluation.output, isBetween: minimum, and: maximum)]
  }

  package func path(for inputs: [Shape]) -> TrainingPath { .fused }
}
