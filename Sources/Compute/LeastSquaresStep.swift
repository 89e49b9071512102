import CCompute
import Tensors

/// The step of evenly spaced values that is nearest to a row of numbers, in the sense of least squares.
package enum LeastSquaresStep {
  /// For each output channel the step s of least Σ (w − s · clip(round(w / s), low, high))² that was found; 0 for a
  /// channel of zeros. Complexity: O(count), from 70 passes for two bits to 250 for eight.
  ///
  /// - Precondition: whole numbers, `low < 0 < high`.
  package static func steps(of weight: Tensor, from low: Float, to high: Float) -> [Float] {
    precondition(low < 0 && high > 0)
    let weight = weight.inLayout(.rowMajor)
    let rows = weight.shape[0]
    return [Float](unsafeUninitializedCapacity: rows) { steps, count in
      weight.withUnsafeFloats {
        cc_least_squares_steps(
          Int64(rows), Int64(rows == 0 ? 0 : weight.count / rows), low, high, $0.baseAddress, steps.baseAddress)
      }
      count = rows
    }
  }
}
