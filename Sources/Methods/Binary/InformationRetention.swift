import Compute
import Foundation
import Graphs
import Tensors

/// Signs of the standardised weight, scaled by a power of two; the slope hardens as training goes (IR-Net).
///
///     ŵ            = (w − mean) / deviation                 for each output channel; deviation with n − 1
///     code(w)      = sign(ŵ) · 2^s,  s = round(log₂ mean|ŵ|),  sign(0) = +1
///     ∂L/∂ŵ        = 2^s · ∂L/∂code · k·t·(1 − tanh²(t·ŵ)),  t = t₀·(t₁/t₀)^progress,  k = max(1/t, 1)
///     ∂L/∂w        = exact through mean and deviation: (g − mean g − ŵ·Σ(g·ŵ)/(n − 1)) / deviation
///
/// Ours: a channel of equal weights, which has no deviation, gets no gradient and signs +1; a channel of a single
/// weight is not standardised. The schedule runs by step where the authors' code runs by epoch.
///
/// Qin et al., Forward and Backward Information Retention, 2020, https://arxiv.org/abs/1909.10788
package struct InformationRetention: Method {
  package static let name = "information-retention"
  package static let summary =
    "sign of the standardised weight times a power of two; the slope hardens as training goes (IR-Net)"
  package static let paper = "Qin et al. 2020, arXiv 1909.10788"
  package static let learningRate: Float = 0.05
  /// The sharpness t of the slope at the start and at the end of training.
  package var sharpnessAtStart: Float = 0.1
  package var sharpnessAtEnd: Float = 10
  package var alphabet: Alphabet { .binary }
  package init() {}

  enum CodingKeys: String, CodingKey {
    case sharpnessAtStart = "sharpness-at-start"
    case sharpnessAtEnd = "sharpness-at-end"
  }

  package var problem: String? {
    sharpnessAtStart >= 1e-6 && sharpnessAtEnd >= sharpnessAtStart && sharpnessAtEnd <= 1e6
      ? nil : "sharpness must be from 1e-6 to 1e6 and not fall from start to end"
  }

  package func code(_ latent: Tensor, companions: [Tensor], at moment: Moment) -> CodedTensor {
    let row = latent.rowLength
    var symbols = [Int8](repeating: 1, count: latent.count)
    var levels = [Float](repeating: 1, count: latent.shape[0])
    latent.inLayout(.rowMajor).withUnsafeFloats { weights in
      symbols.withUnsafeMutableBufferPointer { symbols in
        levels.withUnsafeMutableBufferPointer { levels in
          Pool.forEach(levels.count) { channel in
            let span = channel * row..<(channel + 1) * row
            let standard = Standard(weights, span)
            // Equal weights differ from their mean by its rounding alone.
            if standard.inverseDeviation > 0 { for i in span where weights[i] < standard.mean { symbols[i] = -1 } }
            levels[channel] = standard.level
          }
        }
      }
    }
    return CodedTensor(latent.shape, .binary, symbols: symbols, levels: levels)
  }

  package func backward(_ gradient: Tensor, latent: Tensor, companions: [Tensor], at moment: Moment) -> [Tensor?] {
    let row = latent.rowLength
    let t = sharpnessAtStart * pow(sharpnessAtEnd / sharpnessAtStart, moment.progress)
    let peak = max(1, t)  // k · t in one, so that a tiny t loses nothing
    let (gradient, latent) = (gradient.inLayout(.rowMajor), latent.inLayout(.rowMajor))
    var standards = [Standard](repeating: Standard(), count: latent.shape[0])
    // Apart from the rest, because the vector loop for tanh is much faster than one number at a time.
    let y = Tensor(latent.shape) { scaled in
      latent.withUnsafeFloats { weights in
        standards.withUnsafeMutableBufferPointer { standards in
          Pool.forEach(standards.count) { channel in
            let span = channel * row..<(channel + 1) * row
            let standard = Standard(weights, span)
            for i in span { scaled[i] = t * standard.value(weights[i]) }
            standards[channel] = standard
          }
        }
      }
    }.applying(.tanh)
    let result = Tensor(latent.shape) { result in
      latent.withUnsafeFloats { weights in
        gradient.withUnsafeFloats { gradient in
          y.withUnsafeFloats { y in
            Pool.forEach(standards.count) { channel in
              let span = channel * row..<(channel + 1) * row
              let standard = standards[channel]
              for i in span { result[i] = standard.level * gradient[i] * peak * (1 - y[i] * y[i]) }
              standard.pullBack(result, weights, span)
            }
          }
        }
      }
    }
    return [result]
  }

  /// How one channel is standardised.
  private struct Standard {
    var mean: Float = 0
    /// 0 where there is nothing to divide by.
    var inverseDeviation: Float = 0
    var level: Float = 1

    init() {}

    init(_ weights: UnsafeBufferPointer<Float>, _ span: Range<Int>) {
      guard span.count > 1 else {
        inverseDeviation = 1
        return
      }
      let count = Float(span.count)
      // In single precision the mean of many equal weights is none of them.
      var sum = 0.0
      for i in span { sum += Double(weights[i]) }
      mean = Float(sum / Double(span.count))
      var (squares, magnitudes): (Float, Float) = (0, 0)
      for i in span {
        let centred = weights[i] - mean
        squares += centred * centred
        magnitudes += abs(centred)
      }
      let deviation = (squares / (count - 1)).squareRoot()
      // Below this the differences are rounding, not information.
      guard deviation > abs(mean) * 1e-6, deviation > Float.leastNormalMagnitude else { return }
      inverseDeviation = 1 / deviation
      level = exp2(log2(magnitudes / count / deviation).rounded(.toNearestOrEven))
    }

    func value(_ weight: Float) -> Float { (weight - mean) * inverseDeviation }

    /// Turns the gradient for the standardised weights into that for the weights, in place.
    func pullBack(
      _ gradient: UnsafeMutableBufferPointer<Float>, _ weights: UnsafeBufferPointer<Float>, _ span: Range<Int>
    ) {
      guard span.count > 1 else { return }
      let average = gradient[span].reduce(0, +) / Float(span.count)
      let along = span.reduce(Float(0)) { $0 + gradient[$1] * value(weights[$1]) } / Float(span.count - 1)
      for i in span { gradient[i] = (gradient[i] - average - value(weights[i]) * along) * inverseDeviation }
    }
  }
}
