import Compute
import Tensors

/// Parts of a table along an axis, by their numbers: the embedding of tokens.
///
/// Inputs: a table, and places as whole numbers from 0 to the size of the axis − 1. A place that is none gives what is
/// not a number, so that it is seen. The output has the axes of the places where the table has its axis:
/// `[vocabulary, features]` and `[batch, tokens]` to `[batch, tokens, features]`.
package struct Gather: Operator {
  package static let name = "gather"
  package var axis: Int
  package init(axis: Int = 0) { self.axis = axis }

  package func shape(of inputs: [Shape]) throws(ShapeError) -> Shape {
    try require(inputs, count: 2...2)
    let (table, places) = (inputs[0], inputs[1])
    try require(axis >= 0 && axis < table.rank, "axis \(axis) is outside the \(table.rank) axes")
    // Above it not every whole number is a Float.
    try require(table[axis] <= 1 << 24, "the table has \(table[axis]) rows; at most \(1 << 24) are supported")
    let dimensions = table.dimensions[..<axis] + places.dimensions + table.dimensions[(axis + 1)...]
    try require(Shape.count(of: Array(dimensions)) != nil, "the output is too large")
    return Shape(Array(dimensions))
  }

  package func forward(_ inputs: [Tensor], at moment: Moment) -> Evaluation {
    Evaluation(GatherPrimitive.forward(inputs[0], places: inputs[1], axis: axis))
  }

  package func backwardReads(input: Int) -> Bool { input == 1 }
  package var backwardReadsOutput: Bool { false }

  package func backward(
    _ gradient: Tensor, from evaluation: Evaluation, inputs: [Tensor], needed: [Bool], at moment: Moment
  ) -> [Tensor?] {
    guard needed[0] else { return [nil, nil] }
    return [GatherPrimitive.backward(gradient, table: inputs[0].shape, places: inputs[1], axis: axis), nil]
  }

  package var parameterInputs: [Int] { [0] }

  package func path(for inputs: [Shape]) -> TrainingPath { .moving }
}
