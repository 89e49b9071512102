import Compute
import Tensors

/// The sign as ONNX means it: −1, 0 or +1, and 0 for 0.
///
/// Backward it is taken for a straight line between −1 and 1, since its own slope is 0. For an activation that becomes
/// bits see `SignActivation`, which has no 0.
package struct Sign: Operator {
  package static let name = "sign"
  package init() {}

  package func shape(of inputs: [Shape]) throws(ShapeError) -> Shape {
    try require(inputs, count: 1...1)
    return inputs[0]
  }

  package func forward(_ inputs: [Tensor], at moment: Moment) -> Evaluation {
    Evaluation(inputs[0].map { $0 > 0 ? 1 : $0 < 0 ? -1 : $0 })
  }

  package var backwardReadsOutput: Bool { false }

  package func backward(
    _ gradient: Tensor, from evaluation: Evaluation, inputs: [Tensor], needed: [Bool], at moment: Moment
  ) -> [Tensor?] {
    [gradient.masked(where: inputs[0], isBetween: -1, and: 1)]
  }

  package func path(for inputs: [Shape]) -> TrainingPath { .plain("a loop on one thread") }
}
