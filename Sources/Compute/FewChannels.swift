import CCompute
import Tensors

/// The gradient of a kernel over images of one or two channels: the first layer of networks for grey images.
///
/// oneDNN 2.6 has a kernel for three channels, which reaches the peak, and is ten times slower with one. Sums are split
/// in a way that does not depend on the number of threads.
enum FewChannels {
  /// Whether there are few channels, and neither groups nor dilation.
  static func serves(_ image: Shape, window: Window, groups: Int) -> Bool {
    groups == 1 && (1...2).contains(image[1]) && window.dilations == [1, 1]
  }

  /// Nil where it does not serve.
  static func backwardKernel(
    _ gradient: Tensor, x: Tensor, kernel: Shape, bias: Bool, window: Window, groups: Int
  ) -> (kernel: Tensor, bias: Tensor?)? {
    guard serves(x.shape, window: window, groups: groups) else { return nil }
    var description = cc_few_channels(x.shape, gradient.shape, window: window)
    let (gradient, x) = (gradient.inLayout(.channelsLast), x.inLayout(.channelsLast))
    var biasGradient = bias ? Tensor([kernel[0]], repeating: 0) : nil
    let kernelGradient = Tensor(kernel) { result in
      gradient.withUnsafeFloats { gradient in
        x.withUnsafeFloats { x in
          let bias = biasGradient?.withUnsafeMutableFloats { $0.baseAddress }
          cc_few_channels_backward_kernel(
            &description, x.baseAddress, gradient.baseAddress, result.baseAddress, bias ?? nil)
        }
      }
    }
    return (kernelGradient, biasGradient)
  }
}

extension cc_few_channels {
  init(_ image: Shape, _ output: Shape, window: Window) {
    self.init()
    batch = Int64(image[0])
    (in_channels, in_height, in_width) = (Int64(image[1]), Int64(image[2]), Int64(image[3]))
    (out_channels, out_height, out_width) = (Int64(output[1]), Int64(output[2]), Int64(output[3]))
    (kernel_height, kernel_width) = (Int64(window.size[0]), Int64(window.size[1]))
    (stride_height, stride_width) = (Int64(window.strides[0]), Int64(window.strides[1]))
    (pad_top, pad_left) = (Int64(window.padding[0]), Int64(window.padding[1]))
  }
}
