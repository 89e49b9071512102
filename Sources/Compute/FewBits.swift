import CCompute
import Tensors

/// The slope that a sign is given on the way back, since its own is 0.
package enum SignSlope: Hashable, Sendable {
  /// 1 between −1 and 1, else 0.
  case straightThrough
  /// `max(0, 2 − 2 · |x|)`: the slope of the parabolas that come nearest to a sign.
  case approximate
  /// `max(1, t) · (1 − tanh²(t · x))`, where t is the sharpness.
  case errorDecay(sharpness: Float)

  fileprivate var loop: (slope: cc_sign_slope, sharpness: Float) {
    switch self {
    case .straightThrough: (CC_STRAIGHT_THROUGH, 1)
    case .approximate: (CC_APPROXIMATE, 1)
    case .errorDecay(let sharpness): (CC_ERROR_DECAY, sharpness)
    }
  }
}

/// Whole numbers from a smallest to a largest, times a step: what a number of few bits can be.
package struct Staircase: Hashable, Sendable {
  package var step: Float
  package var minimum: Float
  package var maximum: Float

  /// - Precondition: the step is above 0, the bounds are whole and smaller than 2²².
  package init(step: Float, minimum: Float, maximum: Float) {
    precondition(!(step <= 0) && minimum <= maximum, "a staircase rises")
    self.step = step
    self.minimum = minimum
    self.maximum = maximum
  }

  /// The slope of the mean level of x / step with logistic noise, between which straight lines are drawn.
  ///
  /// - Parameter spread: of the noise, as a part of the step; from 0.05 on it stays exact.
  fileprivate func smoothSlopes(spread: Float) -> [Float] {
    let samples = (Int(maximum - minimum) + 2) * Self.density + 1
    return [Float](unsafeUninitializedCapacity: samples) { slopes, count in
      cc_smooth_slopes(minimum, maximum, spread, Int64(Self.density), slopes.baseAddress)
      count = samples
    }
  }

  private static let density = 64

  fileprivate func withLoop<R>(slopes: [Float]?, _ body: (UnsafePointer<cc_staircase>) -> R) -> R {
    var stairs = cc_staircase(
      step: step, minimum: minimum, maximum: maximum, slopes: nil, samples: Int64(slopes?.count ?? 0),
      density: Int64(Self.density))
    guard let slopes else { return body(&stairs) }
    return slopes.withUnsafeBufferPointer {
      stairs.slopes = $0.baseAddress
      return body(&stairs)
    }
  }
}

extension Tensor {
  /// +1 where a number is 0 or above, else −1. Complexity: O(count), as vector code on all threads.
  package var bits: Tensor {
    Tensor(shape, layout: layout) { y in
      withUnsafeFloats { cc_sign(Int64($0.count), $0.baseAddress, y.baseAddress) }
    }
  }

  /// This gradient times a slope of the sign at `x`: in place where nobody shares its memory.
  package consuming func times(_ slope: SignSlope, at x: Tensor) -> Tensor {
    let loop = slope.loop
    return changed(like: x) { x, gradient, result in
      cc_sign_backward(loop.slope, loop.sharpness, Int64(x.count), x.baseAddress, gradient, result)
    }
  }

  /// Each number brought to the nearest of a staircase, halves to the even one. Complexity: O(count).
  package func quantized(to stairs: Staircase) -> Tensor {
    Tensor(shape, layout: layout) { y in
      withUnsafeFloats { x in
        stairs.withLoop(slopes: nil) { cc_quantize($0, Int64(x.count), x.baseAddress, y.baseAddress) }
      }
    }
  }

  /// This gradient behind a staircase, for what went in, and for the step: in place where nobody shares its memory.
  ///
  ///     for x: gradient · slope(x / step);   for the step: Σ gradient · (level − slope(x / step) · x / step)
  ///
  /// - Parameter spread: nil takes 1 between the bounds and 0 beyond for the slope; otherwise the slope of the mean
  ///   level under logistic noise of this spread, as a part of the step.
  /// - Complexity: O(count), with sums that do not depend on the number of threads, nor on the layout of an image.
  package consuming func behind(_ stairs: Staircase, at x: Tensor, spread: Float?) -> (source: Tensor, step: Float) {
    let x = x.shape.rank == 4 ? x.inLayout(.channelsLast) : x
    let slopes = spread.map(stairs.smoothSlopes)
    var sum = 0.0
    let source = changed(like: x) { x, gradient, result in
      sum = stairs.withLoop(slopes: slopes) {
        cc_quantize_backward($0, Int64(x.count), x.baseAddress, gradient, result)
      }
    }
    return (source, Float(sum))
  }

  /// What a loop makes of `x` and these numbers, in the layout of `x`, and in the memory of these where it may.
  private consuming func changed(
    like x: Tensor,
    _ loop: (UnsafeBufferPointer<Float>, UnsafePointer<Float>?, UnsafeMutablePointer<Float>?) -> Void
  ) -> Tensor {
    var gradient = self
    if gradient.layout != x.layout { gradient = gradient.inLayout(x.layout) }
    guard gradient.isUniquelyReferenced() else {
      return Tensor(x.shape, layout: x.layout) { result in
        x.withUnsafeFloats { x in gradient.withUnsafeFloats { loop(x, $0.baseAddress, result.baseAddress) } }
      }
    }
    gradient.withUnsafeMutableFloats { result in x.withUnsafeFloats { loop($0, result.baseAddress, result.baseAddress) }
    }
    return gradient
  }
}
