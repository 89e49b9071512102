import Tensors

/// Its input, unchanged.
package struct Identity: Operator {
  package static let name = "identity"
  package init() {}

  package func shape(of inputs: [Shape]) throws(ShapeError) -> Shape {
    try require(inputs, count: 1...1)
    return inputs[0]
  }

  package func forward(_ inputs: [Tensor], at moment: Moment) -> Evaluation { Evaluation(inputs[0]) }

  package func backwardReads(input: Int) -> Bool { false }
  package var backwardReadsOutput: Bool { false }

  package func backward(
    _ gradient: Tensor, from evaluation: Evaluation, inputs: [Tensor], needed: [Bool], at moment: Moment
  ) -> [Tensor?] { [gradient] }

  package func path(for inputs: [Shape]) -> TrainingPath { .moving }
}
