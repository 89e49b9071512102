import Graphs
import Tensors

/// −1, 0 or +1 by a threshold at a part of the largest magnitude; what +1 and −1 stand for is trained.
///
///     Δ            = threshold · max|w|, or the magnitude below which the asked share of zeros lies
///     code(w)      = base · p  where w > Δ,  −base · n  where w < −Δ,  else 0
///     ∂L/∂p        = base · Σ ∂L/∂code over w > Δ,   ∂L/∂n = −base · Σ ∂L/∂code over w < −Δ
///     ∂L/∂w        = ∂L/∂code · (p | 1 | n)          for the three zones; Δ counts as a constant
///
/// The paper's: the two levels of a layer, the threshold of 0.05 of the largest magnitude or a share of zeros, the
/// gradients. Its levels begin at 1. Ours: they are trained in units of a base, the mean magnitude beyond the threshold
/// in the trained network, so that p and n begin near 1, at what the two sides' mean magnitudes are, and rates that fit
/// the paper's levels fit these; and they stay above a hundredth of the base.
///
/// Zhu et al., Trained Ternary Quantization, 2017, https://arxiv.org/abs/1612.01064
package struct TrainedTernary: Method {
  package static let name = "trained-ternary"
  package static let summary = "zero below a part of the largest magnitude, else one of two trained levels (TTQ)"
  package static let paper = "Zhu et al. 2017, arXiv 1612.01064"
  /// Δ as a part of the largest magnitude of the layer.
  package var threshold: Float = 0.05
  /// The share of the layer's weights that are 0, in place of the threshold; 0 for the threshold.
  package var zeros: Float = 0
  package var alphabet: Alphabet { .ternary }
  package init() {}

  package var problem: String? {
    guard threshold >= 0, threshold < 1 else { return "threshold must be from 0 to below 1" }
    return zeros >= 0 && zeros < 1 ? nil : "zeros must be from 0 to below 1"
  }

  /// p and n, which gradients move, and the base, which nothing moves.
  package func companions(for weight: Tensor, seed: UInt64) -> [Tensor] {
    let bound = self.bound(weight)
    let bounds = Array(repeating: bound, count: weight.shape[0])
    func mean(_ weight: Tensor) -> Float? {
      let found = weight.magnitudes(beyond: bounds)
      let count = found.reduce(0) { $0 + $1.count }
      return count > 0 ? Float(found.reduce(0) { $0 + $1.sum } / count) : nil
    }
    let base = mean(weight) ?? 1
    let sides = [mean(weight.map { max($0, 0) }), mean(weight.map { min($0, 0) })]
    return sides.map { Tensor([1], scalars: [($0 ?? base) / base]) } + [Tensor([1], scalars: [base])]
  }

  /// Δ of a layer.
  private func bound(_ weight: Tensor) -> Float {
    let wanted = Int((zeros * Float(weight.count)).rounded())
    guard zeros > 0, wanted > 0 else { return threshold * weight.largestMagnitude }
    return weight.magnitude(ranked: wanted).value
  }

  package func code(_ latent: Tensor, companions: [Tensor], at moment: Moment) -> CodedTensor {
    let (bound, channels) = (bound(latent), latent.shape[0])
    let (positive, negative, base) = (companions[0].scalars[0], companions[1].scalars[0], companions[2].scalars[0])
    return CodedTensor(
      coding: latent, .ternary, levels: Array(repeating: base * positive, count: channels),
      negativeLevels: Array(repeating: base * negative, count: channels)
    ) { ternarySymbol($1, beyond: bound) }
  }

  package func backward(_ gradient: Tensor, latent: Tensor, companions: [Tensor], at moment: Moment) -> [Tensor?] {
    let bound = bound(latent)
    let (positive, negative, base) = (companions[0].scalars[0], companions[1].scalars[0], companions[2].scalars[0])
    let above = latent.sum(with: gradient) { $0 > bound ? $1 : 0 }
    let below = latent.sum(with: gradient) { $0 < -bound ? $1 : 0 }
    let result = latent.mapRows(with: gradient) { _, weight, gradient in
      gradient * (weight > bound ? positive : weight < -bound ? negative : 1)
    }
    return [result, Tensor([1], scalars: [base * above]), Tensor([1], scalars: [-base * below]), nil]
  }

  package func settle(_ latent: inout Tensor, companions: inout [Tensor], at moment: Moment) {
    for side in 0..<2 { companions[side] = companions[side].map { max($0, 0.01) } }
  }
}
