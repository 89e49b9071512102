import Foundation
import Tensors

/// A gate that is shut, open or between, and whose logit can be learned (hard concrete).
///
///     s = sigmoid((log u − log(1 − u) + logit) / τ),   gate = clip(1.2 · s − 0.1, 0, 1),   τ = 2/3, u drawn evenly
///
/// Louizos et al., Learning Sparse Neural Networks through L₀ Regularization, 2018, https://arxiv.org/abs/1712.01312
package struct HardConcrete: Sendable {
  package var logit: Float
  private static let temperature: Float = 2 / 3
  private static let low: Float = -0.1
  private static let high: Float = 1.1
  /// Where learned logits are kept: from log 0.01 to log 100.
  package static let range: ClosedRange<Float> = -4.605_170_2...4.605_170_2

  package init(logit: Float) { self.logit = logit }

  /// The gate for a number from 0 to 1, and its slope by the logit.
  package func gate(_ uniform: Float) -> (value: Float, slope: Float) {
    let u = min(max(uniform, 1e-6), 1 - 1e-6)
    let s = sigmoid((log(u) - log(1 - u) + logit) / Self.temperature)
    let stretched = s * (Self.high - Self.low) + Self.low
    let isBetween = stretched > 0 && stretched < 1
    let slope = (Self.high - Self.low) * s * (1 - s) / Self.temperature
    return (min(max(stretched, 0), 1), isBetween ? slope : 0)
  }

  /// How likely it is that the gate is not shut.
  package var chance: Float { sigmoid(logit - Self.temperature * log(-Self.low / Self.high)) }

  /// Whether it stays open when nothing is drawn any more.
  package var isOpen: Bool { sigmoid(logit) * (Self.high - Self.low) + Self.low > 0 }

  private func sigmoid(_ x: Float) -> Float { 1 / (1 + exp(-x)) }
}

/// Gates of levels, each of which counts only where all before it are open.
package struct NestedGates: Sendable {
  /// The share of each level that is kept: the product of its gate and all before it.
  package let kept: [Float]
  private let values: [Float]
  private let slopes: [Float]

  /// - Parameter uniforms: a number from 0 to 1 for each level.
  package init(logits: [Float], uniforms: [Float]) {
    let gates = zip(logits, uniforms).map { HardConcrete(logit: $0).gate($1) }
    values = gates.map(\.value)
    slopes = gates.map(\.slope)
    var product: Float = 1
    kept = gates.map {
      product *= $0.value
      return product
    }
  }

  /// Whether the logits have a gradient at all: a gate that is shut or open has none.
  package var isBetween: Bool { slopes.contains { $0 > 0 } }

  /// The gradient for each logit, given that for what is kept of each level.
  package func backward(_ gradient: [Double]) -> [Float] {
    values.indices.map { gate in
      var sum = 0.0
      for level in gate..<values.count {
        let others = (0...level).reduce(Float(1)) { $1 == gate ? $0 : $0 * values[$1] }
        sum += gradient[level] * Double(others)
      }
      return Float(sum) * slopes[gate]
    }
  }

  /// The slope of the expected number of levels, Σ over levels of Π P(gate > 0), for each logit.
  package static func expectedLevelsSlope(_ logits: [Float]) -> [Float] {
    let chances = logits.map { HardConcrete(logit: $0).chance }
    return chances.indices.map { gate in
      let sum = (gate..<chances.count).reduce(Float(0)) { $0 + chances[...$1].reduce(1, *) }
      return (1 - chances[gate]) * sum
    }
  }
}
