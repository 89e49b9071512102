import Graphs
import Tensors

extension ONNXTranslation {
  /// What the node stands for: worked out at once where all that it reads is known, else added to the graph.
  mutating func value(of node: ONNXNode, _ handler: ONNXOperators.Handler) throws(ImportError.Problem) -> ONNXValue {
    var known: [String: ONNXValue] = [:]
    // A branch reads what stands around it.
    guard node.attributes.values.allSatisfy({ $0.graph == nil }) else { return try handler(node, &self) }
    for name in node.inputs where !name.isEmpty {
      guard case .literal = values[name] else { return try handler(node, &self) }
      known[name] = values[name]
    }
    var inner = ONNXTranslation(forConstantsOf: self, known)
    defer { (files, budget, workDone) = (inner.files, inner.budget, inner.workDone) }
    let made = try inner.literal(node, try handler(node, &inner))
    laterOutputs = []
    for value in inner.laterOutputs { laterOutputs.append(try inner.literal(node, value)) }
    for (index, value) in laterOutputs.enumerated() where index + 1 < node.outputs.count {
      if case .literal(let literal) = value, literal.name.isEmpty {
        laterOutputs[index] = .literal(literal.renamed(node.outputs[index + 1]))
      }
    }
    return made
  }

  /// Products and sums that all nodes over constants may need together.
  private static let mostProducts = 0x1p35

  /// How often a node multiplies, compares or adds; at least once for all that it reads.
  private func products(of node: Graph.Node) -> Double {
    let shapes = node.inputs.map { graph[$0].shape }
    let places = Double(node.shape.count)
    switch node.operation {
    case is Convolution, is TransposedConvolution:
      let pixels = node.operation is Convolution ? places : Double(shapes[0].count)
      return pixels * Double(shapes[1].count) / Double(max(shapes[1][0], 1))
    case is MatrixMultiply, is Dense: return places * Double(shapes[0].dimensions.last ?? 1)
    case is Recurrent:
      // Each token of the batch meets both weights.
      let tokens = Double(shapes[0][0]) * Double(shapes[0][1])
      return tokens * Double(shapes[1].count + shapes[2].count)
    case let pool as MaxPool: return places * pool.window.size.reduce(1) { $0 * Double($1) }
    case let pool as AveragePool: return places * pool.window.size.reduce(1) { $0 * Double($1) }
    case is Resample: return places * Double(shapes[1].dimensions.last ?? 1)
    default: return Double(shapes.map(\.count).max() ?? 0)
    }
  }

  /// A node over constants as the numbers that it has.
  private mutating func literal(_ node: ONNXNode, _ value: ONNXValue) throws(ImportError.Problem) -> ONNXValue {
    guard case .node(let id) = value else { return value }
    for step in graph.nodes where step.operation != nil { _ = try charge(node, step.shape.dimensions) }
    workDone += graph.nodes.reduce(0.0) { $0 + products(of: $1) }
    guard workDone <= Self.mostProducts else { throw node.problem("computes too much from constants while importing") }
    graph.outputs = [id]
    let tensor = graph.run([:])[id]
    let type = type(of: id)
    guard !type.isFloat else { return .literal(Literal("", tensor, type: type)) }
    // What is only moved is exact; sums are up to where every whole number is a Float.
    let adds = graph.nodes.contains { $0.operation is Reduce || $0.operation is MatrixMultiply }
    var integers: [Int] = []
    integers.reserveCapacity(tensor.count)
    for scalar in tensor.scalars {
      guard let integer = Int(exactly: scalar) else { throw node.problem("computes \(scalar), which is no integer") }
      guard !adds || abs(integer) < 1 << 24 else {
        throw node.problem("computes \(integer) from constants, which is above 2^24")
      }
      integers.append(integer)
    }
    return .literal(Literal("", tensor.shape, integers: integers, type: type))
  }
}
