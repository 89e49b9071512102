import Compute
import Tensors

/// Along an axis, which element is the smallest, which the next: its number. Forward only.
///
/// Equal ones come in their order, what is not a number comes last.
package struct Order: Operator {
  package static let name = "order"
  package var axis: Int
  /// Whether the largest comes first.
  package var descending: Bool

  package init(axis: Int, descending: Bool) {
    self.axis = axis
    self.descending = descending
  }

  package func shape(of inputs: [Shape]) throws(ShapeError) -> Shape {
    try require(inputs, count: 1...1)
    try require(axis >= 0 && axis < inputs[0].rank, "axis \(axis) is outside the \(inputs[0].rank) axes")
    // Above it not every whole number is a Float.
    let size = inputs[0][axis]
    try require(size <= 1 << 24, "the axis has \(size) elements; at most \(1 << 24) are supported")
    return inputs[0]
  }

  package func forward(_ inputs: [Tensor], at moment: Moment) -> Evaluation {
    Evaluation(inputs[0].order(axis: axis, descending: descending))
  }

  package func backwardReads(input: Int) -> Bool { false }
  package var backwardReadsOutput: Bool { false }

  package func backward(
    _ gradient: Tensor, from evaluation: Evaluation, inputs: [Tensor], needed: [Bool], at moment: Moment
  ) -> [Tensor?] { [nil] }

  package func path(for inputs: [Shape]) -> TrainingPath { .plain("runs forward only: nothing before it learns") }
}

/// For every index of the other axes, the elements along one that their places name.
///
///     y[i, j, k] = x[i, places[i, j, k], k]      with axis 1
///
/// Both inputs have the same size along every axis but this one. Places below 0 count from the end; one that is none
/// gives what is not a number.
package struct GatherElements: Operator {
  package static let name = "gather-elements"
  package var axis: Int
  package init(axis: Int) { self.axis = axis }

  package func shape(of inputs: [Shape]) throws(ShapeError) -> Shape {
    try require(inputs, count: 2...2)
    try requireAlike(inputs[0], inputs[1], axis)
    return inputs[1]
  }

  package func forward(_ inputs: [Tensor], at moment: Moment) -> Evaluation {
    Evaluation(inputs[0].gatheringElements(at: inputs[1], axis: axis))
  }

  package func backwardReads(input: Int) -> Bool { input == 1 }
  package var backwardReadsOutput: Bool { false }

  package func backward(
    _ gradient: Tensor, from evaluation: Evaluation, inputs: [Tensor], needed: [Bool], at moment: Moment
  ) -> [Tensor?] {
    guard needed[0] else { return [nil, nil] }
    let zeros = Tensor(inputs[0].shape, repeating: 0)
    return [zeros.scatteringElements(gradient, at: inputs[1], axis: axis, .adding), nil]
  }

  package func path(for inputs: [Shape]) -> TrainingPath { .moving }
}

/// A tensor with others put, for every index of the other axes, at places along one.
///
///     y[i, places[i, j, k], k] = values[i, j, k]      with axis 1, and x elsewhere
///
/// Inputs: x, places and values, all of the same size along every axis but this one. With replacing and adding, x and
/// the values have a gradient; the others run forward only.
package struct ScatterElements: Operator {
  package static let name = "scatter-elements"
  package var axis: Int
  package var scattering: Scattering

  package init(axis: Int, _ scattering: Scattering = .replacing) {
    self.axis = axis
    self.scattering = scattering
  }

  package func shape(of inputs: [Shape]) throws(ShapeError) -> Shape {
    try require(inputs, count: 3...3)
    try requireAlike(inputs[0], inputs[1], axis)
    try require(inputs[1] == inputs[2], "places \(inputs[1]) and values \(inputs[2]) differ")
    return inputs[0]
  }

  package func forward(_ inputs: [Tensor], at moment: Moment) -> Evaluation {
    Evaluation(inputs[0].scatteringElements(inputs[2], at: inputs[1], axis: axis, scattering))
  }

  package func backwardReads(input: Int) -> Bool { input == 1 && hasSlope }
  package var backwardReadsOutput: Bool { false }

  private var hasSlope: Bool { scattering == .replacing || scattering == .adding }

  package func backward(
    _ gradient: Tensor, from evaluation: Evaluation, inputs: [Tensor], needed: [Bool], at moment: Moment
  ) -> [Tensor?] {
    guard hasSlope else { return [nil, nil, nil] }
    let nothing = Tensor(inputs[2].shape, repeating: 0)
    let kept =
      scattering == .adding
      ? gradient : gradient.scatteringElements(nothing, at: inputs[1], axis: axis, .replacing)
    return [needed[0] ? kept : nil, nil, needed[2] ? gradient.gatheringElements(at: inputs[1], axis: axis) : nil]
  }

  package func path(for inputs: [Shape]) -> TrainingPath {
    hasSlope ? .moving : .plain("runs forward only: nothing before it learns")
  }
}

/// Along an axis, sums of weighted neighbours: an image made larger or smaller.
///
///     y[…, i, …] = Σ weights[i, t] · x[…, places[i, t], …]
///
/// Inputs: x, and two constants `[size, taps]`: whole numbers below the size of the axis, and their weights.
package struct Resample: Operator {
  package static let name = "resample"
  package var axis: Int
  package init(axis: Int) { self.axis = axis }

  package func shape(of inputs: [Shape]) throws(ShapeError) -> Shape {
    try require(inputs, count: 3...3)
    let x = inputs[0]
    try require(axis >= 0 && axis < x.rank, "axis \(axis) is outside the \(x.rank) axes")
    try require(
      inputs[1].rank == 2 && inputs[1] == inputs[2], "places \(inputs[1]) and weights \(inputs[2]) are not [size, taps]"
    )
    try require(x[axis] <= 1 << 24, "the axis has \(x[axis]) elements; at most \(1 << 24) are supported")
    var dimensions = x.dimensions
    dimensions[axis] = inputs[1][0]
    try require(Shape.count(of: dimensions) != nil, "the output is too large")
    return Shape(dimensions)
  }

  package func forward(_ inputs: [Tensor], at moment: Moment) -> Evaluation {
    Evaluation(inputs[0].resampled(axis: axis, places: inputs[1], weights: inputs[2]))
  }

  package func backwardReads(input: Int) -> Bool { input > 0 }
  package var backwardReadsOutput: Bool { false }

  package func backward(
    _ gradient: Tensor, from evaluation: Evaluation, inputs: [Tensor], needed: [Bool], at moment: Moment
  ) -> [Tensor?] {
    let shape = inputs[0].shape
    return [gradient.resampledBackward(to: shape, axis: axis, places: inputs[1], weights: inputs[2]), nil, nil]
  }

  package func path(for inputs: [Shape]) -> TrainingPath { .fused }
}

extension Operator {
  fileprivate func requireAlike(_ x: Shape, _ places: Shape, _ axis: Int) throws(ShapeError) {
    try require(axis >= 0 && axis < x.rank, "axis \(axis) is outside the \(x.rank) axes")
    try require(
      x.rank == places.rank && x.dimensions.indices.allSatisfy { $0 == axis || x[$0] == places[$0] },
      "the shapes \(x) and \(places) differ in more than axis \(axis)")
    // Above it not every whole number is a Float.
    try require(x[axis] <= 1 << 24, "the axis has \(x[axis]) elements; at most \(1 << 24) are supported")
  }
}
