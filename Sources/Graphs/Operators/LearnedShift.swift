import Compute
import Tensors

/// x plus a learned number, which is repeated to the shape of x: for each channel, `[channels, 1, 1]`.
///
/// As `Add` with a constant, but that training moves the constant.
package struct LearnedShift: Operator {
  package static let name = "learned-shift"
  package init() {}

  package func shape(of inputs: [Shape]) throws(ShapeError) -> Shape {
    let shape = try broadcastShape(inputs)
    try require(shape == inputs[0], "the shift \(inputs[1]) does not repeat to \(inputs[0])")
    return shape
  }

  package func forward(_ inputs: [Tensor], at moment: Moment) -> Evaluation {
    Evaluation(inputs[0].combined(.plus, with: inputs[1]))
  }

  package func backwardReads(input: Int) -> Bool { false }
  package var backwardReadsOutput: Bool { false }

  package func backward(
    _ gradient: Tensor, from evaluation: Evaluation, inputs: [Tensor], needed: [Bool], at moment: Moment
  ) -> [Tensor?] {
    [gradient, needed[1] ? gradient.summed(to: inputs[1].shape) : nil]
  }

  package var parameterInputs: [Int] { [1] }

  package func path(for inputs: [Shape]) -> TrainingPath { .fused }
}
