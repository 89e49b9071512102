import Compute
import Tensors

/// How the gradient passes a staircase, whose own slope is 0.
package enum StaircaseEstimator: Hashable, Sendable, Codable {
  /// As through a straight line between the smallest and the largest level, flat outside.
  ///
  /// Esser et al., Learned Step Size Quantization, 2020, https://arxiv.org/abs/1902.08153
  case straightThrough
  /// As through the mean level of x with logistic noise: the staircase with its corners rounded.
  ///
  ///     mean(v) = Σ k · p_k(v),   p_k(v) ∝ S((k + ½ − v) / spread) − S((k − ½ − v) / spread),   v = x / step
  ///
  /// S is the sigmoid, k the levels; the spread is a part of the step.
  ///
  /// After Lee et al., Cluster-Promoting Quantization, 2021, https://arxiv.org/abs/2109.02100. That the gradient flows
  /// through all of the probabilities and not only through that of the level that was chosen, and that the spread is a
  /// fixed part of the step, is ours.
  case smooth(spread: Float)

  var spread: Float? { if case .smooth(let spread) = self { spread } else { nil } }
}

/// An activation of few bits: a whole multiple of a trained step.
///
///     y = step · clip(x / step rounded, minimum, maximum)       halves to the even number
///
/// From 0 to 2ᵇ − 1 without a sign, from −2ᵇ⁻¹ to 2ᵇ⁻¹ − 1 with one. Inputs: x of any shape, and the step `[1]`. A step
/// that training has brought to 0 or below counts as 10⁻⁸.
///
///     ∂L/∂x    = ∂L/∂y · slope(x / step)
///     ∂L/∂step = Σ ∂L/∂y · (level − slope(x / step) · x / step) / √(n · maximum)
///
/// with the slope of the estimator and n the numbers of one image, which is what the paper's N is for activations.
/// For `.straightThrough` this is the paper's rule; for `.smooth` it is the exact one of the smooth staircase, with the
/// level as it was chosen.
///
/// Esser et al., Learned Step Size Quantization, 2020, https://arxiv.org/abs/1902.08153
package struct Quantize: Operator {
  package static let name = "quantize"
  package var bits: Int
  package var isSigned: Bool
  package var estimator: StaircaseEstimator
  /// The progress of training at which it begins; until then x passes as it is, and its gradient too.
  package var start: Float

  package init(bits: Int, isSigned: Bool, estimator: StaircaseEstimator = .straightThrough, start: Float = 0) {
    self.bits = bits
    self.isSigned = isSigned
    self.estimator = estimator
    self.start = start
  }

  package var minimum: Float { isSigned ? -Float(1 << (bits - 1)) : 0 }
  package var maximum: Float { isSigned ? Float(1 << (bits - 1)) - 1 : Float(1 << bits) - 1 }

  /// The step that a trained one counts as.
  package static func usable(_ step: Tensor) -> Float { step.withUnsafeFloats { $0[0] <= 1e-8 ? 1e-8 : $0[0] } }

  package func shape(of inputs: [Shape]) throws(ShapeError) -> Shape {
    try require(inputs, count: 2...2)
    try require((2...8).contains(bits), "it has from 2 to 8 bits, not \(bits)")
    try require(inputs[1].count == 1, "one step is wanted, not \(inputs[1])")
    if let spread = estimator.spread {
      try require((0.05...2).contains(spread), "the spread must be from 0.05 to 2, not \(spread)")
    }
    return inputs[0]
  }

  package func forward(_ inputs: [Tensor], at moment: Moment) -> Evaluation {
    guard moment.progress >= start else { return Evaluation(inputs[0]) }
    return Evaluation(inputs[0].quantized(to: stairs(inputs[1])))
  }

  package var backwardReadsOutput: Bool { false }

  package func backward(
    _ gradient: consuming Tensor, from evaluation: Evaluation, inputs: [Tensor], needed: [Bool], at moment: Moment
  ) -> [Tensor?] {
    guard moment.progress >= start else { return [gradient, nil] }
    let x = inputs[0]
    let (source, step) = gradient.behind(stairs(inputs[1]), at: x, spread: estimator.spread)
    let numbers = Float(x.shape.rank > 1 && x.shape[0] > 0 ? x.count / x.shape[0] : x.count)
    let share = 1 / (max(numbers, 1) * maximum).squareRoot()
    return [source, Tensor(inputs[1].shape, repeating: step * share)]
  }

  private func stairs(_ step: Tensor) -> Staircase {
    Staircase(step: Self.usable(step), minimum: minimum, maximum: maximum)
  }

  package var parameterInputs: [Int] { [1] }

  package func path(for inputs: [Shape]) -> TrainingPath { .fused }
}

extension Quantize: MeasuredOperator {
  /// The step by the paper's rule, from what is read first: `2 · mean|x| / √maximum`; 1 where all of it is 0.
  package func beginnings(for inputs: [Tensor]) -> [Int: Tensor] {
    let sum = inputs[0].inLayout(.rowMajor).withUnsafeFloats { $0.reduce(0.0) { $0 + Double(abs($1)) } }
    let step = Float(2 * sum / Double(max(inputs[0].count, 1)) / Double(maximum).squareRoot())
    return [1: Tensor(inputs[1].shape, repeating: step > 0 && step.isFinite ? step : 1)]
  }
}
