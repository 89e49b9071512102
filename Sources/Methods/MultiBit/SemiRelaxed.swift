import Compute
import Foundation
import Graphs
import Tensors

/// Whole steps taken as the likeliest of classes, whose probabilities carry the gradient; bits are dropped at random
/// while training, and how many a layer needs can be learned (semi-relaxed quantisation, cluster-promoting
/// quantisation, DropBits).
///
///     π[k]       ∝ kept[level of k] · (F[k + ½] − F[k − ½]),   F[e] = sigmoid((e · α − w) / σ)
///     code(w)    = α · k*,  k* = argmax π = clip(round(w / α), −2ᵇ⁻¹, 2ᵇ⁻¹ − 1) where all bits are kept
///     soft       : the gradient is that of Σ k · α · π[k], through every π
///     multi-class: the gradient is that of k* · α · π[k*], through π[k*] alone
///     ∂L/∂α has besides what α does to the level as it was chosen, k*, in both
///     kept       = Z₁ · … · Zⱼ for the numbers that only j bits beyond the fewest hold; Z hard concrete, drawn for
///                  each layer and step; all 1 at the end of training and in inference
///
/// The paper's: these probabilities, the mode forward, learned α and σ, hard concrete masks for all weights of a layer
/// alike, and a regulariser that learns the number of bits of each layer. `multi-class` is our reading of its
/// estimator, from which no weight of the class 0 gets a gradient; `soft`, the default, is ours. Ours too, because we
/// do not know the paper's details: that masks go by bits and are nested, that probabilities are normalised over the
/// grid (as Relaxed Quantization does), and the regulariser:
///
///     bits-penalty · (weights of the layer / 10 000) · Σⱼ P(Z₁ > 0) · … · P(Zⱼ > 0)
///
/// With `learn-bits` the bits stand still from `freeze-bits-at` of training on, and nothing is dropped any more. Beyond
/// a step outside the grid a weight gets no gradient. α begins at 2 · mean|w| / √Qp and σ at α / 3, both learned by
/// their logarithms, whose gradients are divided by α² √(N · Qp): α then moves as the step of `learned-step` does. σ
/// stays from α / 20 to 2 α.
///
/// Lee et al., Cluster-Promoting Quantization with Bit-Drop, 2021, https://arxiv.org/abs/2109.02100 (Semi-Relaxed
/// Quantization with DropBits, 2019, https://arxiv.org/abs/1911.12990); its probabilities are those of Louizos et al.,
/// Relaxed Quantization, 2019, https://arxiv.org/abs/1810.01875
package struct SemiRelaxed: Method {
  /// Which probabilities carry the gradient.
  package enum Estimator: String, NamedOption {
    case soft
    case multiClass = "multi-class"
  }
  package static let name = "semi-relaxed"
  package static let summary =
    "whole steps as likeliest classes; drops bits while training and can learn how many a layer needs (SRQ, DropBits)"
  package static let paper = "Lee et al. 2021, arXiv 2109.02100"
  /// From 2 to 8; where bits are learned, the most.
  package var bits = 4
  package var estimator = Estimator.soft
  package var dropBits = true
  /// How likely a bit is dropped at the beginning, about: the logit of a mask begins at log((1 − rate) / rate).
  package var dropRate: Float = 0.2
  /// How many bits are never dropped, from 2.
  package var fewestBits = 2
  package var learnBits = false
  /// What an expected bit of ten thousand weights adds to the loss.
  package var bitsPenalty: Float = 0.05
  /// The progress from which learned bits stand still.
  package var freezeBitsAt: Float = 0.5
  package var alphabet: Alphabet { .uniform(bits: bits) }
  package init() {}

  enum CodingKeys: String, CodingKey {
    case bits, estimator
    case dropBits = "drop-bits"
    case dropRate = "drop-rate"
    case fewestBits = "fewest-bits"
    case learnBits = "learn-bits"
    case bitsPenalty = "bits-penalty"
    case freezeBitsAt = "freeze-bits-at"
  }

  package var problem: String? {
    guard 2...8 ~= bits else { return "bits must be from 2 to 8" }
    guard 2...bits ~= fewestBits else { return "fewest-bits must be from 2 to bits" }
    guard dropRate >= 0.01 && dropRate <= 0.99 else { return "drop-rate must be from 0.01 to 0.99" }
    guard bitsPenalty >= 0 && bitsPenalty.isFinite else { return "bits-penalty must not be below 0" }
    guard freezeBitsAt >= 0 && freezeBitsAt <= 1 else { return "freeze-bits-at must be from 0 to 1" }
    return learnBits && droppable == 0 ? "learn-bits wants drop-bits, and bits above fewest-bits" : nil
  }

  /// How many levels of bits may be dropped, each with a mask.
  private var droppable: Int { dropBits ? bits - fewestBits : 0 }
  private var largest: Float { Float(alphabet.symbols.upperBound) }

  /// log α, log σ and, where bits may be dropped, the logits of their masks.
  package func companions(for weight: Tensor, seed: UInt64) -> [Tensor] {
    let step = max(2 / largest.squareRoot() * weight.meanMagnitudes(perChannel: false)[0], Self.smallest)
    let scales = [Tensor([1], scalars: [log(step)]), Tensor([1], scalars: [log(step / 3)])]
    // One mask for a whole level: there is no symmetry that noise would have to break.
    let logit = log((1 - dropRate) / dropRate)
    return scales + (droppable > 0 ? [Tensor([droppable], repeating: logit)] : [])
  }

  package func code(_ latent: Tensor, companions: [Tensor], at moment: Moment) -> CodedTensor {
    let bits = finalBits(companions)
    return coded(latent, companions, grid(companions, fewestBits: bits), .uniform(bits: bits))
  }

  package func relax(_ latent: Tensor, companions: [Tensor], at moment: Moment) -> Tensor {
    guard let gates = gates(companions, at: moment) else {
      return code(latent, companions: companions, at: moment).decoded()
    }
    return coded(latent, companions, grid(companions, fewestBits: fewestBits, gates.kept), alphabet).decoded()
  }

  package func backward(_ gradient: Tensor, latent: Tensor, companions: [Tensor], at moment: Moment) -> [Tensor?] {
    let gates = gates(companions, at: moment)
    let grid =
      gates.map { self.grid(companions, fewestBits: fewestBits, $0.kept) }
      ?? self.grid(companions, fewestBits: finalBits(companions))
    let found = grid.backward(gradient, x: latent, weighsLevels: gates?.isBetween ?? false)
    let root = (Double(max(latent.count, 1)) * Double(largest)).squareRoot()
    // A layer of zeros says nothing of its scale, and divided by its square no gradient would be worth anything.
    let isEmpty = grid.step <= Self.smallest * 2
    let scales = [found.logStep, found.logDeviation].map {
      Tensor([1], scalars: [isEmpty ? 0 : Float($0 / Double(grid.step) / Double(grid.step) / root)])
    }
    guard droppable > 0 else { return [found.x] + scales }
    return [found.x] + scales + [gates.map { Tensor([droppable], scalars: $0.backward(found.kept)) }]
  }

  package func penalty(_ latent: Tensor, companions: [Tensor], at moment: Moment) -> [Tensor?] {
    guard learnBits, isDropping(at: moment) else { return [] }
    let factor = bitsPenalty * Float(latent.count) / 10_000
    let slopes = NestedGates.expectedLevelsSlope(companions[2].scalars)
    return [nil, nil, nil, Tensor([droppable], scalars: slopes.map { factor * $0 })]
  }

  package func settle(_ latent: inout Tensor, companions: inout [Tensor], at moment: Moment) {
    let least = log(max(latent.meanMagnitudes(perChannel: false)[0] * 1e-3, Self.smallest))
    let logStep = max(companions[0].scalars[0], least)
    let logDeviation = min(max(companions[1].scalars[0], logStep - log(20)), logStep + log(2))
    companions[0] = Tensor([1], scalars: [logStep])
    companions[1] = Tensor([1], scalars: [logDeviation])
    guard droppable > 0 else { return }
    let range = HardConcrete.range
    companions[2] = companions[2].map { $0.isNaN ? range.upperBound : min(max($0, range.lowerBound), range.upperBound) }
  }

  /// Where a layer of zeros says nothing of its scale.
  private static let smallest: Float = 1e-20

  private func isDropping(at moment: Moment) -> Bool {
    droppable > 0 && moment.phase == .training && moment.progress < (learnBits ? freezeBitsAt : 1)
  }

  /// The masks of this step, or nil where nothing is dropped.
  private func gates(_ companions: [Tensor], at moment: Moment) -> NestedGates? {
    guard isDropping(at: moment) else { return nil }
    var generator = SplitMix64(seed: moment.seed)
    return NestedGates(logits: companions[2].scalars, uniforms: (0..<droppable).map { _ in generator.uniform() })
  }

  /// How many bits the layer has when nothing is dropped any more.
  private func finalBits(_ companions: [Tensor]) -> Int {
    guard learnBits else { return bits }
    return fewestBits + companions[2].scalars.prefix { HardConcrete(logit: $0).isOpen }.count
  }

  private func grid(_ companions: [Tensor], fewestBits: Int, _ kept: [Float] = []) -> RelaxedGrid {
    let (step, deviation) = (exp(companions[0].scalars[0]), exp(companions[1].scalars[0]))
    // Scales that broke must not stop the program: levels that are no numbers tell that training diverged.
    let sound = step.isFinite ? max(step, Self.smallest) : 1
    let width = deviation.isFinite ? min(max(deviation, sound / 20), sound * 2) : sound
    return RelaxedGrid(
      step: sound, deviation: width, fewestBits: fewestBits, kept: kept,
      estimator: estimator == .soft ? .soft : .multiClass)
  }

  private func coded(
    _ latent: Tensor, _ companions: [Tensor], _ grid: RelaxedGrid, _ alphabet: Alphabet
  ) -> CodedTensor {
    let isSound = companions.allSatisfy(\.isFinite)
    let levels = [Float](repeating: isSound ? grid.step : .nan, count: latent.shape[0])
    return CodedTensor(latent.shape, alphabet, symbols: grid.symbols(latent), levels: levels)
  }
}
