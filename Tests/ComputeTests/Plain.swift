import Compute
import Tensors
import Testing

/// The obvious loops, in double precision, that the fast ones are compared with.

/// The element of an image at a place, 0 outside.
func pixel(_ x: [Float], _ shape: Shape, _ n: Int, _ c: Int, _ i: Int, _ j: Int) -> Double {
  guard i >= 0, j >= 0, i < shape[2], j < shape[3] else { return 0 }
  return Double(x[place(shape, n, c, i, j)])
}

func place(_ shape: Shape, _ n: Int, _ c: Int, _ i: Int, _ j: Int) -> Int {
  ((n * shape[1] + c) * shape[2] + i) * shape[3] + j
}

/// Calls the body for each index of a shape of four axes.
func forEachIndex(_ shape: Shape, _ body: (Int, Int, Int, Int) -> Void) {
  for n in 0..<shape[0] {
    for c in 0..<shape[1] { for i in 0..<shape[2] { for j in 0..<shape[3] { body(n, c, i, j) } } }
  }
}

func tensor(_ shape: Shape, _ numbers: [Double]) -> Tensor { Tensor(shape, scalars: numbers.map { Float($0) }) }

/// The largest difference, as a part of the largest number wanted.
func relativeDifference(_ result: Tensor, _ wanted: Tensor) -> Float {
  result.largestDifference(to: wanted) / max(wanted.largestMagnitude, 1e-3)
}

func expectClose(
  _ result: Tensor, _ wanted: Tensor, within tolerance: Float = 1e-5, at location: SourceLocation = #_sourceLocation
) {
  #expect(result.shape == wanted.shape, sourceLocation: location)
  guard result.shape == wanted.shape else { return }
  #expect(relativeDifference(result, wanted) <= tolerance, sourceLocation: location)
}
