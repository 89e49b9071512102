import Compute
import Tensors

/// The sum of two tensors; where one has size 1 along an axis, or fewer axes, it is repeated.
package struct Add: Operator {
  package static let name = "add"
  package init() {}

  package func shape(of inputs: [Shape]) throws(ShapeError) -> Shape {
    try require(inputs, count: 2...2)
    guard let shape = Shape.broadcast(inputs[0], inputs[1]) else {
      throw ShapeError(Self.name, "the shapes \(inputs[0]) and \(inputs[1]) do not go together")
    }
    return shape
  }

  package func forward(_ inputs: [Tensor], at moment: Moment) -> Evaluation {
    let shape = Shape.broadcast(inputs[0].shape, inputs[1].shape)!
    return Evaluation(inputs[0].broadcast(to: shape).adding(inputs[1].broadcast(to: shape)))
  }

  package func backwardReads(input: Int) -> Bool { false }
  package var backwardReadsOutput: Bool { false }

  package func backward(
    _ gradient: Tensor, from evaluation: Evaluation, inputs: [Tensor], needed: [Bool], at moment: Moment
  ) -> [Tensor?] {
    zip(inputs, needed).map { $1 ? gradient.summed(to: $0.shape) : nil }
  }
}

extension Shape {
  /// The shape that two shapes broadcast to, or nil where they do not go together.
  package static func broadcast(_ a: Shape, _ b: Shape) -> Shape? {
    let rank = max(a.rank, b.rank)
    var dimensions: [Int] = []
    for axis in 0..<rank {
      let x = axis < rank - a.rank ? 1 : a[axis - (rank - a.rank)]
      let y = axis < rank - b.rank ? 1 : b[axis - (rank - b.rank)]
      guard x == y || x == 1 || y == 1 else { return nil }
      dimensions.append(x == 1 ? y : x)
    }
    return Shape.count(of: dimensions) == nil ? nil : Shape(dimensions)
  }
}

extension Tensor {
  /// The reverse of `broadcast`: the sum over everything that was repeated. Complexity: O(count).
  func summed(to target: Shape) -> Tensor {
    guard target != shape else { return self }
    let missing = shape.rank - target.rank
    let own = target.strides
    let strides = (0..<shape.rank).map { $0 < missing || target[$0 - missing] == 1 ? 0 : own[$0 - missing] }
    var sums = [Float](repeating: 0, count: target.count)
    let scalars = scalars
    var index = [Int](repeating: 0, count: shape.rank)
    var place = 0
    for scalar in scalars {
      sums[place] += scalar
      for axis in stride(from: shape.rank - 1, through: 0, by: -1) {
        index[axis] += 1
        place += strides[axis]
        if index[axis] < shape[axis] { break }
        place -= strides[axis] * shape[axis]
        index[axis] = 0
      }
    }
    return Tensor(target, scalars: sums)
  }
}
