import CCompute
import Tensors

/// Layer normalisation of rows, forward and backward, each in one pass over memory.
package enum LayerNormPrimitive {
  /// `scale · (x − mean) / √(variance + ε) + shift` for each row of x, whose length is that of the scale; with the mean
  /// and the inverse deviation of each row, `[rows]`, for the backward rule.
  package static func forward(_ x: Tensor, scale: Tensor, shift: Tensor, epsilon: Float)
    -> (y: Tensor, mean: Tensor, inverse: Tensor)
  {
    let (x, columns) = (x.inLayout(.rowMajor), scale.count)
    let rows = x.count / max(columns, 1)
    var mean = Tensor([rows], repeating: 0)
    var inverse = Tensor([rows], repeating: 0)
    let (scale, shift) = (scale.inLayout(.rowMajor), shift.inLayout(.rowMajor))
    let y = Tensor(x.shape) { y in
      x.withUnsafeFloats { x in
        scale.withUnsafeFloats { scale in
          shift.withUnsafeFloats { shift in
            mean.withUnsafeMutableFloats { mean in
              inverse.withUnsafeMutableFloats {
                cc_layer_norm(
                  Int64(rows), Int64(columns), epsilon, x.baseAddress, scale.baseAddress, shift.baseAddress,
                  y.baseAddress, mean.baseAddress, $0.baseAddress)
              }
            }
          }
        }
      }
    }
    return (y, mean, inverse)
  }

  /// The gradients for x, the scale and the shift.
  package static func backward(_ gradient: Tensor, x: Tensor, scale: Tensor, mean: Tensor, inverse: Tensor)
    -> (x: Tensor, scale: Tensor, shift: Tensor)
  {
    let (gradient, x, columns) = (gradient.inLayout(.rowMajor), x.inLayout(.rowMajor), scale.count)
    let weights = scale.inLayout(.rowMajor)
    var (scales, shifts) = (Tensor(scale.shape, repeating: 0), Tensor(scale.shape, repeating: 0))
    let result = Tensor(x.shape) { result in
      gradient.withUnsafeFloats { gradient in
        x.withUnsafeFloats { x in
          weights.withUnsafeFloats { weights in
            mean.withUnsafeFloats { mean in
              inverse.withUnsafeFloats { inverse in
                scales.withUnsafeMutableFloats { scales in
                  shifts.withUnsafeMutableFloats {
                    cc_layer_norm_backward(
                      Int64(mean.count), Int64(columns), gradient.baseAddress, x.baseAddress, weights.baseAddress,
                      mean.baseAddress, inverse.baseAddress, result.baseAddress, scales.baseAddress, $0.baseAddress)
                  }
                }
              }
            }
          }
        }
      }
    }
    return (result, scales, shifts)
  }
}

/// Exponentials that add up to 1 along an axis.
package enum SoftmaxPrimitive {
  package static func forward(_ x: Tensor, axis: Int) -> Tensor {
    let source = x.inLayout(.rowMajor)
    let (outer, length, inner) = x.shape.around(axis)
    return Tensor(x.shape) { y in
      source.withUnsafeFloats { cc_softmax(outer, length, inner, $0.baseAddress, y.baseAddress) }
    }
  }

  package static func backward(_ gradient: Tensor, y: Tensor, axis: Int) -> Tensor {
    let (gradient, y) = (gradient.inLayout(.rowMajor), y.inLayout(.rowMajor))
    let (outer, length, inner) = y.shape.around(axis)
    return Tensor(y.shape) { result in
      y.withUnsafeFloats { y in
        gradient.withUnsafeFloats {
          cc_softmax_backward(outer, length, inner, y.baseAddress, $0.baseAddress, result.baseAddress)
        }
      }
    }
  }
}

/// Rows of a table by their numbers.
package enum GatherPrimitive {
  /// Along `axis` of the table, the rows that `places` name, in its shape. What is no place gives what is no number.
  package static func forward(_ table: Tensor, places: Tensor, axis: Int) -> Tensor {
    let (rows, numbers) = (table.inLayout(.rowMajor), places.inLayout(.rowMajor))
    let (outer, size, inner) = table.shape.around(axis)
    let dimensions = table.shape.dimensions
    return Tensor(Shape(dimensions[..<axis] + places.shape.dimensions + dimensions[(axis + 1)...])) { y in
      rows.withUnsafeFloats { rows in
        numbers.withUnsafeFloats {
          cc_gather(outer, size, inner, Int64($0.count), rows.baseAddress, $0.baseAddress, y.baseAddress)
        }
      }
    }
  }

  package static func backward(_ gradient: Tensor, table: Shape, places: Tensor, axis: Int) -> Tensor {
    let (gradient, numbers) = (gradient.inLayout(.rowMajor), places.inLayout(.rowMajor))
    let (outer, size, inner) = table.around(axis)
    return Tensor(table) { result in
      gradient.withUnsafeFloats { gradient in
        numbers.withUnsafeFloats {
          cc_gather_backward(
            outer, size, inner, Int64($0.count), gradient.baseAddress, $0.baseAddress, result.baseAddress)
        }
      }
    }
  }
}

extension Shape {
  /// How many elements lie outside an axis, along it, and inside it.
  func around(_ axis: Int) -> (outer: Int64, length: Int64, inner: Int64) {
    (
      Int64(dimensions[..<axis].reduce(1, *)), Int64(dimensions[axis]), Int64(dimensions[(axis + 1)...].reduce(1, *))
    )
  }
}
