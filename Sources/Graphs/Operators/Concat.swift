import Compute
import Tensors

/// Tensors one after the other along an axis. A batch of 1 is repeated where others have more: a learned token.
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
      let fits =
        input.rank == first.rank
        && (0..<first.rank).allSatisfy {
          $0 == axis || input[$0] == first[$0] || ($0 == 0 && repeats(input, in: inputs))
        }
      try require(fits, "the shapes \(first) and \(input) differ in more than axis \(axis)")
      let (sum, overflow) = total.addingReportingOverflow(input[axis])
      try require(!overflow, "the output is too large")
      total = sum
    }
    var dimensions = first.dimensions
    if axis != 0 { dimensions[0] = batch(of: inputs) }
    dimensions[axis] = total
    try require(Shape.count(of: dimensions) != nil, "the output is too large")
    return Shape(dimensions)
  }

  private func batch(of shapes: [Shape]) -> Int { shapes.first { $0[0] != 1 }?[0] ?? 1 }

  private func repeats(_ shape: Shape, in shapes: [Shape]) -> Bool {
    axis != 0 && (shape[0] == 1 || shape[0] == batch(of: shapes))
  }

  package func forward(_ inputs: [Tensor], at moment: Moment) -> Evaluation {
    let batch = batch(of: inputs.map(\.shape))
    let parts = axis == 0 ? inputs : inputs.map { $0.broadcast(to: $0.shape.withBatch(batch)) }
    var dimensions = parts[0].shape.dimensions
    dimensions[axis] = parts.reduce(0) { $0 + $1.shape[axis] }
    var y = Tensor(Shape(dimensions), layout: parts[0].layout) { _ in }
    for (part, box) in zip(parts, boxes(parts.map(\.shape))) { y.insert(part, at: box) }
    return Evaluation(y)
  }

  package func backwardReads(input: Int) -> Bool { false }
  package var backwardReadsOutput: Bool { false }

  package func backward(
    _ gradient: Tensor, from evaluation: Evaluation, inputs: [Tensor], needed: [Bool], at moment: Moment
  ) -> [Tensor?] {
    let batch = gradient.shape[0]
    let shapes = inputs.map { axis == 0 ? $0.shape : $0.shape.withBatch(batch) }
    return zip(boxes(shapes), inputs.indices).map { box, index in
      needed[index] ? gradient.extracting(box).summed(to: inputs[index].shape) : nil
    }
  }

  private func boxes(_ shapes: [Shape]) -> [Box] {
    var start = 0
    return shapes.map { shape in
      var box = Box(shape)
      box.starts[axis] = start
      start += shape[axis]
      return box
    }
  }

  package func path(for inputs: [Shape]) -> TrainingPath { .moving }
}
