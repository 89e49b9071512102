import CCompute
import Tensors

/// 1 x 1 convolution of stride 1, where the shapes and the processor allow our own product of matrices.
enum Pointwise {
  /// The convolution as the loops want it, or nil where they cannot serve it.
  static func description(_ image: Shape, _ output: Shape, window: Window, groups: Int) -> cc_pointwise? {
    guard cc_winograd_is_available(), groups == 1, window.size == [1, 1], window.strides == [1, 1],
      window.padding.allSatisfy({ $0 == 0 }), image[1] % 8 == 0, image[1] >= 16, output[1] >= 16, image.count > 0
    else { return nil }
    return cc_pointwise(
      pixels: Int64(image[0] * image[2] * image[3]), in_channels: Int64(image[1]), out_channels: Int64(output[1]))
  }
}
