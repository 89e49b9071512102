import CCompute
import Tensors

/// A factor and an offset for each channel with a rectifier behind, as the way back sees it:
///
///     y = min(ceiling, max(0, factor[c] · x + offset[c]))
///
/// Which values were let through is found again from x, so that y is neither kept nor read.
package struct RectifiedAffine {
  package var factor: Tensor
  package var offset: Tensor
  package var ceiling: Float

  package init(factor: Tensor, offset: Tensor, ceiling: Float = .infinity) {
    self.factor = factor
    self.offset = offset
    self.ceiling = ceiling
  }

  private func withRectified<R>(_ body: (UnsafePointer<cc_rectified>) -> R) -> R {
    factor.withUnsafeFloats { factor in
      offset.withUnsafeFloats { offset in
        var rectified = cc_rectified(factor: factor.baseAddress, offset: offset.baseAddress, ceiling: ceiling)
        return body(&rectified)
      }
    }
  }

  /// For each channel the sum of the gradient that was let through, and of its product with `x − mean`.
  package func backwardSums(_ gradient: Tensor, x: Tensor, mean: Tensor) -> (sums: Tensor, products: Tensor) {
    let (channels, rows) = (x.shape[1], x.count / max(x.shape[1], 1))
    var products = Tensor([channels], repeating: 0)
    let sums = Tensor([channels]) { sums in
      gradient.withUnsafeFloats { gradient in
        x.withUnsafeFloats { x in
          mean.withUnsafeFloats { mean in
            products.withUnsafeMutableFloats { products in
              withRectified {
                cc_rectified_backward_sums(
                  Int64(rows), Int64(channels), gradient.baseAddress, x.baseAddress, $0, mean.baseAddress,
                  sums.baseAddress, products.baseAddress)
              }
            }
          }
        }
      }
    }
    return (sums, products)
  }

  /// `a[c] · (gradient that was let through) + b[c] · x + d[c]`, in the memory of the gradient where nobody shares
  /// that.
  package func backwardSource(_ gradient: consuming Tensor, x: Tensor, a: Tensor, b: Tensor, d: Tensor) -> Tensor {
    let (channels, rows) = (x.shape[1], x.count / max(x.shape[1], 1))
    let fill = { (gradient: UnsafePointer<Float>?, result: UnsafeMutablePointer<Float>?) in
      x.withUnsafeFloats { x in
        a.withUnsafeFloats { a in
          b.withUnsafeFloats { b in
            d.withUnsafeFloats { d in
              withRectified {
                cc_rectified_backward_source(
                  Int64(rows), Int64(channels), gradient, x.baseAddress, $0, a.baseAddress, b.baseAddress,
                  d.baseAddress, result)
              }
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
