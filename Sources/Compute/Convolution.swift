import CCompute
import COneDNN
import Tensors

/// Two-dimensional convolution: forward, and the gradients for the image and the kernel.
///
/// By oneDNN, or where the arithmetic may be transformed and the shapes allow it, by `OwnConvolution`; the gradient of
/// a kernel over few channels by a loop of its own.
///
/// Image `[batch, in, height, width]`, kernel `[out, in / groups, height, width]`, bias `[out]`.
///
///     y[n, o, i, j] = bias[o] + Σ kernel[o, c, u, v] · x[n, c, a, b]
///     a = i · stride + u · dilation − top,  b = j · stride + v · dilation − left
///
/// - Precondition: the shapes fit, as an operator has checked.
package enum ConvolutionPrimitive {
  package static func forward(
    _ x: Tensor, kernel: Tensor, bias: Tensor?, window: Window, groups: Int, arithmetic: Arithmetic = .direct
  ) -> Tensor {
    let output = window.output(of: [x.shape[2], x.shape[3]])!
    let shape = Shape([x.shape[0], kernel.shape[0]] + output)
    var description = od_convolution(x.shape, shape, window: window, groups: groups)
    let (source, kernel, bias) = (x.inLayout(.channelsLast), kernel.inLayout(.rowMajor), bias?.inLayout(.rowMajor))
    if let own = OwnConvolution(x.shape, shape, window: window, groups: groups, bias: bias != nil, arithmetic) {
      return own.forward(source, kernel: kernel, bias: bias, output: shape)
    }
    return Tensor(shape, layout: .channelsLast) { y in
      source.withUnsafeFloats { x in
        kernel.withUnsafeFloats { kernel in
          withOptionalFloats(bias) { bias in
            check(od_convolution_forward(&description, x.baseAddress, kernel.baseAddress, bias, y.baseAddress))
          }
        }
      }
    }
  }

  /// The gradients for the image and the kernel, together where that is faster.
  package static func backward(
    _ gradient: Tensor, x: Tensor, kernel: Tensor, window: Window, groups: Int, arithmetic: Arithmetic
  ) -> (image: Tensor, kernel: Tensor) {
    if !FewChannels.serves(x.shape, window: window, groups: groups),
      let own = OwnConvolution(x.shape, gradient.shape, window: window, groups: groups, bias: false, arithmetic)
    {
      return own.backward(
        gradient.inLayout(.channelsLast), x: x.inLayout(.channelsLast), kernel: kernel.inLayout(.rowMajor))
    }
    let image = backwardImage(
      gradient, kernel: kernel, image: x.shape, window: window, groups: groups, arithmetic: arithmetic)
    let kernels = backwardKernel(
      gradient, x: x, kernel: kernel.shape, bias: false, window: window, groups: groups, arithmetic: arithmetic)
    return (image, kernels.kernel)
  }

  /// The gradient for an image of the given shape.
  package static func backwardImage(
    _ gradient: Tensor, kernel: Tensor, image: Shape, window: Window, groups: Int, arithmetic: Arithmetic = .direct
  ) -> Tensor {
    var description = od_convolution(image, gradient.shape, window: window, groups: groups)
    let (gradient, kernel) = (gradient.inLayout(.channelsLast), kernel.inLayout(.rowMajor))
    if arithmetic == .transformed, let turned = Turned(image, gradient.shape, window: window, groups: groups) {
      return turned.backwardImage(gradient, kernel: kernel)
    }
    if let own = OwnConvolution(image, gradient.shape, window: window, groups: groups, bias: false, arithmetic) {
      return own.backwardImage(gradient, kernel: kernel, image: image)
    }
    return Tensor(image, layout: .channelsLast) { result in
      gradient.withUnsafeFloats { gradient in
        kernel.withUnsafeFloats { kernel in
          check(
            od_convolution_backward_source(
              &description, gradient.baseAddress, kernel.baseAddress, result.baseAddress))
        }
      }
    }
  }

  /// The gradients for the kernel and, where asked, the bias.
  package static func backwardKernel(
    _ gradient: Tensor, x: Tensor, kernel: Shape, bias: Bool, window: Window, groups: Int,
    arithmetic: Arithmetic = .direct
  ) -> (kernel: Tensor, bias: Tensor?) {
    let few = FewChannels.backwardKernel(gradient, x: x, kernel: kernel, bias: bias, window: window, groups: groups)
    if let few { return few }
    var description = od_convolution(x.shape, gradient.shape, window: window, groups: groups)
    let (gradient, x) = (gradient.inLayout(.channelsLast), x.inLayout(.channelsLast))
    // The gradient of a bias is a sum of its own: such layers stay with oneDNN.
    let own =
      bias
      ? nil : OwnConvolution(x.shape, gradient.shape, window: window, groups: groups, bias: false, arithmetic)
    if let own { return (own.backwardKernel(gradient, x: x, kernel: kernel), nil) }
    var biasGradient = bias ? Tensor([kernel[0]], repeating: 0) : nil
    let kernelGradient = Tensor(kernel) { result in
      gradient.withUnsafeFloats { gradient in
        x.withUnsafeFloats { x in
          let bias = biasGradient?.withUnsafeMutableFloats { $0.baseAddress }
          check(
            od_convolution_backward_kernel(
              &description, x.baseAddress, gradient.baseAddress, result.baseAddress, bias ?? nil))
        }
      }
    }
    return (kernelGradient, biasGradient)
  }
}

extension od_convolution {
  init(_ image: Shape, _ output: Shape, window: Window, groups: Int) {
    self.init()
    (batch, self.groups) = (Int64(image[0]), Int64(groups))
    (in_channels, in_height, in_width) = (Int64(image[1]), Int64(image[2]), Int64(image[3]))
    (out_channels, out_height, out_width) = (Int64(output[1]), Int64(output[2]), Int64(output[3]))
    (kernel_height, kernel_width) = (Int64(window.size[0]), Int64(window.size[1]))
    (stride_height, stride_width) = (Int64(window.strides[0]), Int64(window.strides[1]))
    (dilation_height, dilation_width) = (Int64(window.dilations[0]), Int64(window.dilations[1]))
    (pad_top, pad_left) = (Int64(window.padding[0]), Int64(window.padding[1]))
    // oneDNN wants the padding that makes the output come out exactly: less than declared where a step is left over.
    pad_bottom = (out_height - 1) * stride_height + (kernel_height - 1) * dilation_height + 1 - in_height - pad_top
    pad_right = (out_width - 1) * stride_width + (kernel_width - 1) * dilation_width + 1 - in_width - pad_left
  }
}

/// oneDNN refuses only what an operator should have refused before: that is a mistake of ours.
func check(_ status: Int32) {
  precondition(status == 0, "oneDNN refused a primitive with status \(status)")
}

func withOptionalFloats<R>(_ tensor: Tensor?, _ body: (UnsafePointer<Float>?) throws -> R) rethrows -> R {
  guard let tensor else { return try body(nil) }
  return try tensor.withUnsafeFloats { try body($0.baseAddress) }
}
