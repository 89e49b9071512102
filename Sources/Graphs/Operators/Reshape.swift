import Tensors

/// The same elements, in row-major order, in another shape. 0 copies a dimension of the input, −1 takes what is left.
package struct Reshape: Operator {
  package static let name = "reshape"
  package var dimensions: [Int]
  package init(dimensions: [Int]) { self.dimensions = dimensions }

  package func shape(of inputs: [Shape]) throws(ShapeError) -> Shape {
    try require(inputs, count: 1...1)
    guard let shape = resolved(inputs[0]) else {
      throw ShapeError(Self.name, "\(inputs[0]) cannot take the shape \(dimensions)")
    }
    return shape
  }

  private func resolved(_ input: Shape) -> Shape? {
    var result = dimensions
    guard result.filter({ $0 == -1 }).count <= 1, result.allSatisfy({ $0 >= -1 }) else { return nil }
    for axis in result.indices where result[axis] == 0 {
      guard axis < input.rank else { return nil }
      result[axis] = input[axis]
    }
    if let free = result.firstIndex(of: -1) {
      result[free] = 1
      guard let known = Shape.count(of: result), known > 0, input.count % known == 0 else { return nil }
      result[free] = input.count / known
    }
    return Shape.count(of: result) == input.count ? Shape(result) : nil
  }

  package func forward(_ inputs: [Tensor], at moment: Moment) -> Evaluation {
    guard let shape = resolved(inputs[0].shape) else {
      preconditionFailure("\(inputs[0].shape) cannot take the shape \(dimensions) at this batch")
    }
    return Evaluation(inputs[0].reshaped(shape))
  }

  package func backwardReads(input: Int) -> Bool { false }
  package var backwardReadsOutput: Bool { false }

  package func backward(
    _ gradient: Tensor, from evaluation: Evaluation, inputs: [Tensor], needed: [Bool], at moment: Moment
  ) -> [Tensor?] { [gradient.reshaped(inputs[0].shape)] }

  package func path(for inputs: [Shape]) -> TrainingPath { .moving }
}

/// Two axes out of many: those before `axis`, and the rest.
package struct Flatten: Operator {
  package static let name = "flatten"
  package var axis: Int
  package init(axis: Int = 1) { self.axis = axis }

  package func shape(of inputs: [Shape]) throws(ShapeError) -> Shape {
    try require(inputs, count: 1...1)
    try require(axis >= 0 && axis <= inputs[0].rank, "axis \(axis) is outside the \(inputs[0].rank) axes")
    return flattened(inputs[0])
  }

  private func flattened(_ shape: Shape) -> Shape {
    [shape.dimensions[..<axis].reduce(1, *), shape.dimensions[axis...].reduce(1, *)]
  }

  package func forward(_ inputs: [Tensor], at moment: Moment) -> Evaluation {
    Evaluation(inputs[0].reshaped(flattened(inputs[0].shape)))
  }

  package func backwardReads(input: Int) -> Bool { false }
  package var backwardReadsOutput: Bool { false }

  package func backward(
    _ gradient: Tensor, from evaluation: Evaluation, inputs: [Tensor], needed: [Bool], at moment: Moment
  ) -> [Tensor?] { [gradient.reshaped(inputs[0].shape)] }

  package func path(for inputs: [Shape]) -> TrainingPath { .moving }
}
