import Tensors

/// The gradient for images of few channels, as a convolution of the outputs' gradient with the kernel turned round:
///
///     dx[n, c, a, b] = Σ turned[c, o, u, v] · dy[n, o, a + u − top', b + v − left']
///     turned[c, o, u, v] = kernel[o, c, height − 1 − u, width − 1 − v],  top' = height − 1 − top
///
/// oneDNN 2.6 takes three times as long for this gradient at six channels as for such a convolution. Stride 1 alone.
struct Turned {
  private let window: Window

  /// Nil where it does not serve: strides, dilation or groups; as many channels as a vector has lanes.
  init?(_ image: Shape, _ output: Shape, window: Window, groups: Int) {
    guard groups == 1, window.strides == [1, 1], window.dilations == [1, 1], (1..<16).contains(image[1]),
      image.count > 0, output.count > 0
    else { return nil }
    let before = (0..<2).map { window.size[$0] - 1 - window.padding[$0] }
    let after = (0..<2).map { image[$0 + 2] - output[$0 + 2] - before[$0] + window.size[$0] - 1 }
    guard (before + after).allSatisfy({ $0 >= 0 }) else { return nil }
    self.window = Window(size: window.size, strides: [1, 1], padding: before + after, dilations: [1, 1])
  }

  func backwardImage(_ gradient: Tensor, kernel: Tensor) -> Tensor {
    ConvolutionPrimitive.forward(gradient, kernel: turned(kernel), bias: nil, window: window, groups: 1)
  }

  private func turned(_ kernel: Tensor) -> Tensor {
    let (outputs, inputs, taps) = (kernel.shape[0], kernel.shape[1], kernel.shape[2] * kernel.shape[3])
    return Tensor([inputs, outputs, kernel.shape[2], kernel.shape[3]]) { target in
      kernel.inLayout(.rowMajor).withUnsafeFloats { source in
        for output in 0..<outputs {
          for input in 0..<inputs {
            let (from, to) = ((output * inputs + input) * taps, (input * outputs + output) * taps)
            for tap in 0..<taps { target[to + tap] = source[from + taps - 1 - tap] }
          }
        }
      }
    }
  }
}
