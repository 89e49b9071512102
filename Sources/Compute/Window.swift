import Tensors

/// How a window moves over an image: all pairs are height, width.
package struct Window: Hashable, Sendable, Codable {
  package var size: [Int]
  package var strides: [Int]
  /// Top, left, bottom, right.
  package var padding: [Int]
  package var dilations: [Int]
  /// Whether the last, incomplete step counts (ONNX `ceil_mode`).
  package var roundsUp: Bool

  package init(size: [Int], strides: [Int], padding: [Int], dilations: [Int], roundsUp: Bool = false) {
    self.size = size
    self.strides = strides
    self.padding = padding
    self.dilations = dilations
    self.roundsUp = roundsUp
  }

  /// What is wrong with it, or nil: every entry is there, and none is absurd.
  package var problem: String? {
    guard size.count == 2, strides.count == 2, dilations.count == 2, padding.count == 4 else {
      return "a window needs 2 sizes, 2 strides, 2 dilations and 4 paddings"
    }
    let limit = 1 << 20
    guard (size + strides + dilations).allSatisfy({ (1...limit).contains($0) }) else {
      return "sizes, strides and dilations must be from 1 to \(limit)"
    }
    return padding.allSatisfy { (0...limit).contains($0) } ? nil : "padding must be from 0 to \(limit)"
  }

  /// The height and width of what comes out for an image, or nil where the window does not fit in it.
  ///
  ///     (image + padding − dilation · (size − 1) − 1) / stride + 1
  package func output(of image: [Int]) -> [Int]? {
    var result: [Int] = []
    for axis in 0..<2 {
      let padded = image[axis] + padding[axis] + padding[axis + 2]
      let room = padded - dilations[axis] * (size[axis] - 1) - 1
      guard room >= 0 else { return nil }
      var steps = room / strides[axis] + 1
      // A window that starts in the padding after the image would see nothing of it.
      if roundsUp, room % strides[axis] != 0, steps * strides[axis] < image[axis] + padding[axis] { steps += 1 }
      result.append(steps)
    }
    return result
  }
}
