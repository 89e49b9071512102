import CCompute
import Tensors

/// The convolutions of our own that training takes instead of oneDNN's, where the shapes and the processor allow one.
///
/// They work out the pixels that they read: what a batch norm in front makes of an image, and its gradient behind, need
/// not lie in memory. Sums are split in a way that does not depend on the number of threads.
enum OwnConvolution {
  /// 3 x 3 of stride 1.
  case winograd(cc_winograd)
  /// 1 x 1 of stride 1.
  case pointwise(cc_pointwise)
  /// Each channel alone.
  case depthwise(cc_depthwise)

  /// Nil where oneDNN serves: for what is verified, evaluated or shipped, always.
  init?(_ image: Shape, _ output: Shape, window: Window, groups: Int, bias: Bool, _ arithmetic: Arithmetic) {
    guard arithmetic == .transformed else { return nil }
    if let shape = Winograd.description(image, output, window: window, groups: groups) {
      self = .winograd(shape)
    } else if !bias, let shape = Pointwise.description(image, output, window: window, groups: groups) {
      self = .pointwise(shape)
    } else if let shape = Depthwise.description(image, output, window: window, groups: groups) {
      self = .depthwise(shape)
    } else {
      return nil
    }
  }

  /// As `signum doctor` says it.
  var name: String {
    switch self {
    case .winograd: "winograd"
    case .pointwise: "pointwise"
    case .depthwise: "depthwise"
    }
  }

  func forward(_ x: Tensor, kernel: Tensor, bias: Tensor?, output: Shape) -> Tensor {
    Tensor(output, layout: .channelsLast) { y in
      x.withPixels { x in
        kernel.withUnsafeFloats { kernel in
          withOptionalFloats(bias) { bias in
            switch self {
            case .winograd(var shape): cc_winograd_forward(&shape, x, kernel.baseAddress, bias, y.baseAddress)
            case .pointwise(var shape): cc_pointwise_forward(&shape, x, kernel.baseAddress, y.baseAddress)
            case .depthwise(var shape): cc_depthwise_forward(&shape, x, kernel.baseAddress, bias, y.baseAddress)
            }
          }
        }
      }
    }
  }

  func backwardImage(_ gradient: Tensor, kernel: Tensor, image: Shape) -> Tensor {
    Tensor(image, layout: .channelsLast) { result in
      gradient.withPixels { gradient in
        kernel.withUnsafeFloats { kernel in
          let (kernel, result) = (kernel.baseAddress, result.baseAddress)
          switch self {
          case .winograd(var shape): cc_winograd_backward_source(&shape, gradient, kernel, result)
          case .pointwise(var shape): cc_pointwise_backward(&shape, nil, gradient, kernel, result, nil)
          case .depthwise(var shape): cc_depthwise_backward_source(&shape, gradient, kernel, result)
          }
        }
      }
    }
  }

  func backwardKernel(_ gradient: Tensor, x: Tensor, kernel: Shape) -> Tensor {
    Tensor(kernel) { result in
      x.withPixels { x in
        gradient.withPixels { gradient in
          let result = result.baseAddress
          switch self {
          case .winograd(var shape): cc_winograd_backward_kernel(&shape, x, gradient, result)
          case .pointwise(var shape): cc_pointwise_backward(&shape, x, gradient, nil, nil, result)
          case .depthwise(var shape): cc_depthwise_backward_kernel(&shape, x, gradient, result)
          }
        }
      }
    }
  }

  /// Both gradients, from pixels that are worked out once where that is faster.
  func backward(_ gradient: Tensor, x: Tensor, kernel: Tensor) -> (image: Tensor, kernel: Tensor) {
    guard case .pointwise(var shape) = self else {
      return (
        backwardImage(gradient, kernel: kernel, image: x.shape), backwardKernel(gradient, x: x, kernel: kernel.shape)
      )
    }
    var kernelGradient = Tensor(kernel.shape, repeating: 0)
    let image = Tensor(x.shape, layout: .channelsLast) { image in
      x.withPixels { x in
        gradient.withPixels { gradient in
          kernel.withUnsafeFloats { kernel in
            kernelGradient.withUnsafeMutableFloats {
              cc_pointwise_backward(&shape, x, gradient, kernel.baseAddress, image.baseAddress, $0.baseAddress)
            }
          }
        }
      }
    }
    return (image, kernelGradient)
  }
}
