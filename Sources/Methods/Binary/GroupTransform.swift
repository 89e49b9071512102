import Compute
import Foundation
import Graphs
import Tensors

/// Bits grown from the weight itself: a power of each weight that shrinks to 0, in groups, with its exact gradient.
///
///     m = mean|w|,  v = w / m,  r(v) = v · (v² + ε²)^((s − 1) / 2)      for each output channel
///     relax(w)     = m · r(v) / mean|r(v)|
///     code(w)      = m · sign(w),  sign(0) = +1
///     s = (P^−progress − 1/P) / (1 − 1/P),   ε = softness · (1 − progress)
///     ∂L/∂w        = exact, both means included: nothing goes straight through
///
/// At progress 0 s is 1 and the weight passes as it is; at progress 1 s and ε are 0 and it is the decoded bits. In
/// between the transformation is smooth and unbounded, so that every weight has a gradient, away from 0 one that
/// shrinks with s; a weight that is exactly 0 becomes +m only at the end. There is no penalty.
///
/// The paper's: weights approximate a binary state by a deterministic, differentiable transformation of groups, without
/// straight-through gradients, saturating functions or auxiliary losses, trained as a float network is. Its formula was
/// not at hand: the formula, the schedules of s and ε, the group (an output channel) and its level are ours. Ours too:
/// a channel of zeros lets the gradient pass.
///
/// Shulman, Exact Backpropagation in Binary Weighted Networks with Group Weight Transformations, 2021,
/// https://arxiv.org/abs/2107.01400
package struct GroupTransform: Method {
  package static let name = "group-transform"
  package static let summary =
    "a power of the weight that shrinks until only signs are left, with its exact gradient (after Shulman)"
  package static let paper = "Shulman 2021, arXiv 2107.01400 (its idea; the formula is ours)"
  package static let learningRate: Float = 0.05
  /// P: how fast the power 1/s rises, and with it the weights part.
  package var steepness: Float = 256
  /// ε at the beginning, as a part of the mean magnitude: below it a weight may still change sides smoothly.
  package var softness: Float = 0.01
  package var alphabet: Alphabet { .binary }
  package init() {}

  package var problem: String? {
    guard steepness > 1, steepness <= 1e9 else { return "steepness must be above 1 and at most 1e9" }
    return softness >= 1e-6 && softness <= 1 ? nil : "softness must be from 1e-6 to 1"
  }

  package var beginsAtTheWeight: Bool { true }

  package func code(_ latent: Tensor, companions: [Tensor], at moment: Moment) -> CodedTensor {
    ScaledSign().code(latent, companions: [], at: moment)
  }

  package func relax(_ latent: Tensor, companions: [Tensor], at moment: Moment) -> Tensor {
    guard moment.progress > 0 else { return latent }
    guard moment.progress < 1 else { return code(latent, companions: [], at: moment).decoded() }
    return GroupTransformPrimitive.forward(
      latent, share: share(at: moment), softness: softness * (1 - moment.progress))
  }

  package func backward(_ gradient: Tensor, latent: Tensor, companions: [Tensor], at moment: Moment) -> [Tensor?] {
    guard moment.progress > 0 else { return [gradient] }
    return [
      GroupTransformPrimitive.backward(
        gradient, weight: latent, share: share(at: moment), softness: softness * max(0, 1 - moment.progress))
    ]
  }

  /// s, from 1 to 0.
  private func share(at moment: Moment) -> Float {
    max(0, (pow(steepness, -moment.progress) - 1 / steepness) / (1 - 1 / steepness))
  }
}
