import Tensors

/// A constant around a value.
struct PadOperation: LayerOperation {
  let before: [Int]
  let value: Float
  let output: [Int]

  func run(_ inputs: [PackedValue]) -> PackedValue {
    let tensor = inputs[0].tensor
    let shape = Shape([tensor.shape[0]] + output)
    var destination = Strided(shape)
    for (axis, count) in before.enumerated() { destination.offset += count * destination.strides[axis + 1] }
    return .floats(
      Tensor(shape, layout: PackedValue.layout(shape)) { target in
        target.initialize(repeating: value)
        tensor.withUnsafeFloats { destination.copy(tensor.shape.dimensions, from: $0, Strided(tensor), to: target) }
      })
  }
}

/// Every step-th element of a part of each axis.
struct SliceOperation: LayerOperation {
  let starts: [Int]
  let steps: [Int]
  let counts: [Int]

  func run(_ inputs: [PackedValue]) -> PackedValue {
    let tensor = inputs[0].tensor
    let shape = Shape([tensor.shape[0]] + counts)
    var source = Strided(tensor)
    for axis in starts.indices {
      source.offset += starts[axis] * source.strides[axis + 1]
      source.strides[axis + 1] *= steps[axis]
    }
    return .floats(
      Tensor(shape, layout: PackedValue.layout(shape)) { target in
        tensor.withUnsafeFloats { Strided(shape).copy(shape.dimensions, from: $0, source, to: target) }
      })
  }
}

/// Values one after the other along an axis.
struct ConcatOperation: LayerOperation {
  let axis: Int
  let output: [Int]

  func run(_ inputs: [PackedValue]) -> PackedValue {
    let shape = Shape([inputs[0].shape[0]] + output)
    var destination = Strided(shape)
    return .floats(
      Tensor(shape, layout: PackedValue.layout(shape)) { target in
        for tensor in inputs.map(\.tensor) {
          tensor.withUnsafeFloats { destination.copy(tensor.shape.dimensions, from: $0, Strided(tensor), to: target) }
          destination.offset += tensor.shape[axis] * destination.strides[axis]
        }
      })
  }
}

/// Another shape, elements taken in the order `[channels, height, width]`.
struct ReshapeOperation: LayerOperation {
  let shape: [Int]

  /// Whether only axes of size 1 come or go around the channels, so that bits stay as they are.
  static func keepsPixels(_ input: [Int], _ output: [Int]) -> Bool {
    input[0] == output[0] && input.dropFirst().allSatisfy { $0 == 1 } && output.dropFirst().allSatisfy { $0 == 1 }
  }

  func run(_ inputs: [PackedValue]) -> PackedValue {
    let input = inputs[0].shape, output = Shape([input[0]] + shape)
    if case .bits(let image) = inputs[0], output.rank == 2 || output.rank == 4,
      Self.keepsPixels(Array(input.dimensions.dropFirst()), shape)
    {
      return .bits(BitImage(shape: output, words: image.words))
    }
    return .laidOut(inputs[0].tensor.reshaped(output))
  }
}

/// The axes in another order.
struct TransposeOperation: LayerOperation {
  let axes: [Int]

  func run(_ inputs: [PackedValue]) -> PackedValue {
    let tensor = inputs[0].tensor
    let order = [0] + axes
    let shape = Shape(order.map { tensor.shape[$0] })
    var source = Strided(tensor)
    source.strides = order.map { source.strides[$0] }
    return .floats(
      Tensor(shape, layout: PackedValue.layout(shape)) { target in
        tensor.withUnsafeFloats { Strided(shape).copy(shape.dimensions, from: $0, source, to: target) }
      })
  }
}

/// Where the elements of a tensor, or of a part of it, lie: `offset + Σ index[axis] · strides[axis]`.
struct Strided {
  var offset = 0
  var strides: [Int]

  /// A tensor in the order that layers give their values.
  init(_ shape: Shape) { strides = Strided.strides(shape, PackedValue.layout(shape)) }

  init(_ tensor: Tensor) { strides = Strided.strides(tensor.shape, tensor.layout) }

  private static func strides(_ shape: Shape, _ layout: Tensor.Layout) -> [Int] {
    guard layout == .channelsLast else { return shape.strides }
    return [shape[1] * shape[2] * shape[3], 1, shape[1] * shape[3], shape[1]]
  }

  /// Copies `counts` elements along each axis to this place from another. Complexity: O(product of the counts).
  func copy(
    _ counts: [Int], from numbers: UnsafeBufferPointer<Float>, _ source: Strided,
    to target: UnsafeMutableBufferPointer<Float>
  ) {
    guard counts.allSatisfy({ $0 > 0 }) else { return }
    // The axis that runs fastest in the destination is the inner loop; the others count like an odometer.
    let inner = counts.indices.min { (strides[$0], counts[$1]) < (strides[$1], counts[$0]) } ?? 0
    let outer = counts.indices.filter { $0 != inner }
    var index = [Int](repeating: 0, count: counts.count)
    var (from, to) = (source.offset, offset)
    while true {
      for i in 0..<counts[inner] { target[to + i * strides[inner]] = numbers[from + i * source.strides[inner]] }
      var axis = outer.count - 1
      while axis >= 0 {
        let wheel = outer[axis]
        index[wheel] += 1
        (from, to) = (from + source.strides[wheel], to + strides[wheel])
        if index[wheel] < counts[wheel] { break }
        index[wheel] = 0
        from -= counts[wheel] * source.strides[wheel]
        to -= counts[wheel] * strides[wheel]
        axis -= 1
      }
      if axis < 0 { return }
    }
  }
}
