import Compute
import Tensors

/// The difference of two tensors; where one has size 1 along an axis, or fewer axes, it is repeated.
package struct Subtract: Operator {
  package static let name = "subtract"
  package init() {}

  package func shape(of inputs: [Shape]) throws(ShapeError) -> Shape { try broadcastShape(inputs) }

  package func forward(_ inputs: [Tensor], at moment: Moment) -> Evaluation {
    Evaluation(inputs[0].combined(.minus, with: inputs[1]))
  }

  package func backwardReads(input: Int) -> Bool { false }
  package var backwardReadsOutput: Bool { false }

  package func backward(
    _ gradient: Tensor, from evaluation: Evaluation, inputs: [Tensor], needed: [Bool], at moment: Moment
  ) -> [Tensor?] {
    [
      needed[0] ? gradient.summed(to: inputs[0].shape) : nil,
      needed[1] ? gradient.scaled(by: -1).summed(to: inputs[1].shape) : nil,
    ]
  }

  package func path(for inputs: [Shape]) -> TrainingPath { .fused }
}

/// The product of two tensors, element by element; where one has size 1 along an axis, or fewer axes, it is repeated.
package struct Multiply: Operator {
  package static let name = "multiply"
  package init() {}

  package func shape(of inputs: [Shape]) throws(ShapeError) -> Shape { try broadcastShape(inputs) }

  package func forward(_ inputs: [Tensor], at moment: Moment) -> Evaluation {
    Evaluation(inputs[0].combined(.times, with: inputs[1]))
  }

  package var backwardReadsOutput: Bool { false }

  package func backward(
    _ gradient: Tensor, from evaluation: Evaluation, inputs: [Tensor], needed: [Bool], at moment: Moment
  ) -> [Tensor?] {
    [
      needed[0] ? gradient.combined(.times, with: inputs[1]).summed(to: inputs[0].shape) : nil,
      needed[1] ? gradient.combined(.times, with: inputs[0]).summed(to: inputs[1].shape) : nil,
    ]
  }

  package func path(for inputs: [Shape]) -> TrainingPath { .fused }
}

/// The quotient of two tensors; where one has size 1 along an axis, or fewer axes, it is repeated.
package struct Divide: Operator {
  package static let name = "divide"
  package init() {}

  package func shape(of inputs: [Shape]) throws(ShapeError) -> Shape { try broadcastShape(inputs) }

  package func forward(_ inputs: [Tensor], at moment: Moment) -> Evaluation {
    Evaluation(inputs[0].combined(.over, with: inputs[1]))
  }

  package func backwardReads(input: Int) -> Bool { input == 1 }

  package func backward(
    _ gradient: Tensor, from evaluation: Evaluation, inputs: [Tensor], needed: [Bool], at moment: Moment
  ) -> [Tensor?] {
    // d(a / b) = da / b − y · db / b
    let share = gradient.combined(.over, with: inputs[1])
    return [
      needed[0] ? share.summed(to: inputs[0].shape) : nil,
      needed[1] ? share.combined(.times, with: evaluation.output).scaled(by: -1).summed(to: inputs[1].shape) : nil,
    ]
  }

  package func path(for inputs: [Shape]) -> TrainingPath { .fused }
}

/// x where it is above 0, else x times a learned slope, which is repeated to the shape of x.
///
/// He et al., 2015, https://arxiv.org/abs/1502.01852
package struct LearnedLeak: Operator {
  package static let name = "learned-leak"
  package init() {}

  package func shape(of inputs: [Shape]) throws(ShapeError) -> Shape {
    let shape = try broadcastShape(inputs)
    try require(shape == inputs[0], "the slope \(inputs[1]) does not repeat to \(inputs[0])")
    return shape
  }

  package func forward(_ inputs: [Tensor], at moment: Moment) -> Evaluation {
    Evaluation(inputs[0].combined(.leak, with: inputs[1]))
  }

  package var backwardReadsOutput: Bool { false }

  package func backward(
    _ gradient: Tensor, from evaluation: Evaluation, inputs: [Tensor], needed: [Bool], at moment: Moment
  ) -> [Tensor?] {
    [
      needed[0] ? inputs[0].combined(.leakSlope, with: inputs[1]).combined(.times, with: gradient) : nil,
      needed[1] ? inputs[0].combined(.negativePart, with: gradient).summed(to: inputs[1].shape) : nil,
    ]
  }

  package var parameterInputs: [Int] { [1] }

  package func path(for inputs: [Shape]) -> TrainingPath { .fused }
}

extension Operator {
  /// The shape that two inputs repeat to.
  func broadcastShape(_ inputs: [Shape]) throws(ShapeError) -> Shape {
    try require(inputs, count: 2...2)
    guard let shape = Shape.broadcast(inputs[0], inputs[1]) else {
      throw ShapeError(Self.name, "the shapes \(inputs[0]) and \(inputs[1]) do not go together")
    }
    return shape
  }
}
