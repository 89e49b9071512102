import Compute
import Tensors

/// The product, the largest or the smallest number over some axes, which stay with size 1. For means see `Mean`.
///
/// Of no numbers these are 1, −∞ and ∞. The product runs forward only.
package struct Reduce: Operator {
  package static let name = "reduce"
  package var reduction: Reduction
  package var axes: [Int]

  package init(_ reduction: Reduction, axes: [Int]) {
    self.reduction = reduction
    self.axes = axes
  }

  package func shape(of inputs: [Shape]) throws(ShapeError) -> Shape { try reducedShape(inputs, axes) }

  package func forward(_ inputs: [Tensor], at moment: Moment) -> Evaluation {
    Evaluation(axes.reduce(inputs[0]) { $0.reduced(reduction, axis: $1) })
  }

  package func backwardReads(input: Int) -> Bool { reduction != .product }
  package var backwardReadsOutput: Bool { reduction != .product }

  package func backward(
    _ gradient: Tensor, from evaluation: Evaluation, inputs: [Tensor], needed: [Bool], at moment: Moment
  ) -> [Tensor?] {
    guard reduction != .product else { return [nil] }
    // Those that are equal share it.
    let winners = inputs[0].combined(.equal, with: evaluation.output)
    let share = gradient.combined(.over, with: winners.summed(to: gradient.shape))
    return [winners.combined(.times, with: share)]
  }

  package func path(for inputs: [Shape]) -> TrainingPath {
    reduction == .product ? .plain("runs forward only: nothing before it learns") : .fused
  }
}

/// The sum over some axes, which stay with size 1.
package struct Sum: Operator {
  package static let name = "sum"
  package var axes: [Int]
  package init(axes: [Int]) { self.axes = axes }

  package func shape(of inputs: [Shape]) throws(ShapeError) -> Shape { try reducedShape(inputs, axes) }

  package func forward(_ inputs: [Tensor], at moment: Moment) -> Evaluation {
    var dimensions = inputs[0].shape.dimensions
    for axis in axes { dimensions[axis] = 1 }
    return Evaluation(inputs[0].summed(to: Shape(dimensions)))
  }

  package func backwardReads(input: Int) -> Bool { false }
  package var backwardReadsOutput: Bool { false }

  package func backward(
    _ gradient: Tensor, from evaluation: Evaluation, inputs: [Tensor], needed: [Bool], at moment: Moment
  ) -> [Tensor?] { [gradient.broadcast(to: inputs[0].shape)] }

  package func path(for inputs: [Shape]) -> TrainingPath { .fused }
}

extension Operator {
  fileprivate func reducedShape(_ inputs: [Shape], _ axes: [Int]) throws(ShapeError) -> Shape {
    try require(inputs, count: 1...1)
    var dimensions = inputs[0].dimensions
    try require(Set(axes).count == axes.count, "the axes \(axes) name one twice")
    for axis in axes {
      try require(axis >= 0 && axis < dimensions.count, "axis \(axis) is outside the \(dimensions.count) axes")
      dimensions[axis] = 1
    }
    return Shape(dimensions)
  }
}
