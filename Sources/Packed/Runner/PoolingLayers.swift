import Tensors

/// The largest element below each window. Of bits, a bit is set where any is.
struct MaxPoolOperation: LayerOperation {
  let window: Window
  let output: [Int]

  func run(_ inputs: [PackedValue]) -> PackedValue {
    let walk = WindowWalk(window, input: inputs[0].shape, output: output)
    switch inputs[0] {
    case .bits(let image):
      let count = image.wordsOfPixel
      let words = AlignedMemory<UInt64>(count: walk.outputPixels * count, repeating: 0)
      let (source, target) = (UnsafeBufferPointer(image.words.buffer), words.buffer)
      walk.forEachPixel { pixel, _, tap in
        for i in 0..<count { target[pixel * count + i] |= source[tap * count + i] }
      }
      return .bits(BitImage(shape: walk.outputShape, words: words))
    case .floats(let tensor):
      let channels = tensor.shape[1]
      return .floats(
        Tensor(walk.outputShape, layout: .channelsLast) { target in
          target.initialize(repeating: -.infinity)
          tensor.withUnsafeFloats { source in
            walk.forEachPixel { pixel, _, tap in
              for i in 0..<channels {
                let value = source[tap * channels + i]
                if value > target[pixel * channels + i] { target[pixel * channels + i] = value }
              }
            }
          }
        })
    }
  }
}

/// The mean of the elements below each window, added up row by row.
struct AveragePoolOperation: LayerOperation {
  let window: Window
  let countsPadding: Bool
  let output: [Int]

  func run(_ inputs: [PackedValue]) -> PackedValue {
    let tensor = inputs[0].tensor, channels = inputs[0].shape[1]
    let walk = WindowWalk(window, input: tensor.shape, output: output)
    var counts = [Int](repeating: 0, count: walk.outputPixels)
    return .floats(
      Tensor(walk.outputShape, layout: .channelsLast) { target in
        target.initialize(repeating: 0)
        tensor.withUnsafeFloats { source in
          walk.forEachPixel { pixel, taps, tap in
            counts[pixel] = countsPadding ? window.size[0] * window.size[1] : taps
            for i in 0..<channels { target[pixel * channels + i] += source[tap * channels + i] }
          }
        }
        for (pixel, count) in counts.enumerated() {
          for i in 0..<channels { target[pixel * channels + i] /= Float(count) }
        }
      })
  }
}

/// The mean of each channel over its image, added up row by row.
struct GlobalAveragePoolOperation: LayerOperation {
  func run(_ inputs: [PackedValue]) -> PackedValue {
    let tensor = inputs[0].tensor, shape = inputs[0].shape
    let (channels, pixels) = (shape[1], shape[2] * shape[3])
    return .floats(
      Tensor([shape[0], channels, 1, 1], layout: .channelsLast) { target in
        target.initialize(repeating: 0)
        tensor.withUnsafeFloats { source in
          for image in 0..<shape[0] {
            for pixel in 0..<pixels {
              for i in 0..<channels { target[image * channels + i] += source[(image * pixels + pixel) * channels + i] }
            }
          }
        }
        for i in target.indices { target[i] /= Float(pixels) }
      })
  }
}

/// Where the windows of a pooling layer lie.
struct WindowWalk {
  let window: Window
  /// With the batch.
  let input: Shape
  let outputShape: Shape

  init(_ window: Window, input: Shape, output: [Int]) {
    self.window = window
    self.input = input
    outputShape = Shape([input[0]] + output)
  }

  var outputPixels: Int { BitImage.pixels(outputShape) }

  /// Visits, pixel by pixel of the output and row by row of its window, every pixel of the input inside the window.
  func forEachPixel(_ body: (_ pixel: Int, _ taps: Int, _ tap: Int) -> Void) {
    var pixel = 0
    for image in 0..<input[0] {
      for y in 0..<outputShape[2] {
        let rows = inside(y, axis: 0, size: input[2])
        for x in 0..<outputShape[3] {
          let columns = inside(x, axis: 1, size: input[3])
          let taps = rows.count * columns.count
          for row in rows {
            for column in columns { body(pixel, taps, (image * input[2] + row) * input[3] + column) }
          }
          pixel += 1
        }
      }
    }
  }

  private func inside(_ index: Int, axis: Int, size: Int) -> Range<Int> {
    let start = index * window.strides[axis] - window.padding[axis]
    let from = min(max(start, 0), size)
    return from..<max(min(start + window.size[axis], size), from)
  }
}
