import Compute
import Tensors

/// The mean over some axes, which stay with size 1.
package struct Mean: Operator {
  package static let name = "mean"
  package var axes: [Int]
  package init(axes: [Int]) { self.axes = axes }

  package func shape(of inputs: [Shape]) throws(ShapeError) -> Shape {
    try require(inputs, count: 1...1)
    let x = inputs[0]
    try require(Set(axes).count == axes.count, "the axes \(axes) name one twice")
    for axis in axes {
      try require(axis >= 0 && axis < x.rank, "axis \(axis) is outside the \(x.rank) axes")
      try require(x[axis] > 0, "the input \(x) is empty")
    }
    return reduced(x)
  }

  private func reduced(_ shape: Shape) -> Shape {
    Shape(shape.dimensions.enumerated().map { axes.contains($0.offset) ? 1 : $0.element })
  }

  private func share(of shape: Shape) -> Float { 1 / Float(axes.reduce(1) { $0 * shape[$1] }) }

  package func forward(_ inputs: [Tensor], at moment: Moment) -> Evaluation {
    let x = inputs[0]
    return Evaluation(x.summed(to: reduced(x.shape)).scaled(by: share(of: x.shape)))
  }

  package func backwardReads(input: Int) -> Bool { false }
  package var backwardReadsOutput: Bool { false }

  package func backward(
    _ gradient: Tensor, from evaluation: Evaluation, inputs: [Tensor], needed: [Bool], at moment: Moment
  ) -> [Tensor?] {
    let shape = inputs[0].shape
    return [gradient.scaled(by: share(of: shape)).broadcast(to: shape)]
  }

  package func path(for inputs: [Shape]) -> TrainingPath { .fused }
}
