import Compute
import Tensors

/// Tensors one after the other along an axis.
package struct Concat: Operator {
  package static let name = "concat"
  package var axis: Int
  package init(axis: Int) { self.axis = axis }

  package func shape(of inputs: [Shape]) throws(ShapeError) -> Shape {
    try require(inputs, count: 1...65536)
    let first = inputs[0]
    try require(axis >= 0 && axis < first.rank, "axis \(axis) is outside the \(first.rank) axes")
    var total = 0
    for input in inputs {
      let fits = input.rank == first.rank && (0..<first.rank).allSatisfy { $0 == axis || input[$0] == first[$0] }
      try require(fits, "the shapes \(first) and \(input) differ in more than axis \(axis)")
      let (sum, overflow) = total.addingReportingOverflow(input[axis])
      try require(!overflow, "the output is too large")
      total = sum
    }
    var dimensions = first.dimensions
    dimensions[axis] = total
    try require(Shape.count(of: dimensions) != nil, "the output is too large")
    return Shape(dimensions)
  }

  package func forward(_ inputs: [Tensor], at moment: Moment) -> Evaluation {
    var dimensions = inputs[0].shape.dimensions
    dimensions[axis] = inputs.reduce(0) { $0 + $1.shape[axis] }
    var y = Tensor(Shape(dimensions), layout: inputs[0].layout) { _ in }
    for (input, box) in zip(inputs, boxes(inputs)) { y.insert(input, at: box) }
    return Evaluation(y)
  }

  package func backwardReads(input: Int) -> Bool { false }
  package var backwardReadsOutput: Bool { false }

  package func backward(
    _ gradient: Tensor, from evaluation: Evaluation, inputs: [Tensor], needed: [Bool], at moment: Moment
  ) -> [Tensor?] {
    zip(boxes(inputs), needed).map { $1 ? gradient.extracting($0) : nil }
  }

  private func boxes(_ inputs: [Tensor]) -> [Box] {
    var start = 0
    return inputs.map { input in
      var box = Box(input.shape)
      box.starts[axis] = start
      start += input.shape[axis]
      return box
    }
  }
}
