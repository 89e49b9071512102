import CCompute
import Tensors

extension Tensor {
  /// The sum of two tensors of one shape, element by element.
  package func adding(_ other: Tensor) -> Tensor {
    precondition(shape == other.shape, "shapes \(shape) and \(other.shape) differ")
    let other = other.inLayout(layout)
    return Tensor(shape, layout: layout) { result in
      withUnsafeFloats { a in
        other.withUnsafeFloats { cc_add(Int64(a.count), a.baseAddress, $0.baseAddress, result.baseAddress) }
      }
    }
  }

  /// Every element brought into `minimum ... maximum`.
  package func clipped(_ minimum: Float, _ maximum: Float) -> Tensor {
    Tensor(shape, layout: layout) { result in
      withUnsafeFloats { cc_clip(Int64($0.count), minimum, maximum, $0.baseAddress, result.baseAddress) }
    }
  }

  /// This gradient where `minimum < x < maximum`, elsewhere 0.
  package func masked(where x: Tensor, isBetween minimum: Float, and maximum: Float) -> Tensor {
    let gradient = inLayout(x.layout)
    return Tensor(shape, layout: x.layout) { result in
      x.withUnsafeFloats { x in
        gradient.withUnsafeFloats {
          cc_clip_backward(Int64(x.count), minimum, maximum, x.baseAddress, $0.baseAddress, result.baseAddress)
        }
      }
    }
  }
}

extension Tensor {
  /// Whether no element is infinite or not a number. Complexity: O(count).
  package var isFinite: Bool { withUnsafeFloats { cc_all_finite(Int64($0.count), $0.baseAddress) } }
}

/// One step of stochastic gradient descent with momentum.
///
///     v ← momentum · v + g + decay · w
///     w ← w − rate · v        (with Nesterov: w − rate · (g + decay · w + momentum · v))
package func momentumStep(
  weight: inout Tensor, velocity: inout Tensor, gradient: Tensor, rate: Float, momentum: Float, decay: Float,
  nesterov: Bool
) {
  precondition(weight.shape == gradient.shape && velocity.shape == gradient.shape)
  let gradient = gradient.inLayout(weight.layout)
  weight.withUnsafeMutableFloats { weight in
    velocity.withUnsafeMutableFloats { velocity in
      gradient.withUnsafeFloats { gradient in
        cc_momentum_step(
          Int64(gradient.count), rate, momentum, decay, nesterov, gradient.baseAddress, velocity.baseAddress,
          weight.baseAddress)
      }
    }
  }
}
