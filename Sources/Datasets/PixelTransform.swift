import Tensors

/// A normalisation made ready for the channels of a dataset: a table for bytes, a formula for floats.
///
/// Both round alike: each step of `(value · scale − mean) / deviation` is rounded to `Float`.
package struct PixelTransform: Sendable {
  package let channels: Int
  /// What byte `b` of channel `c` becomes stands at `256 · c + b`.
  package let table: [Float]
  private let normalization: Normalization?

  /// - Parameter normalization: nil leaves every number as it is.
  /// - Precondition: one mean and one deviation, or as many as there are channels; no deviation is zero.
  package init(_ normalization: Normalization?, channels: Int) {
    self.channels = channels
    self.normalization = normalization
    if let normalization {
      let counts = [normalization.mean.count, normalization.deviation.count]
      precondition(
        counts.allSatisfy { $0 == 1 || $0 == channels }, "\(counts) means and deviations for \(channels) channels")
      precondition(normalization.deviation.allSatisfy { $0 != 0 }, "a deviation of zero")
    }
    var table = [Float](repeating: 0, count: 256 * channels)
    for channel in 0..<channels {
      for byte in 0..<256 {
        table[256 * channel + byte] = PixelTransform.apply(normalization, to: Float(byte), channel: channel)
      }
    }
    self.table = table
  }

  /// What a stored number of a channel becomes.
  package func apply(to value: Float, channel: Int) -> Float {
    PixelTransform.apply(normalization, to: value, channel: channel)
  }

  private static func apply(_ normalization: Normalization?, to value: Float, channel: Int) -> Float {
    guard let normalization else { return value }
    let mean = normalization.mean.count == 1 ? normalization.mean[0] : normalization.mean[channel]
    let deviation = normalization.deviation.count == 1 ? normalization.deviation[0] : normalization.deviation[channel]
    return (value * normalization.scale - mean) / deviation
  }

  /// `(scale, mean, deviation)` of a channel, for a loop over its floats. Nil where numbers stay as they are.
  func constants(channel: Int) -> (scale: Float, mean: Float, deviation: Float)? {
    guard let normalization else { return nil }
    let mean = normalization.mean.count == 1 ? normalization.mean[0] : normalization.mean[channel]
    let deviation = normalization.deviation.count == 1 ? normalization.deviation[0] : normalization.deviation[channel]
    return (normalization.scale, mean, deviation)
  }
}
