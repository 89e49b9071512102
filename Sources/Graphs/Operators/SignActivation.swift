import Compute
import Tensors

/// An activation as one bit: +1 where x ≥ 0, else −1.
///
/// Backward it is taken for a straight line between −1 and 1 and flat outside (the straight-through estimator).
/// Unlike `Sign` it has no 0, so what reads it may run on bits.
///
/// Hubara et al., 2016, https://arxiv.org/abs/1602.02830
package struct SignActivation: Operator {
  package static let name = "sign-activation"
  /// The progress of training at which it begins; until then x passes as it is, and its gradient too.
  package var start: Float
  package init(start: Float = 0) { self.start = start }

  package func shape(of inputs: [Shape]) throws(ShapeError) -> Shape {
    try require(inputs, count: 1...1)
    return inputs[0]
  }

  package func forward(_ inputs: [Tensor], at moment: Moment) -> Evaluation {
    guard moment.progress >= start else { return Evaluation(inputs[0]) }
    return Evaluation(inputs[0].map { $0 >= 0 ? 1 : -1 })
  }

  package var backwardReadsOutput: Bool { false }

  package func backward(
    _ gradient: Tensor, from evaluation: Evaluation, inputs: [Tensor], needed: [Bool], at moment: Moment
  ) -> [Tensor?] {
    [moment.progress >= start ? gradient.masked(where: inputs[0], isBetween: -1, and: 1) : gradient]
  }

  package func path(for inputs: [Shape]) -> TrainingPath { .plain("a loop on one thread") }
}
