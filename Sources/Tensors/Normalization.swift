/// How the bytes of an image, 0 to 255, become the input of a network.
///
///     x[c] = (byte[c] · scale − mean[c]) / deviation[c]
package struct Normalization: Hashable, Sendable, Codable {
  package var scale: Float
  /// One for each channel, or one for all of them.
  package var mean: [Float]
  /// One for each channel, or one for all of them. Not zero.
  package var deviation: [Float]

  package init(scale: Float, mean: [Float] = [0], deviation: [Float] = [1]) {
    self.scale = scale
    self.mean = mean
    self.deviation = deviation
  }
}
