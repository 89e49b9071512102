import Compute
import Graphs
import Tensors

/// Whole steps of a learned size (LSQ): from −2ᵇ⁻¹ to 2ᵇ⁻¹ − 1 of them, one size for a layer or for each channel.
///
///     code(w)     = step · round(clip(w / step, Qn, Qp)),   Qn = −2ᵇ⁻¹, Qp = 2ᵇ⁻¹ − 1; ternary: −1 and 1
///     ∂code/∂w    = 1 where Qn ≤ w / step ≤ Qp, else 0
///     ∂code/∂step = round(w / step) − w / step inside, Qn below, Qp above; the sum times 1 / √(N · Qp)
///     step        = 2 · mean|w| / √Qp at first
///
/// N is the number of weights that share a step. Halves round to even. Ours: after each training step the size is at
/// least a thousandth of the mean magnitude of its weights, so that it stays above 0.
///
/// Esser et al., Learned Step Size Quantization, 2020, https://arxiv.org/abs/1902.08153
package struct LearnedStep: Method {
  package static let name = "learned-step"
  package static let summary = "whole steps of a learned size, 2 to 8 bits (LSQ)"
  package static let paper = "Esser et al. 2020, arXiv 1902.08153"
  /// From 2 to 8.
  package var bits = 4
  /// −1, 0 and 1 alone; with 2 bits only, of which it leaves −2 out.
  package var ternary = false
  /// A step for each output channel instead of one for the layer.
  package var perChannel = false
  package var alphabet: Alphabet { ternary ? .ternary : .uniform(bits: bits) }
  package init() {}

  enum CodingKeys: String, CodingKey {
    case bits, ternary
    case perChannel = "per-channel"
  }

  package var problem: String? {
    guard 2...8 ~= bits else { return "bits must be from 2 to 8" }
    return ternary && bits != 2 ? "ternary wants bits to be 2" : nil
  }

  package func companions(for weight: Tensor, seed: UInt64) -> [Tensor] {
    let factor = 2 / Float(alphabet.symbols.upperBound).squareRoot()
    let means = weight.meanMagnitudes(perChannel: perChannel)
    return [Tensor([means.count], scalars: means.map { max(factor * $0, Self.smallest) })]
  }

  package func code(_ latent: Tensor, companions: [Tensor], at moment: Moment) -> CodedTensor {
    let steps = steps(companions, channels: latent.shape[0])
    let symbols = StepRounding.symbols(latent, steps: steps, within: alphabet.symbols)
    return CodedTensor(latent.shape, alphabet, symbols: symbols, levels: steps)
  }

  package func backward(_ gradient: Tensor, latent: Tensor, companions: [Tensor], at moment: Moment) -> [Tensor?] {
    let steps = steps(companions, channels: latent.shape[0])
    let (weight, sums) = StepRounding.backward(gradient, x: latent, steps: steps, within: alphabet.symbols)
    let shared = perChannel ? latent.rowLength : latent.count
    let scale = 1 / (Float(max(shared, 1)) * Float(alphabet.symbols.upperBound)).squareRoot()
    let all = perChannel ? sums.map { $0 * scale } : [Float(sums.reduce(0.0) { $0 + Double($1) }) * scale]
    return [weight, Tensor([all.count], scalars: all)]
  }

  package func settle(_ latent: inout Tensor, companions: inout [Tensor], at moment: Moment) {
    let means = latent.meanMagnitudes(perChannel: perChannel)
    let steps = zip(companions[0].scalars, means).map { max($0, $1 * 1e-3, Self.smallest) }
    companions[0] = Tensor([steps.count], scalars: steps)
  }

  /// Where a layer of zeros says nothing of its scale.
  private static let smallest: Float = 1e-20

  private func steps(_ companions: [Tensor], channels: Int) -> [Float] {
    let steps = companions[0].scalars.map { max($0, Self.smallest) }
    return perChannel ? steps : [Float](repeating: steps[0], count: channels)
  }
}

extension Tensor {
  /// The mean magnitude of the weights of each output channel, or a single one of all.
  func meanMagnitudes(perChannel: Bool) -> [Float] {
    let means = rowMeanMagnitudes
    return perChannel ? means : [Float(means.reduce(0.0) { $0 + Double($1) } / Double(max(means.count, 1)))]
  }
}
