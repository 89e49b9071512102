import Graphs
import Tensors

/// −1, 0 or +1 by a threshold at 0.7 of the mean magnitude, times the mean magnitude of what is beyond it.
///
///     Δ            = threshold · mean|w|
///     T            = +1 where w > Δ, −1 where w < −Δ, else 0
///     code(w)      = a · T,  a = mean of |w| where |w| > Δ           (the least-squares best for this T)
///     ∂L/∂w        = ∂L/∂code                                        (straight through, unclipped)
///
/// All of this is the paper's, with means over a layer. Ours: means over each output channel, as an option.
///
/// Li et al., Ternary Weight Networks, 2016, https://arxiv.org/abs/1605.04711
package struct TernaryWeights: Method {
  package static let name = "ternary-weights"
  package static let summary = "zero below 0.7 of the layer's mean magnitude, else a sign, times the best level (TWN)"
  package static let paper = "Li et al. 2016, arXiv 1605.04711"
  /// What Δ is, as a part of the mean magnitude.
  package var threshold: Float = 0.7
  /// Whether means are taken over each output channel instead of the layer.
  package var perChannel = false
  package var alphabet: Alphabet { .ternary }
  package init() {}

  enum CodingKeys: String, CodingKey {
    case threshold
    case perChannel = "per-channel"
  }

  package var problem: String? {
    threshold >= 0 && threshold < 10 ? nil : "threshold must be from 0 to below 10"
  }

  package func code(_ latent: Tensor, companions: [Tensor], at moment: Moment) -> CodedTensor {
    let channels = latent.shape[0]
    let means = perChannel ? latent.rowMagnitudes : Array(repeating: latent.meanMagnitude, count: channels)
    let bounds = means.map { $0 * threshold }
    let found = latent.magnitudes(beyond: bounds)
    let levels: [Float]
    if perChannel {
      levels = found.map { Float($0.sum / max($0.count, 1)) }
    } else {
      let (sum, count) = found.reduce(into: (0.0, 0.0)) { $0 = ($0.0 + $1.sum, $0.1 + $1.count) }
      levels = Array(repeating: Float(sum / max(count, 1)), count: channels)
    }
    return CodedTensor(coding: latent, .ternary, levels: levels) { ternarySymbol($1, beyond: bounds[$0]) }
  }

  package func backward(_ gradient: Tensor, latent: Tensor, companions: [Tensor], at moment: Moment) -> [Tensor?] {
    [gradient]
  }
}
