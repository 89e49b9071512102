import CCompute
import Tensors

/// A weight made of powers of its own size, for each output channel, between the weight itself and its signs:
///
///     m = mean |w|,  v = w / m,  r = v · (v² + ε²)^((s − 1) / 2),  q = m · r / mean |r|
///
/// At s = 1 it is the weight; at s = ε = 0 it is m · sign(w). A channel of zeros stays as it is.
package enum GroupTransformPrimitive {
  /// - Precondition: `softness` ε above 0.
  package static func forward(_ weight: Tensor, share: Float, softness: Float) -> Tensor {
    precondition(softness > 0, "softness is above 0")
    let weight = weight.inLayout(.rowMajor)
    let (rows, columns) = weight.rows
    return Tensor(weight.shape) { result in
      weight.withUnsafeFloats {
        cc_group_transform(rows, columns, share, softness, $0.baseAddress, result.baseAddress)
      }
    }
  }

  /// The exact gradient for the weight, the means included; at a softness of 0 that of m · sign(w).
  package static func backward(_ gradient: Tensor, weight: Tensor, share: Float, softness: Float) -> Tensor {
    let (gradient, weight) = (gradient.inLayout(.rowMajor), weight.inLayout(.rowMajor))
    let (rows, columns) = weight.rows
    return Tensor(weight.shape) { result in
      weight.withUnsafeFloats { weight in
        gradient.withUnsafeFloats {
          cc_group_transform_backward(
            rows, columns, share, softness, weight.baseAddress, $0.baseAddress, result.baseAddress)
        }
      }
    }
  }
}

extension Tensor {
  /// How many output channels a weight has, and how many numbers feed each.
  fileprivate var rows: (Int64, Int64) { (Int64(shape[0]), Int64(shape[0] == 0 ? 0 : count / shape[0])) }
}
