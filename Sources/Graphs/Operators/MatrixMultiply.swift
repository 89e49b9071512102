import Compute
import Tensors

/// The matrix product of two computed values, for each index of the axes before the last two.
///
///     y[…, i, j] = Σ a[…, i, k] · b[…, k, j]
///
/// Inputs a `[…, rows, inner]` and b `[…, inner, columns]`; the leading axes repeat as in an addition. For a weight see
/// `Dense`.
package struct MatrixMultiply: Operator {
  package static let name = "matrix-multiply"
  package init() {}

  package func shape(of inputs: [Shape]) throws(ShapeError) -> Shape {
    try require(inputs, count: 2...2)
    let (a, b) = (inputs[0], inputs[1])
    try require(a.rank >= 2 && b.rank >= 2, "matrices are wanted, not \(a) and \(b)")
    try require(a[a.rank - 1] == b[b.rank - 2], "the inner sizes of \(a) and \(b) differ")
    try require(a.count > 0 && b.count > 0, "a matrix of \(a) and \(b) is empty")
    guard
      let outer = Shape.broadcast(Shape(a.dimensions.dropLast(2)), Shape(b.dimensions.dropLast(2))),
      Shape.count(of: outer.dimensions + [a[a.rank - 2], b[b.rank - 1]]) != nil
    else { throw ShapeError(Self.name, "the shapes \(a) and \(b) do not go together") }
    return Shape(outer.dimensions + [a[a.rank - 2], b[b.rank - 1]])
  }

  package func forward(_ inputs: [Tensor], at moment: Moment) -> Evaluation {
    Evaluation(MatrixProduct.batched(inputs[0], inputs[1]))
  }

  package var backwardReadsOutput: Bool { false }

  package func backward(
    _ gradient: Tensor, from evaluation: Evaluation, inputs: [Tensor], needed: [Bool], at moment: Moment
  ) -> [Tensor?] {
    let (a, b) = (inputs[0], inputs[1])
    return [
      needed[0] ? MatrixProduct.batched(gradient, b, transposingB: true).summed(to: a.shape) : nil,
      needed[1] ? MatrixProduct.batched(a, gradient, transposingA: true).summed(to: b.shape) : nil,
    ]
  }

  package func path(for inputs: [Shape]) -> TrainingPath { .oneDNN }
}
