import CCompute
import Tensors

/// Whole steps as classes with probabilities, of which the likeliest is taken: what semi-relaxed quantisation does.
///
///     π[k] ∝ kept[level of k] · (F[k + ½] − F[k − ½]),   F[e] = sigmoid((e − x / α) · α / σ)
///
/// k runs over the numbers that `fewestBits` and the further levels hold in two's complement, one bit more each; the
/// level of k is the first that holds it. Where whole levels are kept the likeliest is the nearest.
package struct RelaxedGrid: Sendable {
  /// Which probabilities a gradient moves.
  package enum Estimator: Sendable {
    /// All of them.
    case soft
    /// That of the class which was taken.
    case multiClass
  }
  /// α, above 0.
  package var step: Float
  /// σ, above 0.
  package var deviation: Float
  package var fewestBits: Int
  /// How much of each level beyond the fewest bits is kept, from 1 to 0, never rising.
  package var kept: [Float]
  package var estimator: Estimator

  /// - Precondition: step and deviation above 0; 2 to 8 bits in all; what is kept does not rise.
  package init(step: Float, deviation: Float, fewestBits: Int, kept: [Float] = [], estimator: Estimator = .soft) {
    precondition(step > 0 && deviation > 0 && fewestBits >= 2 && fewestBits + kept.count <= 8)
    precondition(zip([1] + kept, kept + [0]).allSatisfy { $0 >= $1 }, "what is kept does not rise")
    self.step = step
    self.deviation = deviation
    self.fewestBits = fewestBits
    // Less than this has no weight, and would only cost precision.
    self.kept = kept.map { $0 < 1e-6 ? 0 : $0 }
    self.estimator = estimator
  }

  /// The gradients for x, log α, log σ and what is kept of each further level.
  package struct Gradients {
    package var x: Tensor
    package var logStep: Double
    package var logDeviation: Double
    package var kept: [Double]
  }

  /// The likeliest whole number of steps for each element, row-major. Complexity: O(count · levels) at most.
  package func symbols(_ x: Tensor) -> [Int8] {
    let x = x.inLayout(.rowMajor)
    return withGrid(weighsLevels: false) { grid in
      [Int8](unsafeUninitializedCapacity: x.count) { symbols, count in
        x.withUnsafeFloats { cc_relaxed_symbols(&grid, Int64($0.count), $0.baseAddress, symbols.baseAddress) }
        count = x.count
      }
    }
  }

  /// What moves the value `α · symbol` towards less loss, by the estimator. The sums are those of all elements.
  ///
  /// Beyond a step outside the grid x gets no gradient. Complexity: O(count · min(2ᵇ, 32 σ / α)).
  ///
  /// - Parameter weighsLevels: whether the gradient for what is kept is wanted; 0 otherwise.
  package func backward(_ gradient: Tensor, x: Tensor, weighsLevels: Bool) -> Gradients {
    precondition(gradient.shape == x.shape)
    let (gradient, x) = (gradient.inLayout(.rowMajor), x.inLayout(.rowMajor))
    var sums = [Double](repeating: 0, count: 3 + kept.count)
    let result = withGrid(weighsLevels: weighsLevels) { grid in
      Tensor(x.shape) { result in
        x.withUnsafeFloats { x in
          gradient.withUnsafeFloats {
            cc_relaxed_backward(&grid, Int64(x.count), x.baseAddress, $0.baseAddress, result.baseAddress, &sums)
          }
        }
      }
    }
    return Gradients(x: result, logStep: sums[0], logDeviation: sums[1], kept: Array(sums[3...]))
  }

  private func withGrid<R>(weighsLevels: Bool, _ body: (inout cc_relaxed_grid) -> R) -> R {
    ([1] + kept).withUnsafeBufferPointer { shares in
      var grid = cc_relaxed_grid(
        alpha: step, ratio: step / deviation, fewest: Int32(fewestBits), levels: Int32(shares.count),
        literal: estimator == .multiClass, weighs_levels: weighsLevels, kept: shares.baseAddress)
      return body(&grid)
    }
  }
}
