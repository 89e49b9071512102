import Graphs
import Tensors

/// Sparsity control whose alpha is found: in each layer it is moved until the asked share of weights becomes zero.
///
///     α            ← α + 0.1 · (2 · Q² − α)     after each step, within 0.002 … 0.5
///     Q            = the |W| below which the asked share of the layer's weights lies
///
/// The barrier of the penalty, √(α / 2), so comes to lie where it divides the weights as asked, and follows them while
/// the network trains. Where the basins are empty between each other, Q is in the middle. All else is as in
/// `SparsityControl`; c₀ is larger where α would have to be above 0.1 at the start. The penalty and its controller are
/// the paper's; that α is found, and how, is ours.
///
/// Deng and Zhang, Sparsity-Control Ternary Weight Networks, 2020, https://arxiv.org/abs/2011.00580
package struct TargetSparsity: Method {
  package static let name = "target-sparsity"
  package static let summary =
    "sparsity-control that finds its alpha in each layer, so that the asked share of weights becomes zero"
  package static let paper = "Deng and Zhang 2020, arXiv 2011.00580 (its penalty; the search is ours)"
  package static let learningRate: Float = 0.05
  /// The share of each layer's weights that become 0.
  package var zeros: Float = 0.6
  /// How far the penalty pulls over the whole of training.
  package var pull: Float = 30
  /// c₀ as a multiple of the mean magnitude, at least.
  package var spread: Float = 4.7
  package var alphabet: Alphabet { .ternary }
  package init() {}

  package var problem: String? {
    guard zeros > 0, zeros < 1 else { return "zeros must be above 0 and below 1" }
    guard pull >= 0, pull <= 1e6 else { return "pull must be from 0 to 1e6" }
    return spread >= 1 && spread <= 100 ? nil : "spread must be from 1 to 100"
  }

  package var beginsAtTheWeight: Bool { true }

  /// Those of the basins, and α, which `settle` moves.
  package func companions(for weight: Tensor, seed: UInt64) -> [Tensor] {
    let division = division(of: weight)
    let usual = TernaryBasins.scale(for: weight, spread: spread)
    let scale = max(usual, division / Float(0.05).squareRoot())
    let alpha = Self.alpha(barrier: division / scale)
    return TernaryBasins.companions(for: weight, scale: scale, alpha: alpha) + [Tensor([1], scalars: [alpha])]
  }

  /// The magnitude below which the asked share of the numbers lies, in the middle of what is empty around it.
  private func division(of numbers: Tensor) -> Float {
    guard numbers.count > 0 else { return 0 }
    let rank = max(1, min(numbers.count, Int((zeros * Float(numbers.count)).rounded())))
    let (value, next) = numbers.magnitude(ranked: rank)
    return value / 2 + next / 2
  }

  private static func alpha(barrier: Float) -> Float { max(0.002, min(0.5, 2 * barrier * barrier)) }

  private func basins(_ companions: [Tensor]) -> TernaryBasins {
    TernaryBasins(companions, alpha: companions[3].scalars[0])
  }

  package func latent(for weight: Tensor, companions: [Tensor]) -> Tensor? {
    basins(companions).latent(for: weight)
  }

  package func code(_ latent: Tensor, companions: [Tensor], at moment: Moment) -> CodedTensor {
    basins(companions).code(latent)
  }

  package func relax(_ latent: Tensor, companions: [Tensor], at moment: Moment) -> Tensor {
    basins(companions).relax(latent, at: moment.progress)
  }

  package func backward(_ gradient: Tensor, latent: Tensor, companions: [Tensor], at moment: Moment) -> [Tensor?] {
    [basins(companions).backward(gradient, latent: latent, at: moment.progress), nil, nil, nil, nil]
  }

  package func settle(_ latent: inout Tensor, companions: inout [Tensor], at moment: Moment) {
    let basins = basins(companions)
    let wanted = Self.alpha(barrier: division(of: basins.bent(latent)))
    latent = basins.settled(latent, at: moment.progress, pull: pull)
    companions[2] = Tensor([1], scalars: [moment.progress])
    companions[3] = Tensor([1], scalars: [basins.alpha + 0.1 * (wanted - basins.alpha)])
  }
}
