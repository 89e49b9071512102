import CCompute
import Tensors

/// Rounding to whole steps, forward and backward, with a step for each row: for each output channel of a weight.
package enum StepRounding {
  /// How many steps each element of `[rows, …]` is, rounded to the nearest whole number (halves to even) within the
  /// symbols; row-major. Complexity: O(count), as vector code on all threads.
  ///
  /// - Precondition: a step above 0 for each row.
  package static func symbols(_ x: Tensor, steps: [Float], within symbols: ClosedRange<Int8>) -> [Int8] {
    precondition(steps.count == x.shape[0], "\(steps.count) steps for \(x.shape)")
    let x = x.inLayout(.rowMajor)
    return [Int8](unsafeUninitializedCapacity: x.count) { result, count in
      x.withUnsafeFloats {
        cc_round_to_steps(
          Int64(steps.count), columns(x), Float(symbols.lowerBound), Float(symbols.upperBound), $0.baseAddress, steps,
          result.baseAddress)
      }
      count = x.count
    }
  }

  /// The gradients for x and for the step of each row, given the gradient for the rounded value, with v = x / step:
  ///
  ///     ∂/∂x    = gradient where lowest ≤ v ≤ highest, else 0
  ///     ∂/∂step = Σ gradient · (round(v) − v inside, lowest below, highest above)
  package static func backward(
    _ gradient: Tensor, x: Tensor, steps: [Float], within symbols: ClosedRange<Int8>
  ) -> (x: Tensor, steps: [Float]) {
    precondition(steps.count == x.shape[0] && gradient.shape == x.shape)
    let (gradient, x) = (gradient.inLayout(.rowMajor), x.inLayout(.rowMajor))
    var sums = [Float](repeating: 0, count: steps.count)
    let result = Tensor(x.shape) { result in
      x.withUnsafeFloats { numbers in
        gradient.withUnsafeFloats {
          cc_round_to_steps_backward(
            Int64(steps.count), columns(x), Float(symbols.lowerBound), Float(symbols.upperBound),
            numbers.baseAddress, steps, $0.baseAddress, result.baseAddress, &sums)
        }
      }
    }
    return (result, sums)
  }

  private static func columns(_ x: Tensor) -> Int64 { Int64(x.shape[0] == 0 ? 0 : x.count / x.shape[0]) }
}

extension Tensor {
  /// The mean magnitude of each row of `[rows, …]`: of each output channel of a weight. 0 for a row of nothing.
  package var rowMeanMagnitudes: [Float] {
    let (rows, columns) = (shape[0], shape[0] == 0 ? 0 : count / shape[0])
    guard columns > 0 else { return [Float](repeating: 0, count: rows) }
    return [Float](unsafeUninitializedCapacity: rows) { means, initialized in
      inLayout(.rowMajor).withUnsafeFloats {
        cc_row_magnitudes(Int64(rows), Int64(columns), $0.baseAddress, means.baseAddress)
      }
      for row in 0..<rows { means[row] /= Float(columns) }
      initialized = rows
    }
  }
}
