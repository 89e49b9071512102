import Compute
import Graphs
import Tensors

/// The bricks that handlers build from: steps before the last one of a node, with names of their own.
extension ONNXTranslation {
  /// A step on the way to what the node stands for.
  mutating func step(
    _ node: ONNXNode, _ operation: any Operator, _ inputs: [Graph.Node.ID], type: ONNXElementType? = nil
  ) throws(ImportError.Problem) -> Graph.Node.ID {
    try add(node, operation, inputs, part: Swift.type(of: operation).name, type: type)
  }

  /// One number, as a constant.
  mutating func number(
    _ node: ONNXNode, _ value: Float, type: ONNXElementType = .float
  ) throws(ImportError.Problem) -> Graph.Node.ID {
    try constant(Literal("\(node.name).\(value)", Tensor(scalar: value), type: type), for: node)
  }

  /// Whole numbers, as a constant.
  mutating func numbers(
    _ node: ONNXNode, _ name: String, _ shape: Shape, _ values: [Int], type: ONNXElementType = .int64
  ) throws(ImportError.Problem) -> Graph.Node.ID {
    try constant(Literal("\(node.name).\(name)", shape, integers: values, type: type), for: node)
  }

  mutating func scaled(
    _ node: ONNXNode, _ id: Graph.Node.ID, by factor: Float
  ) throws(ImportError.Problem) -> Graph.Node.ID {
    factor == 1 ? id : try step(node, Multiply(), [id, try number(node, factor)])
  }

  mutating func shifted(
    _ node: ONNXNode, _ id: Graph.Node.ID, by amount: Float
  ) throws(ImportError.Problem) -> Graph.Node.ID {
    amount == 0 ? id : try step(node, Add(), [id, try number(node, amount)])
  }

  mutating func square(_ node: ONNXNode, _ id: Graph.Node.ID) throws(ImportError.Problem) -> Graph.Node.ID {
    try step(node, Multiply(), [id, id])
  }

  mutating func applying(
    _ node: ONNXNode, _ function: ScalarFunction, _ id: Graph.Node.ID, type: ONNXElementType? = nil
  ) throws(ImportError.Problem) -> Graph.Node.ID {
    try step(node, Pointwise(function), [id], type: type)
  }

  mutating func turned(
    _ node: ONNXNode, _ id: Graph.Node.ID, _ permutation: [Int], part: String? = "transpose"
  ) throws(ImportError.Problem) -> Graph.Node.ID {
    let shape = graph[id].shape
    try node.require(shape.rank == permutation.count, "has a value \(shape), expected \(permutation.count) axes")
    guard permutation != Array(permutation.indices) || part == nil else { return id }
    let place = batch(of: id).map {
      BatchPlace(axis: permutation.firstIndex(of: $0.axis)!, outside: $0.outside)
    }
    return try add(node, Transpose(permutation: permutation), [id], part: part, keepsBatch: false, batch: place)
  }

  /// `count` elements of one axis, from `start` on.
  mutating func part(
    _ node: ONNXNode, _ id: Graph.Node.ID, axis: Int, from start: Int, count: Int, named part: String? = "part"
  ) throws(ImportError.Problem) -> Graph.Node.ID {
    let shape = graph[id].shape
    try node.require(
      axis < shape.rank && start >= 0 && count >= 0 && count <= shape[axis] && start <= shape[axis] - count,
      "takes \(count) from \(start) on of axis \(axis) of \(shape)")
    let cut = Cut(shape, axis: axis, start: start, count: count)
    guard case .node(let result) = try self.cut(node, id, cut, part: part) else { throw node.problem("has no input") }
    return result
  }

  /// The axis of size 1 left out.
  mutating func without(
    _ node: ONNXNode, axis: Int, _ id: Graph.Node.ID, part: String? = "squeeze"
  ) throws(ImportError.Problem) -> Graph.Node.ID {
    try squeezed(node, id, [axis], part: part)
  }

  /// Axes of size 1 left out.
  mutating func squeezed(
    _ node: ONNXNode, _ id: Graph.Node.ID, _ axes: [Int], part: String?
  ) throws(ImportError.Problem) -> Graph.Node.ID {
    let shape = graph[id].shape
    try node.require(
      axes.allSatisfy { $0 < shape.rank && shape[$0] == 1 }, "the axes \(axes) of \(shape) are not of size 1")
    let kept = shape.dimensions.indices.filter { !axes.contains($0) }
    let place = batch(of: id).flatMap { place in
      kept.firstIndex(of: place.axis).map { BatchPlace(axis: $0, outside: place.outside) }
    }
    return try reshaped(node, id, to: kept.map { shape[$0] }, batch: place, part: part)
  }

  /// `x / √(mean(x²) + ε)` with, if asked, the mean of x taken off first; and what is taken off and multiplied with.
  mutating func normalised(
    _ node: ONNXNode, _ id: Graph.Node.ID, axes: [Int], epsilon: Float, centred: Bool
  ) throws(ImportError.Problem) -> (result: Graph.Node.ID, mean: Graph.Node.ID?, inverse: Graph.Node.ID) {
    let mean = centred ? try step(node, Mean(axes: axes), [id]) : nil
    let x = try mean.map { (mean) throws(ImportError.Problem) in try step(node, Subtract(), [id, mean]) } ?? id
    let variance = try shifted(node, try step(node, Mean(axes: axes), [try square(node, x)]), by: epsilon)
    let inverse = try applying(node, .reciprocal, try applying(node, .squareRoot, variance))
    return (try step(node, Multiply(), [x, inverse]), mean, inverse)
  }

  /// What may be below 0 and then counts from the end, from 0 on.
  mutating func counted(
    _ node: ONNXNode, _ places: Graph.Node.ID, of size: Int
  ) throws(ImportError.Problem) -> Graph.Node.ID {
    let isBelow = try step(node, Combine(.less), [places, try number(node, 0)], type: .truth)
    let fromEnd = try shifted(node, places, by: Float(size))
    return try step(node, Choose(), [isBelow, fromEnd, places], type: type(of: places))
  }

  /// Whole numbers brought back into a type of up to 32 bits, as its arithmetic does.
  mutating func wrapped(
    _ node: ONNXNode, _ id: Graph.Node.ID, _ type: ONNXElementType
  ) throws(ImportError.Problem) -> Graph.Node.ID {
    guard let bits = type.bits, bits < 24, let range = type.range, type != .truth else { return id }
    let lowest = Float(range.lowerBound)
    let size = try number(node, Float(1 << bits), type: type)
    let rest = try step(node, Combine(.modulo), [try shifted(node, id, by: -lowest), size], type: type)
    return try shifted(node, rest, by: lowest)
  }
}
