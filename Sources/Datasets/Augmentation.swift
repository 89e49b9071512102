import Tensors

/// How images are varied while training: moved by a few pixels, and mirrored half of the time.
///
/// What torchvision calls `RandomCrop(size, padding)` and `RandomHorizontalFlip`: the image is surrounded by `padding`
/// stored zeros on each side, and a window of its own size is cut out.
package struct Augmentation: Hashable, Sendable, Codable {
  /// How many pixels an image is moved at most, up, down, left and right.
  package var padding: Int
  /// Whether half of the images, at random, are mirrored left to right.
  package var flips: Bool

  /// - Precondition: the padding is not negative.
  package init(padding: Int, flips: Bool) {
    precondition(padding >= 0, "the padding of an augmentation must not be negative")
    self.padding = padding
    self.flips = flips
  }

  package static let none = Augmentation(padding: 0, flips: false)
  /// What nearly every paper on CIFAR-10 uses.
  package static let cifar = Augmentation(padding: 4, flips: true)

  /// Where an image lies in an epoch: a function of the seed, the epoch and the image's index alone.
  package func placement(seed: UInt64, epoch: Int, index: Int) -> Placement {
    guard self != .none else { return .identity }
    var generator = SplitMix64(seed: seed, stream: UInt64(bitPattern: Int64(epoch)), UInt64(bitPattern: Int64(index)))
    // All three are drawn in any case, so that switching one off leaves the others where they were.
    let top = generator.below(2 * padding + 1) - padding
    let left = generator.below(2 * padding + 1) - padding
    let isFlipped = generator.below(2) == 1
    return Placement(top: top, left: left, isFlipped: flips && isFlipped)
  }
}

/// Where the window that a network sees lies over an image, and whether it is mirrored after it was cut.
///
///     seen[c, y, x] = stored[c, y + top, x' + left],  x' = isFlipped ? width − 1 − x : x;  0 outside
package struct Placement: Hashable, Sendable {
  /// Pixels that the window lies below the image's first row; negative above.
  package var top: Int
  /// Pixels that the window lies right of the image's first column; negative left.
  package var left: Int
  package var isFlipped: Bool

  package init(top: Int, left: Int, isFlipped: Bool) {
    self.top = top
    self.left = left
    self.isFlipped = isFlipped
  }

  package static let identity = Placement(top: 0, left: 0, isFlipped: false)
}
