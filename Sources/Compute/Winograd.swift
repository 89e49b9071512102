import CCompute
import Tensors

/// How convolutions may be computed.
package enum Arithmetic: Sendable {
  /// Each product as it is written: what is verified, evaluated and shipped.
  case direct
  /// With a quarter of the multiplications, or in another order, where that is faster; sums differ by some 2e-6 of the
  /// largest.
  case transformed
}

/// 3 x 3 convolution of stride 1 by Winograd's minimal filtering, where the shapes and the processor allow it.
///
/// Results do not depend on the number of threads. The largest difference to direct convolution was measured as 2e-5 of
/// the largest value at 512 channels, 5e-6 at 16 to 64.
///
/// Lavin and Gray, Fast Algorithms for Convolutional Neural Networks, 2015, https://arxiv.org/abs/1509.09308
enum Winograd {
  /// The convolution as the kernels want it, or nil where they cannot serve it.
  static func description(_ image: Shape, _ output: Shape, window: Window, groups: Int) -> cc_winograd? {
    guard cc_winograd_is_available(), groups == 1, window.size == [3, 3], window.strides == [1, 1],
      window.dilations == [1, 1], image[1] % 16 == 0, output[1] % 16 == 0, !window.padding.contains(where: { $0 > 2 }),
      image.count > 0, output.count > 0
    else { return nil }
    return cc_winograd(
      batch: Int64(image[0]), in_channels: Int64(image[1]), in_height: Int64(image[2]), in_width: Int64(image[3]),
      out_channels: Int64(output[1]), out_height: Int64(output[2]), out_width: Int64(output[3]),
      pad_top: Int64(window.padding[0]), pad_left: Int64(window.padding[1]))
  }
}
