import CCompute
import COneDNN
import Tensors

/// Two-dimensional convolution: forward, and the gradients for the image and the kernel.
///
/// By oneDNN, or where the arithmetic may be transformed and the shapes allow it, by Winograd's minimal filtering or our
/// loops for channels alone; the gradient of a kernel over few channels by a loop of its own.
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
    let own = OwnConvolution(x.shape, shape, window: window, groups: groups, arithmetic)
    return Tensor(shape, layout: .channelsLast) { y in
      source.withUnsafeFloats { x in
        kernel.withUnsafeFloats { kernel in
          withOptionalFloats(bias) { bias in
            switch own {
            case .winograd(var shape):
              cc_winograd_forward(&shape, x.baseAddress, kernel.baseAddress, bias, y.baseAddress)
            case .depthwise(var shape):
              cc_depthwise_forward(&shape, x.baseAddress, kernel.baseAddress, bias, y.baseAddress)
            case nil:
              check(od_convolution_forward(&description, x.baseAddress, kernel.baseAddress, bias, y.baseAddress))
            }
          }
        }
      }
    }
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
    let own = OwnConvolution(image, gradient.shape, window: window, groups: groups, arithmetic)
    return Tensor(image, layout: .channelsLast) { result in
      gradient.withUnsafeFloats { gradient in
        kernel.withUnsafeFloats { kernel in
          let (gradient, kernel, result) = (gradient.baseAddress, kernel.baseAddress, result.baseAddress)
          switch own {
          case .winograd(var shape): cc_winograd_backward_source(&shape, gradient, kernel, result)
          case .depthwise(var shape): cc_depthwise_backward_source(&shape, gradient, kernel, result)
          case nil: check(od_convolution_backward_source(&description, gradient, kernel, result))
          }
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
    let own = bias ? nil : OwnConvolution(x.shape, gradient.shape, window: window, groups: groups, arithmetic)
    var biasGradient = bias ? Tensor([kernel[0]], repeating: 0) : nil
    let kernelGradient = Tensor(kernel) { result in
      gradient.withUnsafeFloats { gradient in
        x.withUnsafeFloats { x in
          let (x, gradient, result) = (x.baseAddress, gradient.baseAddress, result.baseAddress)
          switch own {
          case .winograd(var shape): cc_winograd_backward_kernel(&shape, x, gradient, result)
          case .depthwise(var shape): cc_depthwise_backward_kernel(&shape, x, gradient, result)
          case nil:
            let bias = biasGradient?.withUnsafeMutableFloats { $0.baseAddress }
            check(od_convolution_backward_kernel(&description, x, gradient, result, bias ?? nil))
          }
        }
      }
    }
    return (kernelGradient, biasGradient)
  }
}

/// The loops of our own that training takes instead of oneDNN's, where the shapes allow one.
enum OwnConvolution {
  case winograd(cc_winograd)
  case depthwise(cc_depthwise)

  /// Nil where oneDNN serves: for what is verified, evaluated or shipped, always.
  init?(_ image: Shape, _ output: Shape, window: Window, groups: Int, _ arithmetic: Arithmetic) {
    guard arithmetic == .transformed else { return nil }
    if let shape = Winograd.description(image, output, window: window, groups: groups) {
      self = .winograd(shape)
    } else if let shape = Depthwise.description(image, output, window: window, groups: groups) {
      self = .depthwise(shape)
    } else {
      return nil
    }
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
