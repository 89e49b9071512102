import Tensors

/// ReLU and clip: `min(max(x, minimum), maximum)`.
struct ElementwiseOperation: LayerOperation {
  let minimum: Float
  let maximum: Float

  func run(_ inputs: [PackedValue]) -> PackedValue {
    .floats(inputs[0].tensor.map { $0 < minimum ? minimum : $0 > maximum ? maximum : $0 })
  }
}

/// `scale[c] · x + shift[c]`, then `+ second input`, then ReLU.
struct AffineOperation: LayerOperation {
  let scale: [Float]
  let shift: [Float]
  let relu: Bool

  func run(_ inputs: [PackedValue]) -> PackedValue {
    let input = inputs[0].tensor
    let order = ChannelOrder(input)
    return .floats(
      Tensor(input.shape, layout: input.layout) { target in
        input.withUnsafeFloats { scaled($0, order, to: target) }
        if inputs.count == 2 {
          inputs[1].tensor.withUnsafeFloats { other in for i in target.indices { target[i] += other[i] } }
        }
        if relu { for i in target.indices { target[i] = target[i] < 0 ? 0 : target[i] } }
      })
  }

  private func scaled(
    _ source: UnsafeBufferPointer<Float>, _ order: ChannelOrder, to target: UnsafeMutableBufferPointer<Float>
  ) {
    scale.withUnsafeBufferPointer { scale in
      shift.withUnsafeBufferPointer { shift in
        for line in 0..<order.outer * order.channels / (order.inner == 1 ? order.channels : 1) {
          if order.inner == 1 {
            let base = line * order.channels
            for i in 0..<order.channels { target[base + i] = scale[i] * source[base + i] + shift[i] }
          } else {
            let (base, channel) = (line * order.inner, line % order.channels)
            for i in base..<base + order.inner { target[i] = scale[channel] * source[i] + shift[channel] }
          }
        }
      }
    }
  }
}

/// The sum of two values, the smaller one repeated along its axes of size 1.
struct AddOperation: LayerOperation {
  func run(_ inputs: [PackedValue]) -> PackedValue {
    let (left, right) = (inputs[0].tensor, inputs[1].tensor)
    guard left.shape != right.shape else { return .floats(left.zip(right, +)) }
    let shape = Shape(zip(left.shape.dimensions, right.shape.dimensions).map { max($0, $1) })
    return .floats(repeated(left, shape).zip(repeated(right, shape), +))
  }

  private func repeated(_ tensor: Tensor, _ shape: Shape) -> Tensor {
    guard tensor.shape != shape else { return tensor }
    var source = Strided(tensor)
    for axis in 0..<shape.rank where tensor.shape[axis] == 1 { source.strides[axis] = 0 }
    return Tensor(shape, layout: PackedValue.layout(shape)) { target in
      let destination = Strided(shape)
      tensor.withUnsafeFloats { destination.copy(shape.dimensions, from: $0, source, to: target) }
    }
  }
}

/// +1 where x ≥ 0, else −1.
struct SignOperation: LayerOperation {
  func run(_ inputs: [PackedValue]) -> PackedValue {
    let tensor = inputs[0].tensor
    guard tensor.shape.rank == 2 || tensor.shape.rank == 4 else { return .floats(tensor.map { $0 >= 0 ? 1 : -1 }) }
    return .bits(BitImage(shape: tensor.shape, words: BitImage.packed(tensor)))
  }
}

/// +1 where x ≥ threshold (x ≤ threshold where flipped), else −1.
struct ThresholdOperation: LayerOperation {
  let thresholds: [Int32]
  let flipped: [Bool]

  func run(_ inputs: [PackedValue]) -> PackedValue {
    var result = inputs[0].tensor
    let order = ChannelOrder(result)
    // Doubles hold every float and every threshold; flipping both signs turns ≤ into ≥.
    let signs = flipped.map { $0 ? -1.0 : 1 }
    let limits = zip(thresholds, signs).map { Double($0) * $1 }
    result.withUnsafeMutableFloats { numbers in
      var i = 0
      for _ in 0..<order.outer {
        for channel in 0..<order.channels {
          for _ in 0..<order.inner {
            numbers[i] = Double(numbers[i]) * signs[channel] >= limits[channel] ? 1 : -1
            i += 1
          }
        }
      }
    }
    return SignOperation().run([.floats(result)])
  }
}
