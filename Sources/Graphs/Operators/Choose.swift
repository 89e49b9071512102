import Compute
import Tensors

/// Elements of the second input where the first is not 0, and of the third where it is; each repeats where it must.
package struct Choose: Operator {
  package static let name = "choose"
  package init() {}

  package func shape(of inputs: [Shape]) throws(ShapeError) -> Shape {
    try require(inputs, count: 3...3)
    guard let sides = Shape.broadcast(inputs[1], inputs[2]), let shape = Shape.broadcast(sides, inputs[0]) else {
      throw ShapeError(Self.name, "the shapes \(inputs[0]), \(inputs[1]) and \(inputs[2]) do not go together")
    }
    return shape
  }

  package func forward(_ inputs: [Tensor], at moment: Moment) -> Evaluation {
    Evaluation(inputs[0].choosing(inputs[1], otherwise: inputs[2]))
  }

  package func backwardReads(input: Int) -> Bool { input == 0 }
  package var backwardReadsOutput: Bool { false }

  package func backward(
    _ gradient: Tensor, from evaluation: Evaluation, inputs: [Tensor], needed: [Bool], at moment: Moment
  ) -> [Tensor?] {
    let none = Tensor(scalar: 0)
    return [
      nil,
      needed[1] ? inputs[0].choosing(gradient, otherwise: none).summed(to: inputs[1].shape) : nil,
      needed[2] ? inputs[0].choosing(none, otherwise: gradient).summed(to: inputs[2].shape) : nil,
    ]
  }

  package func path(for inputs: [Shape]) -> TrainingPath { .fused }
}

/// 1 where an element is not a number, else 0. It has no slope.
package struct IsNotANumber: Operator {
  package static let name = "is-not-a-number"
  package init() {}

  package func shape(of inputs: [Shape]) throws(ShapeError) -> Shape {
    try require(inputs, count: 1...1)
    return inputs[0]
  }

  package func forward(_ inputs: [Tensor], at moment: Moment) -> Evaluation {
    Evaluation(inputs[0].map { $0.isNaN ? 1 : 0 })
  }

  package func backwardReads(input: Int) -> Bool { false }
  package var backwardReadsOutput: Bool { false }

  package func backward(
    _ gradient: Tensor, from evaluation: Evaluation, inputs: [Tensor], needed: [Bool], at moment: Moment
  ) -> [Tensor?] { [nil] }

  package func path(for inputs: [Shape]) -> TrainingPath { .plain("a loop on one thread") }
}
