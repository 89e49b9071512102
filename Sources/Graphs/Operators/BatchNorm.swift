import Compute
import Foundation
import Tensors

/// Batch normalisation, with the addition and the rectifier that often follow it, in one pass over memory.
///
///     y = scale[c] · (x − mean[c]) / √(variance[c] + ε) + shift[c]      then (+ skip)      then max(0, ·) if `relu`
///
/// and `min(ceiling, ·)` where there is a ceiling, as in ReLU6.
///
/// Inputs: x `[batch, channels, …]`, scale, shift, mean, variance (each `[channels]`), and with `addsSkip` a sixth of
/// the shape of x. In inference it uses the running mean and variance; in training those of the batch, and moves the
/// running ones: `running · momentum + batch · (1 − momentum)`, the variance without bias.
///
/// Ioffe and Szegedy, 2015, https://arxiv.org/abs/1502.03167
package struct BatchNorm: Operator {
  package static let name = "batch-norm"
  package var epsilon: Float
  package var momentum: Float
  package var addsSkip: Bool
  package var relu: Bool
  /// What a rectified value is brought down to; nil for no limit. For `relu` only.
  package var ceiling: Float?

  package init(
    epsilon: Float = 1e-5, momentum: Float = 0.9, addsSkip: Bool = false, relu: Bool = false,
    ceiling: Float? = nil
  ) {
    self.epsilon = epsilon
    self.momentum = momentum
    self.addsSkip = addsSkip
    self.relu = relu
    self.ceiling = ceiling
  }

  package func shape(of inputs: [Shape]) throws(ShapeError) -> Shape {
    try require(inputs, count: addsSkip ? 6...6 : 5...5)
    let x = inputs[0]
    try require(x.rank == 2 || x.rank == 4, "the input must have 2 or 4 axes, not \(x.rank)")
    try require(!x.dimensions[1...].contains(0), "the input \(x) is empty")
    for (input, what) in zip(inputs[1...4], ["scale", "shift", "mean", "variance"]) {
      try require(input == [x[1]], "the \(what) is \(input), not [\(x[1])]")
    }
    if addsSkip { try require(inputs[5] == x, "the shapes \(x) and \(inputs[5]) that are added differ") }
    try require(ceiling.map { relu && $0 > 0 } ?? true, "a ceiling must be above 0, and above a rectifier")
    try require(epsilon > 0 && epsilon.isFinite, "epsilon must be above 0")
    return x
  }

  package func forward(_ inputs: [Tensor], at moment: Moment) -> Evaluation {
    let x = ordered(inputs[0])
    let skip = addsSkip ? inputs[5].inLayout(x.layout) : nil
    guard moment.phase == .training else {
      let (factor, offset) = affine(scale: inputs[1], shift: inputs[2], mean: inputs[3], variance: inputs[4])
      return Evaluation(normalized(x, factor: factor, offset: offset, skip: skip, at: moment))
    }
    let (mean, variance) = ChannelAffine.statistics(x)
    let (factor, offset) = affine(scale: inputs[1], shift: inputs[2], mean: mean, variance: variance)
    let y = normalized(x, factor: factor, offset: offset, skip: skip, at: moment)
    let samples = Float(x.count / max(x.shape[1], 1))
    let unbiased = samples > 1 ? samples / (samples - 1) : 1
    let (momentum, rest) = (momentum, 1 - momentum)
    return Evaluation(
      y, saving: [mean, variance],
      updating: [
        3: inputs[3].zip(mean) { $0 * momentum + $1 * rest },
        4: inputs[4].zip(variance) { $0 * momentum + $1 * unbiased * rest },
      ])
  }

  /// Where nothing is added, a convolution that reads it may work it out on the way.
  private func normalized(_ x: Tensor, factor: Tensor, offset: Tensor, skip: Tensor?, at moment: Moment) -> Tensor {
    if skip == nil, moment.arithmetic == .transformed {
      return ChannelAffine.deferred(
        x, affine: RectifiedAffine(factor: factor, offset: offset, ceiling: limit), relu: relu)
    }
    return ChannelAffine.forward(x, factor: factor, offset: offset, skip: skip, relu: relu, ceiling: limit)
  }

  /// What it comes to in inference: `factor[c] · x + offset[c]`.
  package func affine(scale: Tensor, shift: Tensor, mean: Tensor, variance: Tensor) -> (factor: Tensor, offset: Tensor)
  {
    let epsilon = epsilon
    let factor = scale.zip(variance) { $0 / ($1 + epsilon).squareRoot() }
    return (factor, shift.zip(factor.zip(mean, *), -))
  }

  // What is added has a gradient of its own, for which nobody needs to know it.
  package func backwardReads(input: Int) -> Bool { input != 5 }
  // Behind a rectifier alone x says what was let through.
  package var backwardReadsOutput: Bool { relu && addsSkip }

  package func backward(
    _ gradient: consuming Tensor, from evaluation: Evaluation, inputs: [Tensor], needed: [Bool], at moment: Moment
  ) -> [Tensor?] {
    let x = ordered(inputs[0])
    let trained = moment.phase == .training
    let mean = trained ? evaluation.saved[0] : inputs[3]
    let variance = trained ? evaluation.saved[1] : inputs[4]
    if gradient.layout != x.layout { gradient = gradient.inLayout(x.layout) }
    let epsilon = epsilon
    let inverse = variance.map { 1 / ($0 + epsilon).squareRoot() }
    let factor = inputs[1].zip(inverse, *)
    // As on the way forward, to the last bit.
    let affine = affine(scale: inputs[1], shift: inputs[2], mean: mean, variance: variance)
    let rectified = RectifiedAffine(factor: affine.factor, offset: affine.offset, ceiling: limit)
    let findsMask = relu && !addsSkip
    let (sums, products): (Tensor, Tensor)
    if findsMask {
      (sums, products) = rectified.backwardSums(gradient, x: x, mean: mean)
    } else {
      (gradient, sums, products) = ChannelAffine.backwardSums(
        consume gradient, x: x, y: relu ? evaluation.output : nil, ceiling: limit, mean: mean)
    }
    var result = [Tensor?](repeating: nil, count: inputs.count)
    result[1] = products.zip(inverse, *)
    result[2] = sums
    if addsSkip { result[5] = gradient }
    guard needed[0] else { return result }
    // dx = factor · (g − Σg / n − x̂ · Σ(g · x̂) / n), x̂ = (x − mean) · inverse, as a · g + b · x + d.
    var b = Tensor(factor.shape, repeating: 0)
    var d = b
    if trained {
      let share = 1 / Float(x.count / x.shape[1])
      b = factor.zip(inverse) { -$0 * $1 * $1 * share }.zip(products, *)
      d = factor.zip(sums) { -$0 * $1 * share }.zip(b.zip(mean, *), -)
    }
    if moment.arithmetic == .transformed {
      result[0] = ChannelAffine.deferredSource(
        consume gradient, x: x, rectified: findsMask ? rectified : nil, a: factor, b: b, d: d)
    } else {
      result[0] =
        findsMask
        ? rectified.backwardSource(consume gradient, x: x, a: factor, b: b, d: d)
        : ChannelAffine.backwardSource(consume gradient, x: x, a: factor, b: b, d: d)
    }
    return result
  }

  private var limit: Float { ceiling ?? .infinity }

  private func ordered(_ x: Tensor) -> Tensor { x.shape.rank == 4 ? x.inLayout(.channelsLast) : x }

  package var parameterInputs: [Int] { [1, 2] }

  package func path(for inputs: [Shape]) -> TrainingPath { .fused }
  package var statisticInputs: [Int] { [3, 4] }
}
