import Foundation
import Tensors

/// Exponentials that add up to 1 along an axis.
///
///     y[i] = exp(x[i] − max x) / Σ exp(x[j] − max x)
package struct Softmax: Operator {
  package static let name = "softmax"
  package var axis: Int
  package init(axis: Int) { self.axis = axis }

  package func shape(of inputs: [Shape]) throws(ShapeError) -> Shape {
    try require(inputs, count: 1...1)
    try require(axis >= 0 && axis < inputs[0].rank, "axis \(axis) is outside the \(inputs[0].rank) axes")
    return inputs[0]
  }

  package func forward(_ inputs: [Tensor], at moment: Moment) -> Evaluation {
    let x = inputs[0].inLayout(.rowMajor)
    let (length, step) = (x.shape[axis], x.shape.strides[axis])
    return Evaluation(
      Tensor(x.shape) { y in
        x.withUnsafeFloats { x in
          for start in lineStarts(length, step, x.count) {
            let line = stride(from: start, to: start + length * step, by: step)
            let largest = line.reduce(-Float.infinity) { max($0, x[$1]) }
            var sum: Float = 0
            for i in line {
              y[i] = exp(x[i] - largest)
              sum += y[i]
            }
            for i in line { y[i] /= sum }
          }
        }
      })
  }

  package func backwardReads(input: Int) -> Bool { false }

  package func backward(
    _ gradient: Tensor, from evaluation: Evaluation, inputs: [Tensor], needed: [Bool], at moment: Moment
  ) -> [Tensor?] {
    let (y, gradient) = (evaluation.output, gradient.inLayout(.rowMajor))
    let (length, step) = (y.shape[axis], y.shape.strides[axis])
    let result = Tensor(y.shape) { result in
      y.withUnsafeFloats { y in
        gradient.withUnsafeFloats { gradient in
          for start in lineStarts(length, step, y.count) {
            let line = stride(from: start, to: start + length * step, by: step)
            let along = line.reduce(Float(0)) { $0 + y[$1] * gradient[$1] }
            for i in line { result[i] = y[i] * (gradient[i] - along) }
          }
        }
      }
    }
    return [result]
  }

  /// Where each line along the axis begins.
  private func lineStarts(_ length: Int, _ step: Int, _ count: Int) -> [Int] {
    guard count > 0 else { return [] }
    return stride(from: 0, to: count, by: length * step).flatMap { outer in (outer..<outer + step) }
  }
}
