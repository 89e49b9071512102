import CCompute
import Tensors

/// Convolution of each channel alone, where the shapes allow our own loops: they read and write memory in its order.
///
/// Sums are split in a way that does not depend on the number of threads.
enum Depthwise {
  /// The convolution as the loops want it, or nil where they cannot serve it.
  static func description(_ image: Shape, _ output: Shape, window: Window, groups: Int) -> cc_depthwise? {
    guard groups > 1, groups == image[1], output[1] == groups, groups % 16 == 0, window.dilations == [1, 1],
      window.size[0] <= 64, window.size[1] <= 7, image.count > 0, output.count > 0
    else { return nil }
    var shape = cc_depthwise()
    (shape.batch, shape.channels) = (Int64(image[0]), Int64(groups))
    (shape.in_height, shape.in_width) = (Int64(image[2]), Int64(image[3]))
    (shape.out_height, shape.out_width) = (Int64(output[2]), Int64(output[3]))
    (shape.kernel_height, shape.kernel_width) = (Int64(window.size[0]), Int64(window.size[1]))
    (shape.stride_height, shape.stride_width) = (Int64(window.strides[0]), Int64(window.strides[1]))
    (shape.pad_top, shape.pad_left) = (Int64(window.padding[0]), Int64(window.padding[1]))
    return shape
  }
}
