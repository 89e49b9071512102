import CCompute
import Tensors

/// A box inside a tensor: along each axis, where it starts, how far apart its elements lie, and how many they are.
package struct Box {
  package var starts: [Int]
  package var steps: [Int]
  package var counts: [Int]

  package init(starts: [Int], steps: [Int], counts: [Int]) {
    self.starts = starts
    self.steps = steps
    self.counts = counts
  }

  /// All of it.
  package init(_ shape: Shape) {
    self.init(
      starts: Array(repeating: 0, count: shape.rank), steps: Array(repeating: 1, count: shape.rank),
      counts: shape.dimensions)
  }
}

extension Tensor {
  /// The elements of a box, as a tensor of its own in the same layout.
  package func extracting(_ box: Box) -> Tensor {
    let shape = Shape(box.counts)
    return Tensor(shape, layout: layout) { target in
      withUnsafeFloats { source in
        Tensor.copy(
          box.counts, from: source.baseAddress! + offset(of: box), memoryStrides.scaled(by: box.steps),
          to: target.baseAddress!, Tensor.memoryStrides(shape, layout))
      }
    }
  }

  /// Writes a tensor of the size of a box into it.
  package mutating func insert(_ part: Tensor, at box: Box) {
    precondition(part.shape.dimensions == box.counts, "the part is as large as the box")
    let (offset, strides) = (offset(of: box), memoryStrides.scaled(by: box.steps))
    withUnsafeMutableFloats { target in
      part.withUnsafeFloats { source in
        Tensor.copy(
          box.counts, from: source.baseAddress!, part.memoryStrides, to: target.baseAddress! + offset, strides)
      }
    }
  }

  /// The axes in another order: axis i of the result is axis `permutation[i]` of this one.
  package func transposed(_ permutation: [Int]) -> Tensor {
    if let same = transposedInPlace(permutation) { return same }
    let shape = Shape(permutation.map { self.shape[$0] })
    let strides = memoryStrides
    return Tensor(shape) { target in
      withUnsafeFloats { source in
        Tensor.copy(
          shape.dimensions, from: source.baseAddress!, permutation.map { strides[$0] }, to: target.baseAddress!,
          shape.strides)
      }
    }
  }

  /// Repeats what has size 1 along an axis, and adds axes in front, up to the shape.
  package func broadcast(to shape: Shape) -> Tensor {
    guard shape != self.shape else { return self }
    let plain = inLayout(.rowMajor)
    let missing = shape.rank - self.shape.rank
    let own = plain.shape.strides
    let strides = (0..<shape.rank).map { axis in
      axis < missing || self.shape[axis - missing] == 1 ? 0 : own[axis - missing]
    }
    return Tensor(shape) { target in
      plain.withUnsafeFloats {
        Tensor.copy(shape.dimensions, from: $0.baseAddress!, strides, to: target.baseAddress!, shape.strides)
      }
    }
  }

  /// How far apart neighbours along each axis of the shape are in memory.
  package var memoryStrides: [Int] { Tensor.memoryStrides(shape, layout) }

  private static func memoryStrides(_ shape: Shape, _ layout: Layout) -> [Int] {
    guard layout == .channelsLast else { return shape.strides }
    let (channels, height, width) = (shape[1], shape[2], shape[3])
    return [channels * height * width, 1, width * channels, channels]
  }

  private func offset(of box: Box) -> Int { Swift.zip(box.starts, memoryStrides).reduce(0) { $0 + $1.0 * $1.1 } }

  private static func copy(
    _ counts: [Int], from source: UnsafePointer<Float>, _ sourceStrides: [Int], to target: UnsafeMutablePointer<Float>,
    _ targetStrides: [Int]
  ) {
    // The axis that is innermost in the target goes last, so that writes run through memory.
    let order = counts.indices.sorted { abs(targetStrides[$0]) > abs(targetStrides[$1]) }
    cc_copy(
      Int32(counts.count), order.map { Int64(counts[$0]) }, source, order.map { Int64(sourceStrides[$0]) }, target,
      order.map { Int64(targetStrides[$0]) })
  }
}

extension [Int] {
  fileprivate func scaled(by steps: [Int]) -> [Int] { Swift.zip(self, steps).map { $0 * $1 } }
}
