import CCompute
import Tensors

/// What is left of the numbers along an axis, beside their sum.
package enum Reduction: String, Sendable, Hashable, Codable, CaseIterable {
  case product, largest, smallest

  fileprivate var loop: cc_reduction {
    switch self {
    case .product: CC_REDUCE_PRODUCT
    case .largest: CC_REDUCE_LARGEST
    case .smallest: CC_REDUCE_SMALLEST
    }
  }
}

/// What becomes of an element at whose place another one is put.
package enum Scattering: String, Sendable, Hashable, Codable, CaseIterable {
  case replacing, adding, multiplying, largest, smallest

  fileprivate var loop: cc_scatter {
    switch self {
    case .replacing: CC_SCATTER_REPLACING
    case .adding: CC_SCATTER_ADDING
    case .multiplying: CC_SCATTER_MULTIPLYING
    case .largest: CC_SCATTER_LARGEST
    case .smallest: CC_SCATTER_SMALLEST
    }
  }
}

extension Tensor {
  /// The product, the largest or the smallest number along an axis, which stays with size 1.
  package func reduced(_ reduction: Reduction, axis: Int) -> Tensor {
    let source = inLayout(.rowMajor)
    let (outer, length, inner) = shape.around(axis)
    var dimensions = shape.dimensions
    dimensions[axis] = 1
    return Tensor(Shape(dimensions)) { y in
      source.withUnsafeFloats { cc_reduce(reduction.loop, outer, length, inner, $0.baseAddress, y.baseAddress) }
    }
  }

  /// Along an axis, which element comes first, which next: of equal ones the first, what is not a number last.
  package func order(axis: Int, descending: Bool) -> Tensor {
    let source = inLayout(.rowMajor)
    let (outer, length, inner) = shape.around(axis)
    return Tensor(shape) { y in
      source.withUnsafeFloats { cc_order(descending, outer, length, inner, $0.baseAddress, y.baseAddress) }
    }
  }

  /// The elements along an axis that `places` names, for every index of the other axes.
  package func gatheringElements(at places: Tensor, axis: Int) -> Tensor {
    let (source, places) = (inLayout(.rowMajor), places.inLayout(.rowMajor))
    let (outer, length, inner) = shape.around(axis)
    let count = Int64(places.shape[axis])
    return Tensor(places.shape) { y in
      source.withUnsafeFloats { x in
        places.withUnsafeFloats {
          cc_gather_elements(outer, length, inner, count, x.baseAddress, $0.baseAddress, y.baseAddress)
        }
      }
    }
  }

  /// This tensor with `values` put along an axis at `places`, for every index of the other axes.
  package func scatteringElements(_ values: Tensor, at places: Tensor, axis: Int, _ scattering: Scattering) -> Tensor {
    let (source, places, values) = (inLayout(.rowMajor), places.inLayout(.rowMajor), values.inLayout(.rowMajor))
    let (outer, length, inner) = shape.around(axis)
    let count = Int64(places.shape[axis])
    return Tensor(shape) { y in
      source.withUnsafeFloats { x in
        places.withUnsafeFloats { places in
          values.withUnsafeFloats {
            cc_scatter_elements(
              scattering.loop, outer, length, inner, count, x.baseAddress, places.baseAddress, $0.baseAddress,
              y.baseAddress)
          }
        }
      }
    }
  }

  /// Along an axis, for each row of `places` and `weights`, both `[count, taps]`, the sum of the weighted elements
  /// there.
  package func resampled(axis: Int, places: Tensor, weights: Tensor) -> Tensor {
    let source = inLayout(.rowMajor)
    let (outer, size, inner) = shape.around(axis)
    var dimensions = shape.dimensions
    dimensions[axis] = places.shape[0]
    return Tensor(Shape(dimensions)) { y in
      Tensor.withTaps(places, weights) { count, taps, places, weights in
        source.withUnsafeFloats {
          cc_resample(outer, size, inner, count, taps, places, weights, $0.baseAddress, y.baseAddress)
        }
      }
    }
  }

  /// The reverse of `resampled`: this gradient for a tensor of the given shape.
  package func resampledBackward(to shape: Shape, axis: Int, places: Tensor, weights: Tensor) -> Tensor {
    let source = inLayout(.rowMajor)
    let (outer, size, inner) = shape.around(axis)
    return Tensor(shape) { result in
      Tensor.withTaps(places, weights) { count, taps, places, weights in
        source.withUnsafeFloats {
          cc_resample_backward(outer, size, inner, count, taps, places, weights, $0.baseAddress, result.baseAddress)
        }
      }
    }
  }

  private static func withTaps(
    _ places: Tensor, _ weights: Tensor,
    _ body: (Int64, Int64, UnsafePointer<Float>?, UnsafePointer<Float>?) -> Void
  ) {
    places.withUnsafeFloats { p in
      weights.withUnsafeFloats { body(Int64(places.shape[0]), Int64(places.shape[1]), p.baseAddress, $0.baseAddress) }
    }
  }
}
