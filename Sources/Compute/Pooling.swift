import CCompute
import Tensors

/// The largest or the mean number under a window, for each channel. Channels last in memory.
package enum Pooling {
  /// The maxima, and for each the pixel that won. Padding counts as −∞; the first of equals wins.
  package static func maximum(_ x: Tensor, window: Window, keepsPlaces: Bool) -> (y: Tensor, places: [Int32]) {
    let shape = Shape([x.shape[0], x.shape[1]] + window.output(of: [x.shape[2], x.shape[3]])!)
    var description = cc_pooling(x.shape, shape, window: window)
    var places = [Int32](repeating: -1, count: keepsPlaces ? shape.count : 0)
    let source = x.inLayout(.channelsLast)
    let y = Tensor(shape, layout: .channelsLast) { y in
      source.withUnsafeFloats { x in
        places.withUnsafeMutableBufferPointer {
          cc_max_pool(&description, x.baseAddress, y.baseAddress, keepsPlaces ? $0.baseAddress : nil)
        }
      }
    }
    return (y, places)
  }

  /// The gradient for the image: each window's goes to the pixel that won.
  package static func maximumBackward(_ gradient: Tensor, x: Tensor, window: Window) -> Tensor {
    guard window.isApart else {
      // Finding the winners again costs less than keeping them for every pool of a network.
      let places = maximum(x, window: window, keepsPlaces: true).places
      return maximumBackward(gradient, places: places, image: x.shape, window: window)
    }
    var description = cc_pooling(x.shape, gradient.shape, window: window)
    let (x, gradient) = (x.inLayout(.channelsLast), gradient.inLayout(.channelsLast))
    return Tensor(x.shape, layout: .channelsLast) { result in
      x.withUnsafeFloats { x in
        gradient.withUnsafeFloats {
          cc_max_pool_apart_backward(&description, x.baseAddress, $0.baseAddress, result.baseAddress)
        }
      }
    }
  }

  static func maximumBackward(_ gradient: Tensor, places: [Int32], image: Shape, window: Window) -> Tensor {
    var description = cc_pooling(image, gradient.shape, window: window)
    let gradient = gradient.inLayout(.channelsLast)
    return Tensor(image, layout: .channelsLast) { result in
      gradient.withUnsafeFloats { cc_max_pool_backward(&description, $0.baseAddress, places, result.baseAddress) }
    }
  }

  /// The means. What lies outside the image counts as 0, and is counted in the divisor only if asked.
  package static func average(_ x: Tensor, window: Window, countsPadding: Bool) -> Tensor {
    let shape = Shape([x.shape[0], x.shape[1]] + window.output(of: [x.shape[2], x.shape[3]])!)
    var description = cc_pooling(x.shape, shape, window: window, countsPadding: countsPadding)
    let source = x.inLayout(.channelsLast)
    return Tensor(shape, layout: .channelsLast) { y in
      source.withUnsafeFloats { cc_average_pool(&description, $0.baseAddress, y.baseAddress) }
    }
  }

  package static func averageBackward(_ gradient: Tensor, image: Shape, window: Window, countsPadding: Bool) -> Tensor {
    var description = cc_pooling(image, gradient.shape, window: window, countsPadding: countsPadding)
    let gradient = gradient.inLayout(.channelsLast)
    return Tensor(image, layout: .channelsLast) { result in
      gradient.withUnsafeFloats { cc_average_pool_backward(&description, $0.baseAddress, result.baseAddress) }
    }
  }
}

extension Window {
  /// Whether each pixel of an image is under one window at most, and every window lies inside the image.
  fileprivate var isApart: Bool {
    dilations == [1, 1] && padding == [0, 0, 0, 0] && !roundsUp && strides[0] >= size[0] && strides[1] >= size[1]
  }
}

extension cc_pooling {
  init(_ image: Shape, _ output: Shape, window: Window, countsPadding: Bool = false) {
    self.init()
    (batch, channels) = (Int64(image[0]), Int64(image[1]))
    (in_height, in_width, out_height, out_width) = (
      Int64(image[2]), Int64(image[3]), Int64(output[2]), Int64(output[3])
    )
    (size_height, size_width) = (Int64(window.size[0]), Int64(window.size[1]))
    (stride_height, stride_width) = (Int64(window.strides[0]), Int64(window.strides[1]))
    (dilation_height, dilation_width) = (Int64(window.dilations[0]), Int64(window.dilations[1]))
    (pad_top, pad_left) = (Int64(window.padding[0]), Int64(window.padding[1]))
    (pad_bottom, pad_right) = (Int64(window.padding[2]), Int64(window.padding[3]))
    counts_padding = countsPadding
  }
}
