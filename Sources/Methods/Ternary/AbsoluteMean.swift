import Graphs
import Tensors

/// −1, 0 or +1 by rounding the weight to the nearest mean magnitude of the layer.
///
///     γ            = max(mean|w|, 10⁻⁵)
///     code(w)      = γ · clip(round(w / γ), −1, 1)                   (halves to the even number)
///     ∂L/∂w        = ∂L/∂code                                        (straight through, unclipped)
///
/// All of this is the paper's, of whose network only the weights are meant here, not its activations of 8 bits.
///
/// Ma et al., The Era of 1-bit LLMs: All Large Language Models are in 1.58 Bits, 2024,
/// https://arxiv.org/abs/2402.17764
package struct AbsoluteMean: Method {
  package static let name = "absolute-mean"
  package static let summary = "the weight rounded to −1, 0 or +1 times the layer's mean magnitude (BitNet b1.58)"
  package static let paper = "Ma et al. 2024, arXiv 2402.17764"
  package var alphabet: Alphabet { .ternary }
  package init() {}

  package func code(_ latent: Tensor, companions: [Tensor], at moment: Moment) -> CodedTensor {
    let level = max(latent.meanMagnitude, 1e-5)
    return CodedTensor(coding: latent, .ternary, level: level) { _, weight in
      Int8(max(-1, min(1, (weight / level).rounded(.toNearestOrEven))))
    }
  }

  package func backward(_ gradient: Tensor, latent: Tensor, companions: [Tensor], at moment: Moment) -> [Tensor?] {
    [gradient]
  }
}
