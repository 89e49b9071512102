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

  /// Adds a tensor of the same shape, in place where nobody shares the memory.
  package mutating func add(_ other: Tensor) {
    guard isUniquelyReferenced() else {
      self = adding(other)
      return
    }
    precondition(shape == other.shape, "shapes \(shape) and \(other.shape) differ")
    let other = other.inLayout(layout)
    withUnsafeMutableFloats { a in
      other.withUnsafeFloats { cc_add(Int64(a.count), a.baseAddress, $0.baseAddress, a.baseAddress) }
    }
  }

  /// Every element brought into `minimum ... maximum`.
  package func clipped(_ minimum: Float, _ maximum: Float) -> Tensor {
    Tensor(shape, layout: layout) { result in
      withUnsafeFloats { cc_clip(Int64($0.count), minimum, maximum, $0.baseAddress, result.baseAddress) }
    }
  }

  /// This gradient where `minimum < x < maximum`, elsewhere 0: in place where nobody shares its memory.
  package consuming func masked(where x: Tensor, isBetween minimum: Float, and maximum: Float) -> Tensor {
    var gradient = self
    if gradient.layout != x.layout { gradient = gradient.inLayout(x.layout) }
    let fill = { (gradient: UnsafePointer<Float>?, result: UnsafeMutablePointer<Float>?) in
      x.withUnsafeFloats { cc_clip_backward(Int64($0.count), minimum, maximum, $0.baseAddress, gradient, result) }
    }
    guard gradient.isUniquelyReferenced() else {
      return Tensor(x.shape, layout: x.layout) { result in
        gradient.withUnsafeFloats { fill($0.baseAddress, result.baseAddress) }
      }
    }
    gradient.withUnsafeMutableFloats { fill($0.baseAddress, $0.baseAddress) }
    return gradient
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
