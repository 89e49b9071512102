import Compute
import Graphs
import Tensors

/// The nearest of a few evenly spaced values, whose step is the least-squares best for each output channel.
///
///     code(w)      = s · clip(round(w / s), −2ᵇ⁻¹, 2ᵇ⁻¹ − 1)          (ternary: −1 to 1; one bit: mean|w| · sign(w))
///     s            = the one of least Σ (w − code(w))² that was found
///     ∂L/∂w        = ∂L/∂code                                        (straight through, unclipped)
///
/// It needs no data: of a trained network it makes bits at once. The step of one bit is exact; others are searched
/// among 64 in geometric order, then closely around the best, which is improved by turns with its rounding until
/// nothing changes.
package struct Round: Method {
  package static let name = "round"
  package static let summary =
    "the nearest of evenly spaced values with the best step for each channel, 1 to 8 bits or ternary; needs no data"
  package static let paper = ""
  package var bits = 4
  /// Three values, −1, 0 and +1, whatever `bits` says.
  package var ternary = false
  package var alphabet: Alphabet { ternary ? .ternary : bits == 1 ? .binary : .uniform(bits: bits) }
  package init() {}

  package var problem: String? { 1...8 ~= bits ? nil : "bits must be from 1 to 8" }

  package func code(_ latent: Tensor, companions: [Tensor], at moment: Moment) -> CodedTensor {
    guard alphabet != .binary else { return ScaledSign().code(latent, companions: [], at: moment) }
    let (low, high) = (Float(alphabet.symbols.lowerBound), Float(alphabet.symbols.upperBound))
    let steps = LeastSquaresStep.steps(of: latent, from: low, to: high)
    return CodedTensor(coding: latent, alphabet, levels: steps) { channel, weight in
      guard steps[channel] > 0 else { return 0 }
      return Int8(max(low, min(high, (weight / steps[channel]).rounded(.toNearestOrEven))))
    }
  }

  package func backward(_ gradient: Tensor, latent: Tensor, companions: [Tensor], at moment: Moment) -> [Tensor?] {
    [gradient]
  }
}
