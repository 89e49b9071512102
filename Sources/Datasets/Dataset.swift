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

  /// Writes one image in the order `[height, width, channels]`, moved and normalised.
  ///
  /// - Precondition: `target` has as many elements as `imageShape`; an entry that is not an image stays in its place.
  func copyImage(
    _ index: Int, placement: Placement, pixels: PixelTransform, into target: UnsafeMutableBufferPointer<Float>)
}

/// Some images of a dataset with their labels, ready for a network.
package struct Batch: Sendable {
  /// `[batch, channels, height, width]`, the channels last in memory; or `[batch, features]`.
  package let images: Tensor
  /// One an image; nil where the dataset has none.
  package let labels: [Int32]?
}

extension Dataset {
  /// Some images as the network wants them, with their labels.
  ///
  /// An image's place and flip depend on the seed, the epoch and its index alone, not on the batch it is in.
  ///
  /// - Parameters:
  ///   - normalization: what becomes of a stored number; nil leaves it as it is.
  ///   - augmentation: how images are moved at random. Nothing but `.none` for entries that are not images.
  /// - Precondition: the indices are from 0 to `count` − 1.
  /// - Complexity: O(indices · image), on the calling thread.
  package func batch(
    _ indices: some Collection<Int>, normalization: Normalization? = nil, augmentation: Augmentation = .none,
    seed: UInt64 = 0, epoch: Int = 0
  ) -> Batch {
    let images = images(
      indices, normalization: normalization, augmentation: augmentation, seed: seed, epoch: epoch)
    let labels = labels.map { labels in indices.map { labels[$0] } }
    return Batch(images: images, labels: labels)
  }

  /// The images of `batch(…)` without their labels.
  package func images(
    _ indices: some Collection<Int>, normalization: Normalization? = nil, augmentation: Augmentation = .none,
    seed: UInt64 = 0, epoch: Int = 0
  ) -> Tensor {
    let isImage = imageShape.rank == 3
    precondition(isImage || augmentation == .none, "\(name): only images can be moved, not entries \(imageShape)")
    let pixels = PixelTransform(normalization, channels: imageShape.rank == 0 ? 1 : imageShape[0])
    let size = imageShape.count
    let shape = Shape([indices.count] + imageShape.dimensions)
    return Tensor(shape, layout: isImage ? .channelsLast : .rowMajor) { target in
      for (position, index) in indices.enumerated() {
        let placement = augmentation.placement(seed: seed, epoch: epoch, index: index)
        let place = UnsafeMutableBufferPointer(rebasing: target[position * size..<(position + 1) * size])
        copyImage(index, placement: placement, pixels: pixels, into: place)
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
