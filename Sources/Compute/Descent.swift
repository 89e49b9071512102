import CCompute
import Tensors

/// What one step of Adam is made of.
package struct AdamRule: Sendable {
  package var rate: Float
  /// How much of the mean of the gradients stays at each step.
  package var firstMomentum: Float
  /// How much of the mean of their squares stays at each step.
  package var secondMomentum: Float
  package var epsilon: Float
  package var decay: Float
  /// Whether decay shrinks the weight itself (AdamW) instead of joining its gradient (Adam).
  package var isDecoupled: Bool

  package init(
    rate: Float, firstMomentum: Float, secondMomentum: Float, epsilon: Float, decay: Float, isDecoupled: Bool
  ) {
    self.rate = rate
    self.firstMomentum = firstMomentum
    self.secondMomentum = secondMomentum
    self.epsilon = epsilon
    self.decay = decay
    self.isDecoupled = isDecoupled
  }

  /// 1 − momentum^updates: what the moments, which began at 0, still lack.
  fileprivate static func correction(_ momentum: Float, _ updates: Int) -> Float {
    var (power, base, rest) = (1.0, Double(momentum), updates)
    while rest > 0 {
      if rest % 2 == 1 { power *= base }
      base *= base
      rest /= 2
    }
    return Float(1 - power)
  }
}

/// One step of Adam, in one pass over memory.
///
///     g ← g + decay · w   (or w ← w − rate · decay · w where decay is decoupled)
///     m ← β₁ · m + (1 − β₁) · g,   v ← β₂ · v + (1 − β₂) · g²
///     w ← w − rate · (m / (1 − β₁ᵗ)) / (√(v / (1 − β₂ᵗ)) + ε)
///
/// Kingma and Ba, 2015, https://arxiv.org/abs/1412.6980; Loshchilov and Hutter, 2019, https://arxiv.org/abs/1711.05101
///
/// - Parameter updates: t, this step included: 1 for the first.
package func adamStep(
  weight: inout Tensor, first: inout Tensor, second: inout Tensor, gradient: Tensor, updates: Int, rule: AdamRule
) {
  precondition(weight.shape == gradient.shape && first.shape == gradient.shape && second.shape == gradient.shape)
  precondition(first.layout == weight.layout && second.layout == weight.layout)
  let gradient = gradient.inLayout(weight.layout)
  var adam = cc_adam(
    rate: rule.rate, first_momentum: rule.firstMomentum, second_momentum: rule.secondMomentum, epsilon: rule.epsilon,
    decay: rule.decay, first_correction: AdamRule.correction(rule.firstMomentum, updates),
    second_correction: AdamRule.correction(rule.secondMomentum, updates), decoupled: rule.isDecoupled)
  weight.withUnsafeMutableFloats { weight in
    first.withUnsafeMutableFloats { first in
      second.withUnsafeMutableFloats { second in
        gradient.withUnsafeFloats {
          cc_adam_step(
            Int64($0.count), &adam, $0.baseAddress, first.baseAddress, second.baseAddress, weight.baseAddress)
        }
      }
    }
  }
}

extension Tensor {
  /// Moves every element by a share of its distance to another tensor's.
  package mutating func move(towards value: Tensor, by share: Float) {
    precondition(shape == value.shape, "shapes \(shape) and \(value.shape) differ")
    let value = value.inLayout(layout)
    withUnsafeMutableFloats { average in
      value.withUnsafeFloats { cc_move_average(Int64($0.count), share, $0.baseAddress, average.baseAddress) }
    }
  }

  /// Multiplies every element by a factor, in place.
  package mutating func scale(by factor: Float) {
    withUnsafeMutableFloats { cc_scaled(Int64($0.count), factor, $0.baseAddress, $0.baseAddress) }
  }

  /// The sum of the squares of all elements, the same whatever the number of threads.
  package var squareSum: Double { withUnsafeFloats { cc_square_sum(Int64($0.count), $0.baseAddress) } }
}
