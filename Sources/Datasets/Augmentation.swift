import Foundation
import Tensors

/// How images are varied while training: moved, mirrored, in their colours, covered in part, and mixed with each other.
///
/// What torchvision calls `RandomCrop(size, padding)` and `RandomHorizontalFlip`: the image is surrounded by `padding`
/// stored zeros on each side, and a window of its own size is cut out. Then `ColorJitter` without a change of hue,
/// cutout (DeVries and Taylor, 2017, https://arxiv.org/abs/1708.04552) and, over a batch, mixup (Zhang et al., 2018,
/// https://arxiv.org/abs/1710.09412).
///
/// All of it is a function of the seed, the epoch and the image's index; mixing is one of the seed, the epoch and the
/// step. With `views` of a number, epoch e shows images as epoch e mod `views` does, only mixed anew.
package struct Augmentation: Hashable, Sendable, Codable {
  /// How many pixels an image is moved at most, up, down, left and right.
  package var padding: Int
  /// Whether half of the images, at random, are mirrored left to right.
  package var flips: Bool
  /// The side of the square that covers a part of each image, in pixels; 0 covers none.
  package var cutout: Int = 0
  /// How far the brightness is multiplied: by a number from 1 − `brightness`, but at least 0, to 1 + `brightness`.
  package var brightness: Float = 0
  /// The same for the distance of each number from the mean grey of its image.
  package var contrast: Float = 0
  /// The same for the distance of each number from the grey of its pixel; images of one channel have none.
  package var saturation: Float = 0
  /// The parameter α of the Beta(α, α) distribution from which a batch's share of mixing is drawn; 0 mixes nothing.
  package var mixup: Float = 0
  /// How many ways each image is varied, taken in turn, an epoch each; 0 draws a new one for every epoch.
  package var views: Int = 0

  /// - Precondition: the padding is not negative.
  package init(padding: Int, flips: Bool) {
    precondition(padding >= 0, "the padding of an augmentation must not be negative")
    self.padding = padding
    self.flips = flips
  }

  package static let none = Augmentation(padding: 0, flips: false)
  /// What nearly every paper on CIFAR-10 uses.
  package static let cifar = Augmentation(padding: 4, flips: true)

  /// Whether it needs entries with a height and a width.
  var wantsImages: Bool { padding > 0 || flips || cutout > 0 || variesColours }
  var variesColours: Bool { brightness > 0 || contrast > 0 || saturation > 0 }

  /// The first epoch that shows images as this one does.
  func view(inEpoch epoch: Int) -> Int { views > 0 && epoch > 0 ? epoch % views : epoch }

  /// Where an image lies in an epoch: a function of the seed, the epoch and the image's index alone.
  package func placement(seed: UInt64, epoch: Int, index: Int) -> Placement {
    guard padding > 0 || flips else { return .identity }
    var generator = SplitMix64(seed: seed, stream: UInt64(bitPattern: Int64(epoch)), UInt64(bitPattern: Int64(index)))
    // All three are drawn in any case, so that switching one off leaves the others where they were.
    let top = generator.below(2 * padding + 1) - padding
    let left = generator.below(2 * padding + 1) - padding
    let isFlipped = generator.below(2) == 1
    return Placement(top: top, left: left, isFlipped: flips && isFlipped)
  }

  /// By what the brightness, the contrast and the saturation of an image are multiplied in an epoch.
  package func colours(seed: UInt64, epoch: Int, index: Int) -> ColourFactors {
    // A stream of its own: switching colours on leaves every image where it was.
    var generator = Self.generator(0x636F_6C6F_7572, seed, epoch, index)
    let factors = [brightness, contrast, saturation].map { strength in
      let least = max(0, 1 - strength)
      return least + (1 + strength - least) * generator.uniform()
    }
    return ColourFactors(
      brightness: brightness > 0 ? factors[0] : 1, contrast: contrast > 0 ? factors[1] : 1,
      saturation: saturation > 0 ? factors[2] : 1)
  }

  /// The rows and columns of an image that are covered in an epoch: a square round a pixel drawn evenly, cut off at the
  /// edges.
  package func hole(
    seed: UInt64, epoch: Int, index: Int, height: Int, width: Int
  ) -> (rows: Range<Int>, columns: Range<Int>) {
    var generator = Self.generator(0x686F_6C65, seed, epoch, index)
    let (y, x) = (generator.below(height), generator.below(width))
    func span(_ centre: Int, _ size: Int) -> Range<Int> {
      let first = centre - cutout / 2
      return max(0, first)..<min(size, first + cutout)
    }
    return (span(y, height), span(x, width))
  }

  /// With which image of a batch each is mixed, and the share that it keeps; nil where nothing is mixed.
  package func mixing(seed: UInt64, epoch: Int, step: Int, count: Int) -> (partners: [Int], share: Float)? {
    guard mixup > 0 else { return nil }
    var generator = Self.generator(0x6D69_78, seed, epoch, step)
    let share = generator.symmetricBeta(Double(mixup))
    return (generator.permutation(count), Float(share))
  }

  private static func generator(_ purpose: UInt64, _ seed: UInt64, _ epoch: Int, _ index: Int) -> SplitMix64 {
    SplitMix64(
      seed: seed, stream: purpose, UInt64(bitPattern: Int64(epoch)), UInt64(bitPattern: Int64(index)))
  }
}

/// By what the colours of an image are multiplied; 1 leaves them.
package struct ColourFactors: Hashable, Sendable {
  package var brightness: Float
  package var contrast: Float
  package var saturation: Float

  package init(brightness: Float, contrast: Float, saturation: Float) {
    self.brightness = brightness
    self.contrast = contrast
    self.saturation = saturation
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

extension SplitMix64 {
  /// A number from 0 to 1 of the distribution Beta(α, α).
  ///
  /// A quotient of two Gamma(α) numbers, kept as logarithms because a small α makes them smaller than a `Double` can
  /// be.
  mutating func symmetricBeta(_ alpha: Double) -> Double {
    let (first, second) = (logarithmOfGamma(alpha), logarithmOfGamma(alpha))
    return 1 / (1 + exp(second - first))
  }

  /// The logarithm of a number of the distribution Gamma(α, 1): Marsaglia and Tsang, 2000,
  /// https://doi.org/10.1145/358407.358414
  private mutating func logarithmOfGamma(_ alpha: Double) -> Double {
    guard alpha >= 1 else { return logarithmOfGamma(alpha + 1) + log(positiveUniform()) / alpha }
    let d = alpha - 1.0 / 3
    let c = 1 / (9 * d).squareRoot()
    while true {
      let x = (-2 * log(positiveUniform())).squareRoot() * cos(2 * Double.pi * positiveUniform())
      let root = 1 + c * x
      guard root > 0 else { continue }
      let v = root * root * root
      if log(positiveUniform()) < x * x / 2 + d - d * v + d * log(v) { return log(d * v) }
    }
  }

  /// Evenly from above 0 up to 1.
  private mutating func positiveUniform() -> Double { (Double(next() >> 11) + 1) * 0x1p-53 }
}
