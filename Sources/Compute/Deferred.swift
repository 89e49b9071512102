import CCompute
import Synchronization
import Tensors

/// `min(ceiling, max(0, factor[c] · x + offset[c]))`, or without the limits, worked out by whoever reads it.
final class DeferredAffine: DeferredNumbers {
  let x: Tensor
  let affine: RectifiedAffine
  let relu: Bool

  init(_ x: Tensor, affine: RectifiedAffine, relu: Bool) {
    self.x = x
    self.affine = affine
    self.relu = relu
  }

  func workedOut() -> Tensor {
    ChannelAffine.forward(
      x, factor: affine.factor, offset: affine.offset, skip: nil, relu: relu, ceiling: affine.ceiling)
  }
}

/// `a[c] · gradient + b[c] · x + d[c]`, worked out by whoever reads it; with 0 for each gradient that a rectifier held
/// back.
final class DeferredGradient: DeferredNumbers {
  // Handed over when the numbers are worked out, so that they can take its memory.
  private let given: Mutex<Tensor?>
  let x: Tensor
  let rectified: RectifiedAffine?
  let a: Tensor, b: Tensor, d: Tensor

  init(_ gradient: consuming Tensor, x: Tensor, rectified: RectifiedAffine?, a: Tensor, b: Tensor, d: Tensor) {
    given = Mutex(gradient)
    self.x = x
    self.rectified = rectified
    self.a = a
    self.b = b
    self.d = d
  }

  var gradient: Tensor { given.withLock { $0! } }

  func workedOut() -> Tensor {
    let gradient = given.withLock { $0.take()! }
    return if let rectified {
      rectified.backwardSource(consume gradient, x: x, a: a, b: b, d: d)
    } else {
      ChannelAffine.backwardSource(consume gradient, x: x, a: a, b: b, d: d)
    }
  }
}

extension Tensor {
  /// The pixels as a convolution of ours reads them: worked out on the way, where nobody has worked them out before.
  func withPixels<R>(_ body: (UnsafePointer<cc_pixels>) -> R) -> R {
    precondition(layout == .channelsLast, "convolutions read channels last")
    // In another shape other numbers would belong to the channels.
    switch deferred {
    case let later as DeferredAffine where later.x.shape == shape:
      return later.x.withUnsafeFloats { x in
        withParameters([later.affine.factor, later.affine.offset]) { parameters in
          var pixels = cc_pixels()
          pixels.values = x.baseAddress
          (pixels.factor, pixels.offset) = (parameters[0], parameters[1])
          (pixels.ceiling, pixels.rectified) = (later.affine.ceiling, later.relu)
          return body(&pixels)
        }
      }
    case let later as DeferredGradient where later.x.shape == shape:
      let rectified = later.rectified.map { [$0.factor, $0.offset] } ?? []
      return later.gradient.withUnsafeFloats { gradient in
        later.x.withUnsafeFloats { x in
          withParameters([later.a, later.b, later.d] + rectified) { parameters in
            var pixels = cc_pixels()
            (pixels.values, pixels.x) = (gradient.baseAddress, x.baseAddress)
            (pixels.a, pixels.b, pixels.d) = (parameters[0], parameters[1], parameters[2])
            if !rectified.isEmpty { (pixels.factor, pixels.offset) = (parameters[3], parameters[4]) }
            pixels.ceiling = later.rectified?.ceiling ?? .infinity
            return body(&pixels)
          }
        }
      }
    default:
      return withUnsafeFloats {
        var pixels = cc_pixels()
        pixels.values = $0.baseAddress
        return body(&pixels)
      }
    }
  }
}

private func withParameters<R>(_ tensors: [Tensor], _ body: ([UnsafePointer<Float>?]) -> R) -> R {
  func next(_ found: [UnsafePointer<Float>?]) -> R {
    guard found.count < tensors.count else { return body(found) }
    return tensors[found.count].withUnsafeFloats { next(found + [$0.baseAddress]) }
  }
  return next([])
}
