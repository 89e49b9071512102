import Compute
import TestSupport
import Tensors
import Testing

/// Every index of a shape, in row-major order.
private func indices(_ shape: Shape) -> [[Int]] {
  shape.dimensions.reduce([[]]) { indices, count in indices.flatMap { index in (0..<count).map { index + [$0] } } }
}

private func place(_ index: [Int], _ shape: Shape) -> Int { zip(index, shape.strides).reduce(0) { $0 + $1.0 * $1.1 } }

private let boxes: [(Shape, Box)] = [
  ([5, 4, 6, 3], Box(starts: [1, 0, 2, 0], steps: [1, 2, 1, 1], counts: [3, 2, 4, 3])),
  ([2, 4, 6, 3], Box(starts: [0, 3, 5, 2], steps: [1, -1, -2, -2], counts: [2, 4, 3, 2])),
  ([2, 3, 4, 5], Box([2, 3, 4, 5])),
  ([2, 3, 4, 5], Box(starts: [1, 2, 3, 4], steps: [1, 1, 1, 1], counts: [1, 1, 1, 1])),
  ([2, 3, 4, 5], Box(starts: [0, 0, 0, 0], steps: [1, 1, 1, 1], counts: [2, 0, 4, 5])),
]

struct MovingTests {
  @Test(arguments: boxes.indices, [Tensor.Layout.rowMajor, .channelsLast])
  func extract(_ number: Int, _ layout: Tensor.Layout) {
    let (shape, box) = boxes[number]
    let x = Tensor.random(shape, seed: 1)
    let wanted = indices(Shape(box.counts)).map { index in
      x.scalars[place(index.indices.map { box.starts[$0] + index[$0] * box.steps[$0] }, shape)]
    }
    let part = x.inLayout(layout).extracting(box)
    #expect(part.scalars == wanted && part.shape == Shape(box.counts) && part.layout == layout)
  }

  @Test(arguments: boxes.indices, [Tensor.Layout.rowMajor, .channelsLast])
  func insert(_ number: Int, _ layout: Tensor.Layout) {
    let (shape, box) = boxes[number]
    let part = Tensor.random(Shape(box.counts), seed: 2)
    var wanted = Tensor.random(shape, seed: 3).scalars
    for (index, value) in zip(indices(part.shape), part.scalars) {
      wanted[place(index.indices.map { box.starts[$0] + index[$0] * box.steps[$0] }, shape)] = value
    }
    var target = Tensor.random(shape, seed: 3, layout: layout)
    let before = target
    for other in [Tensor.Layout.rowMajor, .channelsLast] {
      target = before
      target.insert(part.inLayout(other), at: box)
      #expect(target.scalars == wanted)
    }
    #expect(before == Tensor.random(shape, seed: 3))
    #expect(target.extracting(box) == part)
  }

  @Test func fewerAxes() {
    let line = Tensor([5], scalars: [0, 1, 2, 3, 4])
    #expect(line.extracting(Box(starts: [4], steps: [-2], counts: [3])).scalars == [4, 2, 0])
    var plane = Tensor([2, 3], repeating: 0)
    plane.insert(Tensor([2, 1], scalars: [1, 2]), at: Box(starts: [1, 2], steps: [-1, 1], counts: [2, 1]))
    #expect(plane.scalars == [0, 0, 2, 0, 0, 1])
    #expect(Tensor(scalar: 7).extracting(Box([])).scalars == [7])
  }

  @Test(arguments: [[0, 1, 2, 3], [3, 2, 1, 0], [0, 2, 3, 1], [1, 0, 3, 2], [2, 3, 0, 1]])
  func transpose(_ permutation: [Int]) {
    let x = Tensor.random([2, 3, 4, 5], seed: 4)
    let shape = Shape(permutation.map { x.shape[$0] })
    let wanted = indices(shape).map { index in
      var source = index
      for (axis, from) in permutation.enumerated() { source[from] = index[axis] }
      return x.scalars[place(source, x.shape)]
    }
    #expect(x.transposed(permutation) == Tensor(shape, scalars: wanted))
    #expect(x.inLayout(.channelsLast).transposed(permutation) == Tensor(shape, scalars: wanted))
  }

  @Test(arguments: [
    ([3], [2, 3]), ([2, 1], [2, 4]), ([], [2, 2]), ([1, 3, 1, 1], [2, 3, 4, 5]), ([4, 1], [2, 3, 4, 5]),
    ([2, 3, 4, 5], [2, 3, 4, 5]), ([1], [0]),
  ])
  func broadcast(_ from: [Int], _ to: [Int]) {
    let x = Tensor.random(Shape(from), seed: 5)
    let shape = Shape(to)
    let wanted = indices(shape).map { index in
      let own = index.suffix(from.count).enumerated().map { from[$0.offset] == 1 ? 0 : $0.element }
      return x.scalars[place(own, x.shape)]
    }
    #expect(x.broadcast(to: shape) == Tensor(shape, scalars: wanted))
    if from.count == 4 { #expect(x.inLayout(.channelsLast).broadcast(to: shape) == Tensor(shape, scalars: wanted)) }
  }
}
