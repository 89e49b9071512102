import Compute
import Foundation
import Graphs
import Tensors

/// A weight that runs into one of three basins, −1, 0 and +1, by the pull of a penalty: what the methods share that
/// are ternary without rounding while they train.
///
///     W            = tanh(w / c₀)                       w: the latent weight, in the units of the trained weight
///     relax        = c · W,  c = c₀ + (c₁ − c₀) · progress
///     R            = Σ (α − W²) · W²                    basins at 0 and ±1, and between them a barrier at |W| = √(α / 2)
///     ∂R/∂θ        = 2 · W · (α − 2·W²) · (1 − W²)      θ = w / c₀
///     code         = c₁ · round(W), where 0 reaches up to the barrier at first and up to ½, as it does in rounding, at last
struct TernaryBasins {
  /// c₀ and c₁.
  let scaleAtStart: Float
  let scaleAtEnd: Float
  /// The progress up to which the pull has been at work.
  let reached: Float
  let alpha: Float

  /// Beyond this θ nothing would move a weight any more.
  static let largest: Float = 3

  init(_ companions: [Tensor], alpha: Float) {
    scaleAtStart = companions[0].scalars[0]
    scaleAtEnd = companions[1].scalars[0]
    reached = companions[2].scalars[0]
    self.alpha = alpha
  }

  /// The |W| that divides the basins.
  static func barrier(_ alpha: Float) -> Float { (alpha / 2).squareRoot() }

  /// The largest |W| that is coded as 0. As long as little has been pulled, ½ would make zeros of nearly all.
  private var threshold: Float {
    let barrier = Self.barrier(alpha)
    return barrier + (0.5 - barrier) * reached
  }

  /// c₀, c₁ and the progress reached, none of which a gradient moves.
  ///
  static func companions(for weight: Tensor, scale: Float, alpha: Float) -> [Tensor] {
    let bound = barrier(alpha) * scale
    let beyond = weight.magnitudes(beyond: Array(repeating: bound, count: weight.shape[0]))
    let (sum, count) = beyond.reduce(into: (0.0, 0.0)) { $0 = ($0.0 + $1.sum, $0.1 + $1.count) }
    let level = count > 0 ? Float(sum / count) : weight.meanMagnitude
    return [scale, level > 0 ? level : 1, 0].map { Tensor([1], scalars: [$0]) }
  }

  /// A multiple of the mean magnitude, or 1 for a weight of zeros.
  static func scale(for weight: Tensor, spread: Float) -> Float {
    let scale = spread * weight.meanMagnitude
    return scale >= Float.leastNormalMagnitude ? scale : 1
  }

  /// The latent weight from which `relax` gives the trained weight back, but for what is beyond tanh(3) · c₀.
  func latent(for weight: Tensor) -> Tensor {
    weight.map {
      scaleAtStart * max(-Self.largest, min(Self.largest, atanh(max(-0.999, min(0.999, $0 / scaleAtStart)))))
    }
  }

  /// W
  func bent(_ latent: Tensor) -> Tensor {
    latent.inLayout(.rowMajor).scaled(by: 1 / scaleAtStart).applying(.tanh)
  }

  private func scale(at progress: Float) -> Float { scaleAtStart + (scaleAtEnd - scaleAtStart) * progress }

  func code(_ latent: Tensor) -> CodedTensor {
    CodedTensor(coding: bent(latent), .ternary, level: scaleAtEnd) { [threshold] in ternarySymbol($1, beyond: threshold)
    }
  }

  func relax(_ latent: Tensor, at progress: Float) -> Tensor {
    progress < 1 ? bent(latent).scaled(by: scale(at: progress)) : code(latent).decoded()
  }

  /// Exact: from progress 1 on the weight stands still, and the gradient is 0.
  func backward(_ gradient: Tensor, latent: Tensor, at progress: Float) -> Tensor {
    guard progress < 1 else { return Tensor(latent.shape, repeating: 0) }
    let factor = scale(at: progress) / scaleAtStart
    return bent(latent).mapRows(with: gradient) { _, bent, gradient in factor * (1 - bent * bent) * gradient }
  }

  /// ∂R/∂θ
  static func slope(_ bent: Float, alpha: Float) -> Float {
    2 * bent * (alpha - 2 * bent * bent) * (1 - bent * bent)
  }

  /// The latent weight after the pull of one step; from progress 1 on at the bottom of its basin.
  ///
  /// - Parameter pull: how far the whole of training pulls, of which a step has the part 2 · progress · Δprogress.
  func settled(_ latent: Tensor, at progress: Float, pull: Float) -> Tensor {
    let bent = bent(latent)
    let end = Self.largest * scaleAtStart
    guard progress < 1 else {
      let threshold = threshold
      return bent.map { Float(ternarySymbol($0, beyond: threshold)) * end }
    }
    // A step that is longer could jump over a basin, where training has few steps.
    let step = min(0.5, pull * 2 * progress * max(0, progress - reached)) * scaleAtStart
    return latent.mapRows(with: bent) { _, weight, bent in
      max(-end, min(end, weight - step * Self.slope(bent, alpha: alpha)))
    }
  }
}
