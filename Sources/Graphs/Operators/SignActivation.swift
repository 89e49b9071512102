import Compute
import Foundation
import Tensors

/// How the gradient passes a sign, whose own slope is 0.
package enum SignEstimator: Hashable, Sendable, Codable {
  /// As through a straight line between −1 and 1, flat outside.
  ///
  /// Hubara et al., 2016, https://arxiv.org/abs/1602.02830
  case straightThrough
  /// As through two parabolas between −1 and 1: `2 − 2 · |x|`.
  ///
  /// Liu et al., Bi-Real Net, 2018, https://arxiv.org/abs/1808.00278
  case approximate
  /// As through a hyperbolic tangent that hardens as training goes:
  ///
  ///     k · t · (1 − tanh²(t · x)),  t = from · (to / from)^progress,  k = max(1 / t, 1)
  ///
  /// Qin et al., Forward and Backward Information Retention, 2020, https://arxiv.org/abs/1909.10788
  case errorDecay(from: Float, to: Float)

  func slope(at progress: Float) -> SignSlope {
    switch self {
    case .straightThrough: .straightThrough
    case .approximate: .approximate
    case .errorDecay(let from, let to): .errorDecay(sharpness: from * pow(to / from, min(max(progress, 0), 1)))
    }
  }
}

/// An activation as one bit: +1 where x ≥ 0, else −1.
///
/// Backward it has the slope of its estimator. Unlike `Sign` it has no 0, so what reads it may run on bits.
package struct SignActivation: Operator {
  package static let name = "sign-activation"
  /// The progress of training at which it begins; until then x passes as it is, and its gradient too.
  package var start: Float
  package var estimator: SignEstimator

  package init(start: Float = 0, estimator: SignEstimator = .straightThrough) {
    self.start = start
    self.estimator = estimator
  }

  package func shape(of inputs: [Shape]) throws(ShapeError) -> Shape {
    try require(inputs, count: 1...1)
    if case .errorDecay(let from, let to) = estimator {
      try require(from > 0 && to > 0 && from.isFinite && to.isFinite, "the sharpness must be above 0")
    }
    return inputs[0]
  }

  package func forward(_ inputs: [Tensor], at moment: Moment) -> Evaluation {
    guard moment.progress >= start else { return Evaluation(inputs[0]) }
    return Evaluation(inputs[0].bits)
  }

  package var backwardReadsOutput: Bool { false }

  package func backward(
    _ gradient: consuming Tensor, from evaluation: Evaluation, inputs: [Tensor], needed: [Bool], at moment: Moment
  ) -> [Tensor?] {
    guard moment.progress >= start else { return [gradient] }
    // A schedule counts from where the sign begins.
    let own = start < 1 ? (moment.progress - start) / (1 - start) : 1
    return [gradient.times(estimator.slope(at: own), at: inputs[0])]
  }

  package func path(for inputs: [Shape]) -> TrainingPath { .fused }
}
