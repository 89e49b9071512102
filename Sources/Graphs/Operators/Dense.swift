import Compute
import Tensors

/// A matrix product with a weight, along the last axis; plus a bias if there is a third input.
///
///     y[…, o] = bias[o] + Σ weight[o, i] · x[…, i]
///
/// Input `[batch, …, in]`, weight `[out, in]`, bias `[out]`.
package struct Dense: Operator {
  package static let name = "dense"
  package init() {}

  package func shape(of inputs: [Shape]) throws(ShapeError) -> Shape {
    try require(inputs, count: 2...3)
    let (x, weight) = (inputs[0], inputs[1])
    try require(weight.rank == 2, "the weight must have 2 axes, not \(weight.rank)")
    try require(weight.count > 0, "the weight \(weight) is empty")
    try require(x.rank >= 1, "the input is a single number")
    try require(x[x.rank - 1] == weight[1], "the input has \(x[x.rank - 1]) features, the weight wants \(weight[1])")
    if inputs.count == 3 { try require(inputs[2] == [weight[0]], "the bias is \(inputs[2]), not [\(weight[0])]") }
    let dimensions = x.dimensions.dropLast() + [weight[0]]
    try require(Shape.count(of: Array(dimensions)) != nil, "the output is too large")
    return Shape(Array(dimensions))
  }

  package func forward(_ inputs: [Tensor], at moment: Moment) -> Evaluation {
    let (x, weight) = (inputs[0], inputs[1])
    var y = MatrixProduct.product(rows(x), weight, transposingB: true)
    if inputs.count == 3 { MatrixProduct.addBias(inputs[2], to: &y) }
    return Evaluation(y.reshaped(Shape(x.shape.dimensions.dropLast() + [weight.shape[0]])))
  }

  package var backwardReadsOutput: Bool { false }

  package func backward(
    _ gradient: Tensor, from evaluation: Evaluation, inputs: [Tensor], needed: [Bool], at moment: Moment
  ) -> [Tensor?] {
    let (x, weight, gradient) = (inputs[0], inputs[1], rows(gradient))
    var result = [Tensor?](repeating: nil, count: inputs.count)
    if needed[0] { result[0] = MatrixProduct.product(gradient, weight).reshaped(x.shape) }
    if needed[1] { result[1] = MatrixProduct.product(gradient, rows(x), transposingA: true) }
    if inputs.count == 3, needed[2] { result[2] = MatrixProduct.columnSums(gradient) }
    return result
  }

  private func rows(_ x: Tensor) -> Tensor {
    let features = x.shape[x.shape.rank - 1]
    return x.reshaped([x.count / max(features, 1), features])
  }

  package var parameterInputs: [Int] { [1, 2] }

  package func path(for inputs: [Shape]) -> TrainingPath { .oneDNN }
}
