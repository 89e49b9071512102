import CCompute
import Tensors

/// What is computed of two numbers.
package enum Combination: String, Sendable, Hashable, Codable, CaseIterable {
  case plus, minus, times, over
  /// a where it is above 0, else a · b
  case leak
  /// 0 where a is above 0, else a · b
  case negativePart
  /// 1 where a is above 0, else b
  case leakSlope
  /// The larger of both and the smaller of both; what is not a number stays.
  case larger, smaller
  /// a to the power b
  case raised
  /// a / b without its fraction
  case quotient
  /// What is left of a after b was taken as often as it goes: with the sign of b, and with that of a
  case modulo, remainder
  /// 1 where it holds, else 0
  case equal, less, lessOrEqual
  /// Of truths, which are 0 and anything else; 1 or 0
  case and, or, xor
  /// Of whole numbers, bit by bit in two's complement
  case bitsAnd, bitsOr, bitsXor
  /// A whole number times, or by, a power of two
  case shiftedLeft, shiftedRight

  fileprivate var loop: cc_combination {
    switch self {
    case .plus: CC_PLUS
    case .minus: CC_MINUS
    case .times: CC_TIMES
    case .over: CC_OVER
    case .leak: CC_LEAK
    case .negativePart: CC_NEGATIVE_PART
    case .leakSlope: CC_LEAK_SLOPE
    case .larger: CC_LARGER
    case .smaller: CC_SMALLER
    case .raised: CC_RAISED
    case .quotient: CC_QUOTIENT
    case .modulo: CC_MODULO
    case .remainder: CC_REMAINDER
    case .equal: CC_EQUAL
    case .less: CC_LESS
    case .lessOrEqual: CC_LESS_OR_EQUAL
    case .and: CC_AND
    case .or: CC_OR
    case .xor: CC_XOR
    case .bitsAnd: CC_BITS_AND
    case .bitsOr: CC_BITS_OR
    case .bitsXor: CC_BITS_XOR
    case .shiftedLeft: CC_SHIFTED_LEFT
    case .shiftedRight: CC_SHIFTED_RIGHT
    }
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
  /// This and another tensor, element by element; where one has size 1 along an axis, or fewer axes, it is repeated.
  ///
  /// Nothing is copied for the repetition. The result has the layout of the first operand that is not repeated.
  package func combined(_ combination: Combination, with other: Tensor) -> Tensor {
    let shape = Shape.broadcast(self.shape, other.shape)!
    let walk = Walk([self, other], shape)
    return Tensor(shape, layout: walk.layout) { result in
      withUnsafeFloats { a in
        other.withUnsafeFloats { b in
          cc_combine(
            combination.loop, Int32(walk.counts.count), walk.counts, a.baseAddress, walk.strides[0], b.baseAddress,
            walk.strides[1], result.baseAddress)
        }
      }
    }
  }

  /// Elements of `a` where this is not 0, and of `b` where it is, each repeated as `combined` does.
  package func choosing(_ a: Tensor, otherwise b: Tensor) -> Tensor {
    let shape = Shape.broadcast(Shape.broadcast(a.shape, b.shape)!, self.shape)!
    let walk = Walk([a, b, self], shape)
    return Tensor(shape, layout: walk.layout) { result in
      withUnsafeFloats { chooser in
        a.withUnsafeFloats { a in
          b.withUnsafeFloats { b in
            cc_choose(
              Int32(walk.counts.count), walk.counts, chooser.baseAddress, walk.strides[2], a.baseAddress,
              walk.strides[0], b.baseAddress, walk.strides[1], result.baseAddress)
          }
        }
      }
    }
  }

  /// The reverse of a repetition: the sum over everything that was repeated. The same for every layout.
  ///
  /// Complexity: O(count), with sums that do not depend on the number of threads.
  package func summed(to target: Shape) -> Tensor {
    guard target != shape else { return self }
    // One order for the sums, whatever order the numbers lie in; images have their channels last.
    let source = shape.rank == 4 ? inLayout(.channelsLast) : self
    let missing = shape.rank - target.rank
    let own = target.strides
    let strides = (0..<shape.rank).map { axis in
      axis < missing || target[axis - missing] == 1 ? 0 : own[axis - missing]
    }
    let walk = Walk(order: source.memoryOrder, shape, [strides])
    return Tensor(target) { sums in
      source.withUnsafeFloats {
        cc_sum(
          Int32(walk.counts.count), walk.counts, $0.baseAddress, walk.strides[0], Int64(target.count),
          sums.baseAddress)
      }
    }
  }

  /// The axes from the one that runs slowest in memory to the one that runs fastest.
  fileprivate var memoryOrder: [Int] { layout == .channelsLast ? [0, 2, 3, 1] : Array(0..<shape.rank) }
}

/// The axes of a shape in the order of memory, with those taken as one that every operand runs through in one go.
private struct Walk {
  var layout = Tensor.Layout.rowMajor
  var counts: [Int64] = []
  /// For each operand, how far apart its neighbours along each axis are; 0 where it is repeated.
  var strides: [[Int64]]

  init(_ operands: [Tensor], _ shape: Shape) {
    let whole = operands.first { $0.shape == shape }
    let strides = operands.map { operand in
      let missing = shape.rank - operand.shape.rank
      let own = operand.memoryStrides
      return (0..<shape.rank).map { axis in
        axis < missing || operand.shape[axis - missing] == 1 ? 0 : own[axis - missing]
      }
    }
    self.init(order: whole?.memoryOrder ?? Array(0..<shape.rank), shape, strides)
    layout = whole?.layout ?? .rowMajor
  }

  init(order: [Int], _ shape: Shape, _ all: [[Int]]) {
    strides = all.map { _ in [] }
    for axis in order where shape[axis] != 1 {
      let last = counts.count - 1
      let joins =
        last >= 0
        && all.indices.allSatisfy { strides[$0][last] == Int64(all[$0][axis]) * Int64(shape[axis]) }
      if joins {
        counts[last] *= Int64(shape[axis])
        for operand in all.indices { strides[operand][last] = Int64(all[operand][axis]) }
      } else {
        counts.append(Int64(shape[axis]))
        for operand in all.indices { strides[operand].append(Int64(all[operand][axis])) }
      }
    }
  }
}
