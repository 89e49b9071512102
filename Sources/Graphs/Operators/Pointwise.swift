import Compute
import Tensors

/// A function of each element: sigmoid, hyperbolic tangent, GELU, SiLU and their like.
package struct Pointwise: Operator {
  package static let name = "pointwise"
  package var function: ScalarFunction
  package init(_ function: ScalarFunction) { self.function = function }

  package func shape(of inputs: [Shape]) throws(ShapeError) -> Shape {
    try require(inputs, count: 1...1)
    return inputs[0]
  }

  package func forward(_ inputs: [Tensor], at moment: Moment) -> Evaluation {
    Evaluation(inputs[0].applying(function))
  }

  package var backwardReadsOutput: Bool { false }

  package func backward(
    _ gradient: Tensor, from evaluation: Evaluation, inputs: [Tensor], needed: [Bool], at moment: Moment
  ) -> [Tensor?] {
    [gradient.times(slopeOf: function, at: inputs[0])]
  }

  package func path(for inputs: [Shape]) -> TrainingPath {
    switch function {
    case .logarithm, .power: .plain("one call of the C library for each number")
    default: .fused
    }
  }
}
