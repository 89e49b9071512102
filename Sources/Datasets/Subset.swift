import Tensors

/// Some of the images of a dataset, in an order of their own.
package struct Subset: Dataset {
  private let base: any Dataset
  /// Which images of the whole dataset these are.
  package let indices: [Int]
  package let labels: [Int32]?

  /// - Precondition: the indices are from 0 to `base.count` − 1.
  package init(_ base: any Dataset, indices: [Int]) {
    precondition(indices.allSatisfy { $0 >= 0 && $0 < base.count }, "\(base.name) has \(base.count) images")
    self.base = base
    self.indices = indices
    labels = base.labels.map { labels in indices.map { labels[$0] } }
  }

  package var name: String { base.name }
  package var count: Int { indices.count }
  package var imageShape: Shape { base.imageShape }
  package var classCount: Int? { base.classCount }
  package var largestPixel: Float? { base.largestPixel }
  package var loaderThreads: Int { base.loaderThreads }

  package func copyImage(
    _ index: Int, placement: Placement, pixels: PixelTransform, into target: UnsafeMutableBufferPointer<Float>
  ) {
    base.copyImage(indices[index], placement: placement, pixels: pixels, into: target)
  }
}

extension Dataset {
  /// The first `limit` images, or all of them where there are fewer.
  package func first(_ limit: Int) -> Subset { Subset(self, indices: Array(0..<min(max(limit, 0), count))) }

  /// Sets images aside for validation: `validation` of them at random by a seed, or the last ones.
  ///
  /// Both parts keep the order of the whole. Where fewer images exist than are asked for, all are set aside.
  package func split(validation: Int, seed: UInt64? = nil) -> (training: Subset, validation: Subset) {
    let wanted = min(max(validation, 0), count)
    var order = Array(0..<count)
    if let seed {
      var generator = SplitMix64(seed: seed, stream: 0x7370_6C69_74)
      order = generator.permutation(count)
    }
    return (
      Subset(self, indices: order[..<(count - wanted)].sorted()),
      Subset(self, indices: order[(count - wanted)...].sorted())
    )
  }
}
