import Compute
import Tensors

/// The rectifier: `max(0, x)`.
package struct Relu: Operator {
  package static let name = "relu"
  package init() {}

  package func shape(of inputs: [Shape]) throws(ShapeError) -> Shape {
    try require(inputs, count: 1...1)
    return inputs[0]
  }

  package func forward(_ inputs: [Tensor], at moment: Moment) -> Evaluation {
    Evaluation(inputs[0].clipped(0, .infinity))
  }

  // The output lies inside the bounds where the input does, and the next layer keeps it anyway.
  package func backwardReads(input: Int) -> Bool { false }

  package func backward(
    _ gradient: consuming Tensor, from evaluation: Evaluation, inputs: [Tensor], needed: [Bool], at moment: Moment
  ) -> [Tensor?] {
    [gradient.masked(where: evaluation.output, isBetween: 0, and: .infinity)]
  }

  package func path(for inputs: [Shape]) -> TrainingPath { .fused }
}
