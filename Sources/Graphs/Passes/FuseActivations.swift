import Compute
import Tensors

/// Makes one activation of the products that exporters write it as: GELU, Hardswish, SiLU.
package struct FuseActivations: Pass {
  package static let name = "fuse-activations"
  package static let summary = "makes one operator of the products that an activation is written as"
  package init() {}

  package func rewrite(_ graph: Graph) throws(ShapeError) -> Graph {
    try graph.rewriting { (node, inputs, new) throws(ShapeError) in
      guard node.operation is Multiply || node.operation is Divide,
        let product = Product(node.operation, inputs, in: new, depth: 3), product.factors.count == 2
      else { return nil }
      for (x, gate) in [(product.factors[0], product.factors[1]), (product.factors[1], product.factors[0])] {
        guard let function = function(of: x, gate, times: product.number, in: new), new[x].shape == node.shape else {
          continue
        }
        return try new.add(node.name, Pointwise(function), [x])
      }
      return nil
    }
  }

  /// The activation that `number · x · gate` is.
  private func function(
    of x: Graph.Node.ID, _ gate: Graph.Node.ID, times number: Float, in graph: Graph
  ) -> ScalarFunction? {
    let operation = graph[gate].operation
    let reads = graph[gate].inputs
    if let gate = operation as? Pointwise, reads == [x], number.isNear(1) {
      if gate.function == .sigmoid { return .swish }
      if case .hardSigmoid(let slope, let offset) = gate.function, slope.isNear(1 / 6), offset.isNear(0.5) {
        return .hardSwish
      }
    }
    if let clip = operation as? Clip, clip.minimum == 0, clip.maximum == 6, number.isNear(1 / 6),
      let (inner, constant) = graph.sum(reads[0]), inner == x, constant.isNear(3)
    {
      return .hardSwish
    }
    guard number.isNear(0.5), let (curve, one) = graph.sum(gate), one.isNear(1),
      let shape = graph[curve].operation as? Pointwise,
      let argument = Product(of: graph[curve].inputs[0], in: graph, depth: 3), argument.factors.count == 1
    else { return nil }
    switch shape.function {
    case .errorFunction where argument.factors == [x] && argument.number.isNear(Float(0.5).squareRoot()):
      return .gelu
    case .tanh where argument.number.isNear((2 / Float.pi).squareRoot()):
      return isCubic(argument.factors[0], of: x, in: graph) ? .geluByTanh : nil
    default: return nil
    }
  }

  /// Whether a value is `x + 0.044715 · x³`.
  private func isCubic(_ id: Graph.Node.ID, of x: Graph.Node.ID, in graph: Graph) -> Bool {
    guard graph[id].operation is Add, graph[id].inputs.contains(x),
      let other = graph[id].inputs.first(where: { $0 != x }), let cube = Product(of: other, in: graph, depth: 3)
    else { return false }
    return cube.factors == [x, x, x] && cube.number.isNear(0.044715)
  }
}

/// A value as a product of others and of one number.
private struct Product {
  var factors: [Graph.Node.ID]
  var number: Float

  /// Looks into products and quotients by constants up to a depth.
  init?(_ operation: (any Operator)?, _ inputs: [Graph.Node.ID], in graph: Graph, depth: Int) {
    (factors, number) = ([], 1)
    guard operation is Multiply || operation is Divide else { return nil }
    for (side, input) in inputs.enumerated() {
      if let constant = graph.number(input) {
        number = operation is Divide && side == 1 ? number / constant : number * constant
      } else {
        // A number over a value is no product.
        guard !(operation is Divide && side == 1), let part = Product(of: input, in: graph, depth: depth - 1) else {
          return nil
        }
        factors += part.factors
        number *= part.number
      }
    }
  }

  init?(of id: Graph.Node.ID, in graph: Graph, depth: Int) {
    if depth > 0, let inner = Product(graph[id].operation, graph[id].inputs, in: graph, depth: depth) {
      self = inner
    } else {
      (factors, number) = ([id], 1)
    }
  }
}

extension Graph {
  /// A value as the sum of another and of one number.
  fileprivate func sum(_ id: Node.ID) -> (Node.ID, Float)? {
    guard self[id].operation is Add, let (computed, constant) = withConstant(self[id].inputs),
      let number = number(constant)
    else { return nil }
    return (computed, number)
  }
}

extension Float {
  /// Whether two numbers are the same but for how exporters round them.
  fileprivate func isNear(_ other: Float) -> Bool { abs(self - other) <= 1e-5 * abs(other) }
}
