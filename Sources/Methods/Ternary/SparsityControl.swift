import Graphs
import Tensors

/// Three basins by a penalty, without straight-through gradients; alpha says how wide the one at zero is (SCA).
///
///     W            = tanh(w / c₀)
///     relax(w)     = c · W,  c = c₀ + (c₁ − c₀) · progress
///     code(w)      = c₁ · round(W)                                  (while training goes, 0 reaches from the barrier to ½)
///     ∂L/∂w        = c / c₀ · (1 − W²) · ∂L/∂relax                  (exact; 0 from progress 1 on)
///     R            = Σ (α − W²) · W²,  ∂R/∂θ = 2 · W · (α − 2·W²) · (1 − W²),  θ = w / c₀
///     θ            ← θ − pull · 2 · progress · Δprogress · ∂R/∂θ     after each step
///
/// The penalty has minima at 0 and ±1 and a barrier at |W| = √(α / 2): the larger α, the more weights become 0.
///
/// The paper's: tanh, the penalty with its controller α = 0.1, rounding after training. Its other settings were not at
/// hand. Ours: (1) The penalty pulls apart from the optimizer, as decoupled weight decay does, and stronger as training
/// goes: `pull` is what the paper's λ times rate times steps adds up to, and means the same for any number of steps,
/// rate and optimizer. (2) A scale c₀ for each layer, a multiple of the mean magnitude, so that training begins at the
/// trained weight, a normal layer with three fifths of its weights inside the barrier of α = 0.1; weights beyond 0.995
/// c₀ begin there. (3) The scale goes to c₁, the mean magnitude of what began beyond the barrier, so that a layer does
/// not grow as its weights harden. (4) The latent weight has the units of the weight, so that usual rates fit. (5) From
/// progress 1 on the weight is rounded and stands still. Weight decay is a second pull to 0, and better left out.
///
/// Deng and Zhang, Sparsity-Control Ternary Weight Networks, 2020, https://arxiv.org/abs/2011.00580
package struct SparsityControl: Method {
  package static let name = "sparsity-control"
  package static let summary =
    "a penalty pulls each weight to −1, 0 or +1; the larger alpha, the more become zero; no straight-through (SCA)"
  package static let paper = "Deng and Zhang 2020, arXiv 2011.00580"
  package static let learningRate: Float = 0.05
  package var alpha: Float = 0.1
  /// How far the penalty pulls over the whole of training; some 20 take a weight from the barrier into a basin.
  package var pull: Float = 30
  /// c₀ as a multiple of the mean magnitude.
  package var spread: Float = 4.7
  package var alphabet: Alphabet { .ternary }
  package init() {}

  package var problem: String? {
    guard alpha > 0, alpha <= 0.5 else { return "alpha must be above 0 and at most 0.5" }
    guard pull >= 0, pull <= 1e6 else { return "pull must be from 0 to 1e6" }
    return spread >= 1 && spread <= 100 ? nil : "spread must be from 1 to 100"
  }

  package var beginsAtTheWeight: Bool { true }

  package func companions(for weight: Tensor, seed: UInt64) -> [Tensor] {
    TernaryBasins.companions(
      for: weight, scale: TernaryBasins.scale(for: weight, spread: spread), alpha: alpha)
  }

  package func latent(for weight: Tensor, companions: [Tensor]) -> Tensor? {
    TernaryBasins(companions, alpha: alpha).latent(for: weight)
  }

  package func code(_ latent: Tensor, companions: [Tensor], at moment: Moment) -> CodedTensor {
    TernaryBasins(companions, alpha: alpha).code(latent)
  }

  package func relax(_ latent: Tensor, companions: [Tensor], at moment: Moment) -> Tensor {
    TernaryBasins(companions, alpha: alpha).relax(latent, at: moment.progress)
  }

  package func backward(_ gradient: Tensor, latent: Tensor, companions: [Tensor], at moment: Moment) -> [Tensor?] {
    [TernaryBasins(companions, alpha: alpha).backward(gradient, latent: latent, at: moment.progress), nil, nil, nil]
  }

  package func settle(_ latent: inout Tensor, companions: inout [Tensor], at moment: Moment) {
    latent = TernaryBasins(companions, alpha: alpha).settled(latent, at: moment.progress, pull: pull)
    companions[2] = Tensor([1], scalars: [moment.progress])
  }
}
