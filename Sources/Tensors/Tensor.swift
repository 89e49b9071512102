import Synchronization

/// An array of `Float` with a shape: a value, stored in 64-byte aligned memory that is shared until written.
///
/// The shape always reads `[batch, channels, height, width]` for images. The numbers may lie in memory in that order
/// or with the channels last; operators that do not care keep what they get, and `scalars` is always row-major.
package struct Tensor: Sendable {
  /// The order in which the numbers of a tensor lie in memory.
  package enum Layout: Sendable {
    /// The last axis runs fastest.
    case rowMajor
    /// `[batch, height, width, channels]` in memory for a shape `[batch, channels, height, width]`. Rank 4 only.
    case channelsLast
  }

  package let shape: Shape
  package let layout: Layout
  private var buffer: Buffer

  package var count: Int { shape.count }

  /// A tensor whose numbers `fill` writes, every one of them, in the given layout.
  package init(_ shape: Shape, layout: Layout = .rowMajor, fill: (UnsafeMutableBufferPointer<Float>) throws -> Void)
    rethrows
  {
    precondition(layout == .rowMajor || shape.rank == 4, "channels last is an order of four axes")
    self.shape = shape
    self.layout = layout
    buffer = Buffer(count: shape.count)
    try fill(buffer.floats)
  }

  /// A tensor whose numbers are worked out when somebody reads them first, or never.
  package init(_ shape: Shape, layout: Layout = .rowMajor, deferred: any DeferredNumbers) {
    self.shape = shape
    self.layout = layout
    buffer = Buffer(deferred)
  }

  /// What the numbers will be worked out from, while nobody has read them.
  package var deferred: (any DeferredNumbers)? { buffer.deferred }

  package init(_ shape: Shape, layout: Layout = .rowMajor, repeating value: Float) {
    self.init(shape, layout: layout) { $0.initialize(repeating: value) }
  }

  /// - Precondition: as many scalars as the shape has elements.
  package init(_ shape: Shape, scalars: some Collection<Float>) {
    precondition(scalars.count == shape.count, "\(scalars.count) scalars for the shape \(shape)")
    self.init(shape) { _ = $0.initialize(fromContentsOf: scalars) }
  }

  package init(scalar: Float) { self.init([], scalars: [scalar]) }

  /// The numbers in row-major order. Complexity: O(count).
  package var scalars: [Float] { inLayout(.rowMajor).withUnsafeFloats { Array($0) } }

  /// The numbers in the order of `layout`.
  package func withUnsafeFloats<R>(_ body: (UnsafeBufferPointer<Float>) throws -> R) rethrows -> R {
    precondition(buffer.floats.count == count, "the numbers of this tensor were freed")
    return try withExtendedLifetime(buffer) { try body(UnsafeBufferPointer(buffer.floats)) }
  }

  /// The numbers in the order of `layout`, to change in place. Copies first where the memory is shared.
  package mutating func withUnsafeMutableFloats<R>(_ body: (UnsafeMutableBufferPointer<Float>) throws -> R) rethrows
    -> R
  {
    if !isKnownUniquelyReferenced(&buffer) {
      let copy = Buffer(count: count)
      _ = copy.floats.initialize(fromContentsOf: buffer.floats)
      buffer = copy
    }
    return try withExtendedLifetime(buffer) { try body(buffer.floats) }
  }

  /// Whether no other tensor shares the memory: it can then be changed in place without a copy.
  package mutating func isUniquelyReferenced() -> Bool { isKnownUniquelyReferenced(&buffer) }

  /// The same numbers in another shape of as many elements, taken in row-major order.
  package func reshaped(_ shape: Shape) -> Tensor {
    precondition(shape.count == count, "cannot reshape \(self.shape) to \(shape)")
    return Tensor(shape: shape, layout: .rowMajor, buffer: inLayout(.rowMajor).buffer)
  }

  /// The same values, lying in memory in the given order. Complexity: O(1) where they do already, else O(count).
  package func inLayout(_ wanted: Layout) -> Tensor {
    guard wanted != layout else { return self }
    precondition(shape.rank == 4, "channels last is an order of four axes")
    let (channels, pixels) = (shape[1], shape[2] * shape[3])
    guard channels > 1 && pixels > 1 else { return Tensor(shape: shape, layout: wanted, buffer: buffer) }
    return Tensor(shape, layout: wanted) { target in
      withUnsafeFloats { source in
        let (rows, columns) = wanted == .channelsLast ? (channels, pixels) : (pixels, channels)
        for image in 0..<shape[0] {
          let base = image * rows * columns
          for row in 0..<rows {
            for column in 0..<columns { target[base + column * rows + row] = source[base + row * columns + column] }
          }
        }
      }
    }
  }

  /// The shape and the order alone. Reading its numbers is a mistake that stops the program.
  package var withoutNumbers: Tensor { Tensor(shape: shape, layout: layout, buffer: Buffer(count: 0)) }

  /// The axes in another order without moving a number, where the numbers lie in that order already: images between
  /// channels first and channels last. Otherwise nil.
  package func transposedInPlace(_ permutation: [Int]) -> Tensor? {
    switch (layout, permutation) {
    case (.channelsLast, [0, 2, 3, 1]), (.rowMajor, [0, 3, 1, 2]):
      let other: Layout = layout == .rowMajor ? .channelsLast : .rowMajor
      return Tensor(shape: Shape(permutation.map { shape[$0] }), layout: other, buffer: buffer)
    default: return nil
    }
  }

  private init(shape: Shape, layout: Layout, buffer: Buffer) {
    self.shape = shape
    self.layout = layout
    self.buffer = buffer
  }

  /// Sixty-four-byte aligned memory, freed with its last owner.
  private final class Buffer: @unchecked Sendable {
    // Written only by an owner that has made sure to be the only one.
    private let memory: UnsafeMutableBufferPointer<Float>
    private let later: Later?

    init(count: Int) {
      let bytes = UnsafeMutableRawPointer.allocate(byteCount: max(count, 1) * MemoryLayout<Float>.stride, alignment: 64)
      memory = UnsafeMutableBufferPointer(
        start: bytes.bindMemory(to: Float.self, capacity: max(count, 1)), count: count)
      later = nil
    }

    init(_ deferred: any DeferredNumbers) {
      memory = UnsafeMutableBufferPointer(start: nil, count: 0)
      later = Later(deferred)
    }

    var floats: UnsafeMutableBufferPointer<Float> {
      later?.buffer.floats ?? memory
    }

    var deferred: (any DeferredNumbers)? { later?.deferred }

    deinit { UnsafeMutableRawPointer(memory.baseAddress)?.deallocate() }
  }
}

extension Tensor {
  /// Numbers that were not worked out before somebody read them.
  private final class Later: Sendable {
    private enum Numbers {
      case deferred(any DeferredNumbers)
      // Of the tensor that was worked out, which nobody else has.
      case workedOut(Buffer)
    }
    private let numbers: Mutex<Numbers>

    init(_ deferred: any DeferredNumbers) { numbers = Mutex(.deferred(deferred)) }

    var deferred: (any DeferredNumbers)? {
      numbers.withLock { if case .deferred(let deferred) = $0 { deferred } else { nil } }
    }

    var buffer: Buffer {
      numbers.withLock { numbers in
        switch numbers {
        case .workedOut(let buffer): return buffer
        case .deferred(let deferred):
          let buffer = deferred.workedOut().buffer
          numbers = .workedOut(buffer)
          return buffer
        }
      }
    }
  }
}

/// Numbers that are worked out only when they are read. Whoever knows what they come from need not read them.
package protocol DeferredNumbers: AnyObject, Sendable {
  /// The numbers in a tensor whose memory nothing else shares. Called once at most.
  func workedOut() -> Tensor
}

extension Tensor: Equatable {
  /// Equal shapes and equal numbers, whatever their order in memory.
  package static func == (left: Tensor, right: Tensor) -> Bool {
    left.shape == right.shape
      && left.withUnsafeFloats { a in right.inLayout(left.layout).withUnsafeFloats { b in a.elementsEqual(b) } }
  }
}

extension Tensor {
  package func map(_ transform: (Float) -> Float) -> Tensor {
    Tensor(shape, layout: layout) { target in
      withUnsafeFloats { source in for i in source.indices { target[i] = transform(source[i]) } }
    }
  }

  /// Element by element; the result has this tensor's layout.
  package func zip(_ other: Tensor, _ combine: (Float, Float) -> Float) -> Tensor {
    precondition(shape == other.shape, "shapes \(shape) and \(other.shape) differ")
    let other = other.inLayout(layout)
    return Tensor(shape, layout: layout) { target in
      withUnsafeFloats { a in other.withUnsafeFloats { b in for i in a.indices { target[i] = combine(a[i], b[i]) } } }
    }
  }

  /// The largest difference between two elements of the same place; not a number where either is not.
  package func largestDifference(to other: Tensor) -> Float {
    zip(other) { abs($0 - $1) }.withUnsafeFloats { $0.reduce(0) { $1 > $0 || $1.isNaN ? $1 : $0 } }
  }

  package var largestMagnitude: Float { withUnsafeFloats { $0.reduce(0) { max($0, abs($1)) } } }

  /// The place of the largest number of each row, for a tensor `[rows, columns]`; the first of equals.
  package var largestColumns: [Int] {
    precondition(shape.rank == 2, "rows and columns are wanted, not \(shape)")
    let columns = shape[1]
    return withUnsafeFloats { numbers in
      (0..<shape[0]).map { row in
        var best = 0
        for column in 1..<max(columns, 1) where numbers[row * columns + column] > numbers[row * columns + best] {
          best = column
        }
        return best
      }
    }
  }
}

extension Tensor: Hashable {
  package func hash(into hasher: inout Hasher) {
    hasher.combine(shape)
    scalars.hash(into: &hasher)
  }
}
