import CCompute
import Tensors

/// A factor and an offset for each channel, with the addition and the rectifier that often follow: one pass over
/// memory.
///
/// Tensors are `[batch, channels, height, width]` with the channels last in memory, or `[batch, channels]`.
package enum ChannelAffine {
  /// The mean and the biased variance of each channel.
  package static func statistics(_ x: Tensor) -> (mean: Tensor, variance: Tensor) {
    let channels = x.shape[1]
    var variance = Tensor([channels], repeating: 0)
    let mean = Tensor([channels]) { mean in
      x.withUnsafeFloats { x in
        variance.withUnsafeMutableFloats {
          cc_channel_statistics(
            Int64(x.count / channels), Int64(channels), x.baseAddress, mean.baseAddress, $0.baseAddress)
        }
      }
    }
    return (mean, variance)
  }

  /// `factor[c] · x + offset[c] (+ skip)`, then `max(0, min(ceiling, ·))` if asked. Factor and offset are `[channels]`.
  package static func forward(
    _ x: Tensor, factor: Tensor, offset: Tensor, skip: Tensor?, relu: Bool, ceiling: Float = .infinity
  ) -> Tensor {
    let channels = x.shape[1]
    return Tensor(x.shape, layout: x.layout) { y in
      x.withUnsafeFloats { x in
        factor.withUnsafeFloats { factor in
          offset.withUnsafeFloats { offset in
            withOptionalFloats(skip) { skip in
              cc_affine(
                Int64(x.count / channels), Int64(channels), x.baseAddress, factor.baseAddress, offset.baseAddress, skip,
                relu, ceiling, y.baseAddress)
            }
          }
        }
      }
    }
  }

  /// The same without anything added, worked out by the convolution that reads it where that can be, so that it need
  /// not lie in memory.
  package static func deferred(_ x: Tensor, affine: RectifiedAffine, relu: Bool) -> Tensor {
    guard canBeDeferred(x) else {
      return forward(
        x, factor: affine.factor, offset: affine.offset, skip: nil, relu: relu, ceiling: affine.ceiling)
    }
    return Tensor(x.shape, layout: x.layout, deferred: DeferredAffine(x, affine: affine, relu: relu))
  }

  /// Whether our convolutions can work out what is made of these images.
  private static func canBeDeferred(_ x: Tensor) -> Bool {
    x.shape.rank == 4 && x.layout == .channelsLast && x.shape[1] % 16 == 0 && x.count > 0
  }

  /// The gradient where the rectifier let through, with its sum and its product with `x − mean`, for each channel.
  ///
  /// `y` is the rectified output, or nil where there is no rectifier; `masked` is then the gradient itself. Otherwise
  /// it takes the memory of the gradient where nobody shares that.
  package static func backwardSums(
    _ gradient: consuming Tensor, x: Tensor, y: Tensor?, ceiling: Float = .infinity, mean: Tensor
  ) -> (masked: Tensor, sums: Tensor, products: Tensor) {
    let (channels, rows) = (x.shape[1], x.count / max(x.shape[1], 1))
    var sums = Tensor([channels], repeating: 0)
    var products = Tensor([channels], repeating: 0)
    let fill = { (gradient: UnsafePointer<Float>?, masked: UnsafeMutablePointer<Float>?) in
      x.withUnsafeFloats { x in
        mean.withUnsafeFloats { mean in
          withOptionalFloats(y) { y in
            sums.withUnsafeMutableFloats { sums in
              products.withUnsafeMutableFloats { products in
                cc_affine_backward_sums(
                  Int64(rows), Int64(channels), gradient, x.baseAddress, y, ceiling, mean.baseAddress, masked,
                  sums.baseAddress, products.baseAddress)
              }
            }
          }
        }
      }
    }
    var masked = gradient
    if y == nil {
      masked.withUnsafeFloats { fill($0.baseAddress, nil) }
    } else if masked.isUniquelyReferenced() {
      masked.withUnsafeMutableFloats { fill($0.baseAddress, $0.baseAddress) }
    } else {
      masked = Tensor(x.shape, layout: x.layout) { result in
        masked.withUnsafeFloats { fill($0.baseAddress, result.baseAddress) }
      }
    }
    return (masked, sums, products)
  }

  /// `backwardSource`, of a rectifier where there is one, worked out by the convolution that reads it where that can
  /// be.
  package static func deferredSource(
    _ gradient: consuming Tensor, x: Tensor, rectified: RectifiedAffine?, a: Tensor, b: Tensor, d: Tensor
  ) -> Tensor {
    let later = DeferredGradient(gradient, x: x, rectified: rectified, a: a, b: b, d: d)
    return canBeDeferred(x) ? Tensor(x.shape, layout: x.layout, deferred: later) : later.workedOut()
  }

  /// `a[c] · gradient + b[c] · x + d[c]`, in the memory of the gradient where nobody shares that.
  package static func backwardSource(
    _ gradient: consuming Tensor, x: Tensor, a: Tensor, b: Tensor, d: Tensor
  ) -> Tensor {
    let channels = x.shape[1]
    let fill = { (gradient: UnsafePointer<Float>?, result: UnsafeMutablePointer<Float>?) in
      x.withUnsafeFloats { x in
        a.withUnsafeFloats { a in
          b.withUnsafeFloats { b in
            d.withUnsafeFloats { d in
              cc_affine_backward_source(
                Int64(x.count / channels), Int64(channels), gradient, x.baseAddress, a.baseAddress, b.baseAddress,
                d.baseAddress, result)
            }
          }
        }
      }
    }
    var result = gradient
    guard result.isUniquelyReferenced() else {
      return Tensor(x.shape, layout: x.layout) { target in
        result.withUnsafeFloats { fill($0.baseAddress, target.baseAddress) }
      }
    }
    result.withUnsafeMutableFloats { fill($0.baseAddress, $0.baseAddress) }
    return result
  }
}
