import TestSupport
import Tensors
import Testing

@testable import Compute

struct BroadcastingTests {
  /// Element by element with indices, as the definition says.
  private func plain(_ a: Tensor, _ b: Tensor, _ combine: (Float, Float) -> Float) -> Tensor {
    let shape = Shape.broadcast(a.shape, b.shape)!
    return Tensor(shape, scalars: zip(a.broadcast(to: shape).scalars, b.broadcast(to: shape).scalars).map(combine))
  }

  private static let shapes: [(Shape, Shape)] = [
    ([], []), ([3], []), ([2, 3], [3]), ([2, 1], [1, 3]), ([40, 500], [500]), ([40, 500], [40, 1]),
    ([2, 3, 4, 5], [3, 1, 1]), ([2, 3, 4, 5], [2, 3, 1, 1]), ([2, 1, 4, 1], [1, 3, 1, 5]), ([3, 20_000], [20_000]),
    ([2, 3, 4, 5], [2, 3, 4, 5]), ([0, 3], [3]),
  ]

  @Test(arguments: shapes.indices)
  func theDefinition(_ index: Int) {
    let (left, right) = Self.shapes[index]
    let (a, b) = (Tensor.random(left, seed: 1), Tensor.random(right, seed: 2))
    for (x, y) in layouts(a, b) {
      #expect(x.combined(.plus, with: y) == plain(a, b, +))
      #expect(y.combined(.minus, with: x) == plain(b, a, -))
      #expect(x.combined(.times, with: y) == plain(a, b, *))
      #expect(y.combined(.over, with: x) == plain(b, a, /))
    }
  }

  private func layouts(_ a: Tensor, _ b: Tensor) -> [(Tensor, Tensor)] {
    let turned = [a, b].map { $0.shape.rank == 4 ? $0.inLayout(.channelsLast) : $0 }
    return [(a, b), (turned[0], turned[1]), (turned[0], b), (a, turned[1])]
  }

  @Test(arguments: shapes.indices)
  func sumsUndoRepetition(_ index: Int) {
    let (left, right) = Self.shapes[index]
    let whole = Tensor.random(Shape.broadcast(left, right)!, seed: 3)
    for target in [left, right] {
      var sums = [Double](repeating: 0, count: target.count)
      let places = Tensor(target, scalars: (0..<target.count).map { Float($0) }).broadcast(to: whole.shape).scalars
      for (place, number) in zip(places, whole.scalars) { sums[Int(place)] += Double(number) }
      let wanted = Tensor(target, scalars: sums.map { Float($0) })
      let found = whole.summed(to: target)
      #expect(found.largestDifference(to: wanted) <= 1e-5 * max(wanted.largestMagnitude, 1))
      if whole.shape.rank == 4 { #expect(whole.inLayout(.channelsLast).summed(to: target) == found) }
    }
  }

  @Test func theNumberOfThreadsDoesNotMatter() {
    let x = Tensor.random([300, 257], seed: 5)
    let threads = Processor.threadCount
    defer { Processor.threadCount = threads }
    let results = [1, 2, 3].map { count in
      Processor.threadCount = count
      return [x.summed(to: [257]), x.summed(to: [300, 1]), x.summed(to: [])]
    }
    #expect(results[0] == results[1] && results[0] == results[2])
  }

  @Test func combinationsOfEveryKind() {
    let a = Tensor([2, 5], scalars: [7, -7, 2.5, 0, -3, 12, 6, 1, -8, 5])
    let b = Tensor([5], scalars: [3, 3, -2, 2, 1])
    func whole(_ x: Float) -> Int { Int(x) }
    let expected: [(Combination, (Float, Float) -> Float)] = [
      (.larger, { max($0, $1) }), (.smaller, { min($0, $1) }),
      (.quotient, { ($0 / $1).rounded(.towardZero) }), (.modulo, { $0 - $1 * ($0 / $1).rounded(.down) }),
      (.remainder, { $0 - $1 * ($0 / $1).rounded(.towardZero) }), (.equal, { $0 == $1 ? 1 : 0 }),
      (.less, { $0 < $1 ? 1 : 0 }), (.lessOrEqual, { $0 <= $1 ? 1 : 0 }),
      (.and, { $0 != 0 && $1 != 0 ? 1 : 0 }), (.or, { $0 != 0 || $1 != 0 ? 1 : 0 }),
      (.xor, { ($0 != 0) != ($1 != 0) ? 1 : 0 }), (.bitsAnd, { Float(whole($0) & whole($1)) }),
      (.bitsOr, { Float(whole($0) | whole($1)) }), (.bitsXor, { Float(whole($0) ^ whole($1)) }),
      (.shiftedLeft, { Float(whole($0) << whole($1)) }), (.shiftedRight, { Float(whole($0) >> whole($1)) }),
    ]
    for (combination, function) in expected {
      #expect(a.combined(combination, with: b) == plain(a, b, function), "\(combination)")
    }
    let powers = a.map { abs($0) }.combined(.raised, with: b)
    #expect(powers.largestDifference(to: Tensor([2, 5], scalars: [343, 343, 0.16, 0, 3, 1728, 216, 1, 64, 5])) < 1e-4)
  }

  @Test func whatIsNoNumberAndWhatNoIntegerHolds() {
    let odd = Tensor([3], scalars: [.nan, 1e30, -1e30])
    #expect(odd.combined(.larger, with: Tensor(scalar: 0)).scalars[0].isNaN)
    #expect(Tensor(scalar: 0).combined(.larger, with: odd).scalars.dropFirst() == [1e30, 0])
    #expect(odd.combined(.bitsAnd, with: Tensor(scalar: -1)).scalars == [0, 0, 0])
    #expect(Tensor(scalar: 1).combined(.shiftedLeft, with: Tensor([2], scalars: [200, -200])).scalars == [0, 0])
  }
}
