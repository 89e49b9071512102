import Compute
import Tensors

/// The sum of two tensors; where one has size 1 along an axis, or fewer axes, it is repeated.
package struct Add: Operator {
  package static let name = "add"
  package init() {}

  package func shape(of inputs: [Shape]) throws(ShapeError) -> Shape {
    try broadcastShape(inputs)
  }

  package func forward(_ inputs: [Tensor], at moment: Moment) -> Evaluation {
    Evaluation(inputs[0].combined(.plus, with: inputs[1]))
  }

  package func backwardReads(input: Int) -> Bool { false }
  package var backwardReadsOutput: Bool { false }

  package func backward(
    _ gradient: Tensor, from evaluation: Evaluation, inputs: [Tensor], needed: [Bool], at moment: Moment
  ) -> [Tensor?] {
    zip(inputs, needed).map { $1 ? gradient.summed(to: $0.shape) : nil }
  }

  package func path(for inputs: [Shape]) -> TrainingPath { .fused }
}
