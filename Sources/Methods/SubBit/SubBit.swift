import Compute
import Graphs
import Tensors

/// Kernels of nine signs, each one of the few that a layer has: below one bit a weight (SNN).
///
///     code(w)[o, c] = A[o] · nearest of the layer's 2ᵇ kernels to w[o, c],   A[o] = mean of |w| over channel o
///     ∂L/∂w         = ∂L/∂code where |w| ≤ 1, else 0               (straight through; A counts as a constant)
///     ∂L/∂p[k]      = Σ over the c that kernel k stands for of A · ∂L/∂code[c],   in every 25th step alone
///     kernel        = sign(p) where |p| ≥ θ = 0.001, else as it was
///
/// p is what training moves of a kernel; the kernel itself is remembered beside it. Of two kernels that become the same
/// the later is replaced, in its place, by one that the layer has not, drawn at random. `bits` is the paper's τ.
///
/// The paper's: the kernels, A, the two gradients, 25 and θ, and beginning with random kernels. Its gradient for w has
/// the factor A, which Adam undoes; here it is left out, as for `xnor`. Ours: beginning with the kernels that together
/// lose least of the trained layer (`kernels: closest`). A ResNet-20 loses 45 % of its weights' squares to 64 of these,
/// 47 % to the most frequent, 58 % to random ones and 40 % to all 512, which are the signs; to 16 it is 55, 59 and
/// 73 %. p begins at ±0.1 instead of ±1 and stays within ±0.3 instead of ±3, and its gradient is brought to a mean square
/// of `refinement-rate`², so that kernels can change in a training of thousands of steps, with SGD as with Adam; at the
/// end of training they stand still. What the optimizer remembers of a kernel that is replaced stays; with
/// `clip-gradient` the kernels' gradients count too. Rows of weights that are no 3 × 3 kernels are cut into runs of
/// nine.
///
/// Wang et al., Sub-bit Neural Networks, 2021, https://arxiv.org/abs/2110.09195
package struct SubBit: Method {
  /// Which kernels a layer begins with.
  package enum Kernels: String, NamedOption {
    /// Those that together lose least of the trained weight.
    case closest
    /// Those that occur most often in the trained weight, by its signs.
    case frequent
    /// Some of all 512, drawn evenly.
    case random
  }
  package static let name = "sub-bit"
  package static let summary = "kernels of nine signs out of a few that each layer has: below one bit a weight (SNN)"
  package static let paper = "Wang et al. 2021, arXiv 2110.09195"
  /// A weight that moves on takes nine signs with it.
  package static let learningRate: Float = 0.01
  /// Of an index: a layer has 2ᵇ kernels. From 1 to 8; the paper has 4 to 6.
  package var bits = 6
  package var kernels = Kernels.closest
  /// Whether training changes the kernels.
  package var refine = true
  /// How many steps from one change to the next.
  package var refineEvery = 25
  /// The root of the mean square of the gradient for p.
  package var refinementRate: Float = 0.02
  package var alphabet: Alphabet { .codebook(bits: bits) }
  package init() {}

  enum CodingKeys: String, CodingKey {
    case bits, kernels, refine
    case refineEvery = "refine-every"
    case refinementRate = "refinement-rate"
  }

  package var problem: String? {
    guard 1...8 ~= bits else { return "bits must be from 1 to 8" }
    guard refineEvery > 0 else { return "refine-every must be above 0" }
    return refinementRate > 0 && refinementRate.isFinite ? nil : "refinement-rate must be above 0"
  }

  /// Where p begins, on either side of 0.
  private static let start: Float = 0.1
  /// θ: how far from 0 p must be for a sign to count.
  private static let threshold: Float = 1e-3

  /// The kernels, `[2ᵇ, 9]` of −1 and +1, and where they are refined p, of the same shape.
  package func companions(for weight: Tensor, seed: UInt64) -> [Tensor] {
    var generator = SplitMix64(seed: seed)
    let others = generator.permutation(512).map { UInt16($0) }
    let chosen: [UInt16]
    switch kernels {
    case .random: chosen = Array(others.prefix(1 << bits))
    case .closest: chosen = KernelChoice.closest(1 << bits, to: weight, limit: 8192)
    case .frequent:
      let present = Array(KernelChoice.frequent(in: weight).prefix(1 << bits))
      chosen = present + others.filter { !present.contains($0) }.prefix((1 << bits) - present.count)
    }
    let memory = Tensor([chosen.count, Codebook.length], scalars: chosen.flatMap(Self.signs))
    return refine ? [memory, memory.map { $0 * Self.start }] : [memory]
  }

  package func code(_ latent: Tensor, companions: [Tensor], at moment: Moment) -> CodedTensor {
    let indices = KernelAssignment.nearest(latent, kernels: companions[0].signs)
    let codebook = Codebook(bits: bits, patterns: companions[0].patterns)
    return CodedTensor(
      latent.shape, codebook, indices: indices.map { UInt8($0) }, levels: latent.rowMeanMagnitudes)
  }

  package func backward(_ gradient: Tensor, latent: Tensor, companions: [Tensor], at moment: Moment) -> [Tensor?] {
    let ones = [Float](repeating: 1, count: latent.shape[0])
    let weight = StepRounding.backward(gradient, x: latent, steps: ones, within: -1...1).x
    guard refine else { return [weight, nil] }
    guard refines(at: moment) else { return [weight, nil, nil] }
    let indices = KernelAssignment.nearest(latent, kernels: companions[0].signs)
    var kernels = KernelAssignment.gradient(
      gradient, indices: indices, levels: latent.rowMeanMagnitudes, count: 1 << bits)
    let size = (kernels.squareSum / Double(kernels.count)).squareRoot()
    if size > 0 { kernels = kernels.map { Float(Double($0) / size * Double(refinementRate)) } }
    return [weight, nil, kernels]
  }

  package func settle(_ latent: inout Tensor, companions: inout [Tensor], at moment: Moment) {
    guard refines(at: moment) else { return }
    companions[1] = companions[1].map { min(max($0, -3 * Self.start), 3 * Self.start) }
    companions[0] = companions[1].zip(companions[0]) { abs($0) >= Self.threshold ? ($0 >= 0 ? 1 : -1) : $1 }
    replaceDuplicates(&companions, seed: moment.seed)
  }

  private func refines(at moment: Moment) -> Bool {
    refine && moment.phase == .training && moment.progress < 1 && moment.step % refineEvery == refineEvery - 1
  }

  /// Puts a kernel that the layer has not in the place of each that an earlier one repeats.
  private func replaceDuplicates(_ companions: inout [Tensor], seed: UInt64) {
    let patterns = companions[0].patterns
    var used = Set(patterns)
    guard used.count < patterns.count else { return }
    var generator = SplitMix64(seed: seed)
    var unused = generator.permutation(512).map { UInt16($0) }.filter { !used.contains($0) }
    used = []
    var (memory, proxies) = (companions[0].scalars, companions[1].scalars)
    for (kernel, pattern) in patterns.enumerated() where !used.insert(pattern).inserted {
      let signs = Self.signs(unused.removeLast())
      let span = kernel * Codebook.length..<(kernel + 1) * Codebook.length
      memory.replaceSubrange(span, with: signs)
      proxies.replaceSubrange(span, with: signs.map { $0 * Self.start })
    }
    companions[0] = Tensor(companions[0].shape, scalars: memory)
    companions[1] = Tensor(companions[1].shape, scalars: proxies)
  }

  private static func signs(_ pattern: UInt16) -> [Float] {
    (0..<Codebook.length).map { pattern >> UInt16($0) & 1 == 1 ? 1 : -1 }
  }
}

extension Tensor {
  /// −1 and +1, by sign: an average of kernels is none, but its signs are.
  fileprivate var signs: Tensor { map { $0 >= 0 ? 1 : -1 } }

  /// The pattern of each row of nine signs.
  fileprivate var patterns: [UInt16] {
    let numbers = scalars
    return (0..<shape[0]).map { row in
      (0..<Codebook.length).reduce(0) { $0 | (numbers[row * Codebook.length + $1] >= 0 ? 1 << UInt16($1) : 0) }
    }
  }
}
