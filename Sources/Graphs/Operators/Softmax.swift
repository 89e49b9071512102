import Compute
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
    Evaluation(SoftmaxPrimitive.forward(inputs[0], axis: axis))
  }

  package func backwardReads(input: Int) -> Bool { false }

  package func backward(
    _ gradient: Tensor, from evaluation: Evaluation, inputs: [Tensor], needed: [Bool], at moment: Moment
  ) -> [Tensor?] {
    [SoftmaxPrimitive.backward(gradient, y: evaluation.output, axis: axis)]
  }

  package func path(for inputs: [Shape]) -> TrainingPath {
    inputs[0].dimensions[(axis + 1)...].allSatisfy { $0 == 1 }
      ? .fused : .plain("axis \(axis) is not the last, so neighbours are far apart in memory")
  }
}
