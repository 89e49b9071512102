import Compute
import Tensors

/// The axes in another order: axis i of the output is axis `permutation[i]` of the input.
package struct Transpose: Operator {
  package static let name = "transpose"
  package var permutation: [Int]
  package init(permutation: [Int]) { self.permutation = permutation }

  package func shape(of inputs: [Shape]) throws(ShapeError) -> Shape {
    try require(inputs, count: 1...1)
    let x = inputs[0]
    try require(
      permutation.sorted() == Array(0..<x.rank), "\(permutation) does not name each of the \(x.rank) axes once")
    return Shape(permutation.map { x[$0] })
  }

  package func forward(_ inputs: [Tensor], at moment: Moment) -> Evaluation {
    Evaluation(inputs[0].transposed(permutation))
  }

  package func backwardReads(input: Int) -> Bool { false }
  package var backwardReadsOutput: Bool { false }

  package func backward(
    _ gradient: Tensor, from evaluation: Evaluation, inputs: [Tensor], needed: [Bool], at moment: Moment
  ) -> [Tensor?] {
    var inverse = permutation
    for (axis, from) in permutation.enumerated() { inverse[from] = axis }
    return [gradient.transposed(inverse)]
  }

  package func path(for inputs: [Shape]) -> TrainingPath { .moving }
}
