import CImages
import Tensors

/// Writes images as an epoch shows them: moved, in other colours, normalised, and covered in part.
struct ImageVariation {
  private let augmentation: Augmentation
  private let seed: UInt64
  private let epoch: Int
  private let imageShape: Shape
  private let largestPixel: Float
  /// For what is written in one pass; where colours are varied, numbers stay as they are stored until that is done.
  private let pixels: PixelTransform
  private let normalization: PixelTransform

  init(
    _ augmentation: Augmentation, _ normalization: Normalization?, imageShape: Shape, largestPixel: Float?,
    seed: UInt64, epoch: Int
  ) {
    self.augmentation = augmentation
    self.seed = seed
    self.epoch = epoch
    self.imageShape = imageShape
    self.largestPixel = largestPixel ?? .infinity
    let channels = imageShape.rank == 0 ? 1 : imageShape[0]
    self.normalization = PixelTransform(normalization, channels: channels)
    pixels = augmentation.variesColours ? PixelTransform(nil, channels: channels) : self.normalization
  }

  /// Writes one image in the order `[height, width, channels]`.
  func write(_ index: Int, of dataset: some Dataset, into target: UnsafeMutableBufferPointer<Float>) {
    let placement = augmentation.placement(seed: seed, epoch: epoch, index: index)
    dataset.copyImage(index, placement: placement, pixels: pixels, into: target)
    if augmentation.variesColours { varyColours(index, target) }
    if augmentation.cutout > 0 { cover(index, target) }
  }

  private func varyColours(_ index: Int, _ target: UnsafeMutableBufferPointer<Float>) {
    let factors = augmentation.colours(seed: seed, epoch: epoch, index: index)
    let (channels, area) = (imageShape[0], Int64(imageShape[1] * imageShape[2]))
    ci_jitter(
      target.baseAddress, area, Int32(channels), factors.brightness, factors.contrast, factors.saturation, largestPixel)
    let constants = (0..<channels).compactMap { normalization.constants(channel: $0) }
    guard let scale = constants.first?.scale else { return }
    ci_normalize(
      target.baseAddress, area, Int32(channels), scale, constants.map(\.mean), constants.map(\.deviation))
  }

  /// Covers with zeros behind the normalisation, which for most of them is the mean colour.
  private func cover(_ index: Int, _ target: UnsafeMutableBufferPointer<Float>) {
    let (channels, height, width) = (imageShape[0], imageShape[1], imageShape[2])
    let hole = augmentation.hole(seed: seed, epoch: epoch, index: index, height: height, width: width)
    for y in hole.rows {
      let row = (y * width + hole.columns.lowerBound) * channels
      target[row..<row + hole.columns.count * channels].update(repeating: 0)
    }
  }
}

extension Tensor {
  /// Each image with a share of another one of the batch: `share · x[i] + (1 − share) · x[partners[i]]`.
  func mixed(with partners: [Int], share: Float) -> Tensor {
    let size = count / max(partners.count, 1)
    return withUnsafeFloats { source in
      Tensor(shape, layout: layout) { target in
        _ = target.initialize(fromContentsOf: source)
        for (position, partner) in partners.enumerated() {
          ci_mix(
            target.baseAddress! + position * size, source.baseAddress! + partner * size, Int64(size), share)
        }
      }
    }
  }
}
