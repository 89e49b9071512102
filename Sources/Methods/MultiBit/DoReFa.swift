import Compute
import Graphs
import Tensors

/// The hyperbolic tangent of the weight in evenly spaced steps from −1 to 1; with one bit the scaled sign.
///
///     1 bit:       code(w) = mean|w| · sign(w),  sign(0) = +1, the mean over the layer
///                  ∂L/∂w   = ∂L/∂code                                 (straight through; the mean counts as a constant)
///     k bits:      t = tanh(w),  M = max|t|,  x = t / (2·M) + ½
///                  code(w) = 2 · round((2ᵏ − 1) · x) / (2ᵏ − 1) − 1
///                  ∂L/∂w   = (1 − t²) · (∂L/∂code / M − [largest] · sign(t) · Σ(∂L/∂code · t) / M²)
///                  (straight through the rounding alone: tanh and the largest magnitude have their exact gradients)
///
/// All of this is the paper's. Codes are odd multiples of 1 / (2ᵏ − 1), so that there is no 0; a weight of 0 goes up.
/// Ours: a layer of zeros lets the gradient pass.
///
/// Zhou et al., DoReFa-Net, 2016, https://arxiv.org/abs/1606.06160
package struct DoReFa: Method {
  package static let name = "dorefa"
  package static let summary = "steps of the weight's hyperbolic tangent, 1 to 8 bits and no zero (DoReFa-Net)"
  package static let paper = "Zhou et al. 2016, arXiv 1606.06160"
  package var bits = 1
  package var alphabet: Alphabet { bits == 1 ? .binary : .symmetric(bits: bits) }
  package init() {}

  package var problem: String? { 1...8 ~= bits ? nil : "bits must be from 1 to 8" }

  package func code(_ latent: Tensor, companions: [Tensor], at moment: Moment) -> CodedTensor {
    guard bits > 1 else {
      return CodedTensor(coding: latent, .binary, level: latent.meanMagnitude) { $1 >= 0 ? 1 : -1 }
    }
    let steps = Float(1 << bits - 1)
    let bent = latent.inLayout(.rowMajor).applying(.tanh)
    let largest = max(bent.largestMagnitude, Float.leastNormalMagnitude)
    let middle = 1 << (bits - 1)
    return CodedTensor(coding: bent, alphabet, level: 2 / steps) { _, t in
      Int8(Int(max(0, min(steps, (steps * (t / largest / 2 + 0.5)).rounded(.toNearestOrEven)))) - middle)
    }
  }

  package func backward(_ gradient: Tensor, latent: Tensor, companions: [Tensor], at moment: Moment) -> [Tensor?] {
    guard bits > 1 else { return [gradient] }
    let bent = latent.inLayout(.rowMajor).applying(.tanh)
    let largest = bent.largestMagnitude
    guard largest >= Float.leastNormalMagnitude else { return [gradient] }
    var result = bent.mapRows(with: gradient) { _, t, gradient in (1 - t * t) * gradient / largest }
    let along = bent.sum(with: gradient) { $0 / largest * $1 }
    // The first of equals is the largest, as it is for the gradient of a maximum elsewhere.
    result.withUnsafeMutableFloats { result in
      bent.withUnsafeFloats { bent in
        guard let place = bent.firstIndex(where: { abs($0) == largest }) else { return }
        result[place] -= (1 - largest * largest) * (bent[place] < 0 ? -1 : 1) * along / largest
      }
    }
    return [result]
  }
}
