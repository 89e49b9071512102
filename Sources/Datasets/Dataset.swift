import Tensors

/// Images, and what each of them shows.
///
/// Numbers are as stored: bytes from 0 to 255, or the floats of a NumPy file. Batches are normalised as they are made.
package protocol Dataset: Sendable {
  /// Where the images come from, for messages: a path.
  var name: String { get }
  /// How many images there are.
  var count: Int { get }
  /// `[channels, height, width]`, or `[features]` where an entry is not an image.
  var imageShape: Shape { get }
  /// How many classes the format of the files fixes, nil where it fixes none.
  var classCount: Int? { get }
  /// The class of each image, nil where the files hold none.
  var labels: [Int32]? { get }
  /// The largest number that a pixel can be, 255 for bytes; nil where nothing says so.
  var largestPixel: Float? { get }
  /// How many threads are worth while to prepare its batches: more than one where images must be decoded.
  var loaderThreads: Int { get }

  /// A number for each image that is the same for the same pixels and, but for chance, differs for others.
  ///
  /// - Complexity: O(count · image) where they are not known.
  var fingerprints: [UInt64] { get }

  /// Writes one image in the order `[height, width, channels]`, moved and normalised.
  ///
  /// - Precondition: `target` has as many elements as `imageShape`; an entry that is not an image stays in its place.
  func copyImage(
    _ index: Int, placement: Placement, pixels: PixelTransform, into target: UnsafeMutableBufferPointer<Float>)
}

extension Dataset {
  package var largestPixel: Float? { nil }
  package var loaderThreads: Int { 1 }
}

/// Some images of a dataset with their labels, ready for a network.
package struct Batch: Sendable {
  /// What mixed images show besides what their labels say.
  package struct Mixing: Sendable {
    /// The labels of the images that were mixed in; nil where the dataset has none.
    package let partnerLabels: [Int32]?
    /// The share of an image, and so of its own label, from 0 to 1; the rest is its partner's.
    package let share: Float
  }

  /// `[batch, channels, height, width]`, the channels last in memory; or `[batch, features]`.
  package let images: Tensor
  /// One an image; nil where the dataset has none.
  package let labels: [Int32]?
  /// Nil where the images are not mixed with each other.
  package let mixing: Mixing?
}

extension Dataset {
  /// Some images as the network wants them, with their labels.
  ///
  /// How an image is varied depends on the seed, the epoch and its index alone, not on the batch it is in; how the
  /// images of a batch are mixed depends on the seed, the epoch and the step.
  ///
  /// - Parameters:
  ///   - normalization: what becomes of a stored number; nil leaves it as it is.
  ///   - augmentation: how images are varied at random. Entries that are not images can only be mixed.
  /// - Precondition: the indices are from 0 to `count` − 1.
  /// - Complexity: O(indices · image), on the calling thread.
  package func batch(
    _ indices: some Collection<Int>, normalization: Normalization? = nil, augmentation: Augmentation = .none,
    seed: UInt64 = 0, epoch: Int = 0, step: Int = 0
  ) -> Batch {
    let images = images(
      indices, normalization: normalization, augmentation: augmentation, seed: seed, epoch: epoch)
    let labels = labels.map { labels in indices.map { labels[$0] } }
    guard let mixing = augmentation.mixing(seed: seed, epoch: epoch, step: step, count: indices.count) else {
      return Batch(images: images, labels: labels, mixing: nil)
    }
    return Batch(
      images: images.mixed(with: mixing.partners, share: mixing.share), labels: labels,
      mixing: .init(partnerLabels: labels.map { labels in mixing.partners.map { labels[$0] } }, share: mixing.share))
  }

  /// The images of `batch(…)` without their labels, and not mixed.
  package func images(
    _ indices: some Collection<Int>, normalization: Normalization? = nil, augmentation: Augmentation = .none,
    seed: UInt64 = 0, epoch: Int = 0
  ) -> Tensor {
    let isImage = imageShape.rank == 3
    precondition(isImage || !augmentation.wantsImages, "\(name): only images can be varied, not entries \(imageShape)")
    let variation = ImageVariation(
      augmentation, normalization, imageShape: imageShape, largestPixel: largestPixel, seed: seed,
      epoch: augmentation.view(inEpoch: epoch))
    let size = imageShape.count
    let shape = Shape([indices.count] + imageShape.dimensions)
    return Tensor(shape, layout: isImage ? .channelsLast : .rowMajor) { target in
      for (position, index) in indices.enumerated() {
        let place = UnsafeMutableBufferPointer(rebasing: target[position * size..<(position + 1) * size])
        variation.write(index, of: self, into: place)
      }
    }
  }

  /// All indices in an order of their own for each seed and epoch, cut in batches of `size`.
  ///
  /// - Parameter keepsRest: whether a last, smaller batch is kept.
  package func shuffledBatches(of size: Int, seed: UInt64, epoch: Int, keepsRest: Bool = true) -> [[Int]] {
    // The purpose is part of the stream: the order shares no numbers with the augmentation.
    var generator = SplitMix64(seed: seed, stream: 0x6F72_6465_72, UInt64(bitPattern: Int64(epoch)))
    return batches(of: generator.permutation(count), size: size, keepsRest: keepsRest)
  }

  /// All indices from the first to the last, cut in batches of `size`.
  package func orderedBatches(of size: Int) -> [[Int]] { batches(of: Array(0..<count), size: size, keepsRest: true) }

  private func batches(of order: [Int], size: Int, keepsRest: Bool) -> [[Int]] {
    precondition(size > 0, "a batch has at least one image")
    return stride(from: 0, to: count, by: size).compactMap { start in
      let end = min(start + size, count)
      return keepsRest || end - start == size ? Array(order[start..<end]) : nil
    }
  }
}
