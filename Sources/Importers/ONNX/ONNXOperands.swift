import Graphs
import Tensors

extension ONNXTranslation {
  /// An input of the node; nil where it is left out.
  ///
  /// - Precondition: it was found to be there, as it was for every node that a handler gets.
  func optional(_ node: ONNXNode, _ index: Int) -> ONNXValue? {
    guard index < node.inputs.count, !node.inputs[index].isEmpty else { return nil }
    return values[node.inputs[index]]
  }

  func input(_ node: ONNXNode, _ index: Int) throws(ImportError.Problem) -> ONNXValue {
    guard let value = optional(node, index) else { throw node.problem("has no input \(index)") }
    return value
  }

  /// An input that must be known while importing; nil where it is left out.
  func literal(_ node: ONNXNode, _ index: Int) throws(ImportError.Problem) -> Literal? {
    switch optional(node, index) {
    case nil: return nil
    case .literal(let literal): return literal
    case .node(let id): throw mustBeKnown(node, index, id)
    default: throw node.problem("input \(index) ('\(node.inputs[index])') must be a constant")
    }
  }

  /// Of an input whose numbers decide about shapes, but are computed.
  func mustBeKnown(_ node: ONNXNode, _ index: Int, _ id: Graph.Node.ID) -> ImportError.Problem {
    var (seen, sources): (Set<Graph.Node.ID>, [String]) = ([id], [])
    // Of many nodes that fail the first will do: each looks through all of the graph before it.
    var open = problemCount < Self.mostSearches ? [id] : []
    while let next = open.popLast() {
      if case .input = graph[next].content { sources.append(graph[next].name) }
      for input in graph[next].inputs where seen.insert(input).inserted { open.append(input) }
    }
    return .computed(
      name: node.name, operation: node.operation, input: node.inputs[index], index: index, sources: sources.sorted())
  }

  private static let mostSearches = 100

  func integers(_ node: ONNXNode, _ index: Int) throws(ImportError.Problem) -> [Int]? {
    guard let literal = try literal(node, index) else { return nil }
    guard let integers = literal.integers, literal.shape.rank <= 1 else {
      throw node.problem("input \(index) ('\(node.inputs[index])') must be a list of integers")
    }
    return integers
  }

  /// An input as a node of the graph; a literal becomes a constant.
  mutating func operand(_ node: ONNXNode, _ index: Int) throws(ImportError.Problem) -> Graph.Node.ID {
    switch try input(node, index) {
    case .node(let id): return id
    case .literal(let literal): return try constant(literal, for: node)
    case .unavailable, .failed: throw node.problem("has no input \(index)")
    }
  }

  /// The constant for a literal; the same node each time for the same literal.
  mutating func constant(
    _ literal: Literal, for node: ONNXNode?, variant: String = ""
  ) throws(ImportError.Problem) -> Graph.Node.ID {
    let key = "\(literal.identity)\0\(literal.history)\0\(literal.shape)\0\(variant)"
    if let id = constants[key] { return id }
    guard let tensor = literal.floats else {
      let problem = "'\(literal.name)' holds whole numbers above \(1 << 24) that no Float is"
      throw node?.problem(problem) ?? .value("constant", name: literal.name, problem: problem)
    }
    let id = graph.addConstant(unique(literal.name), tensor)
    _ = typed(id, literal.type)
    constants[key] = id
    return id
  }

  /// Adds what the node stands for; `part` names a step before the last. `keepsBatch` says whether the batch stays
  /// where it is, counted from the last axis, and `batch` where else it goes.
  mutating func add(
    _ node: ONNXNode, _ operation: any Operator, _ inputs: [Graph.Node.ID], part: String? = nil,
    keepsBatch: Bool = true, batch: BatchPlace? = nil, type: ONNXElementType? = nil
  ) throws(ImportError.Problem) -> Graph.Node.ID {
    let output = node.outputs.first ?? ""
    let isOutput = part == nil && outputs.contains(output)
    let name = unique(part.map { "\(node.name).\($0)" } ?? (isOutput ? output : node.name), reserved: isOutput)
    do {
      let id = try graph.add(name, operation, inputs)
      guard Shape.checked(graph[id].shape.dimensions) != nil else {
        throw node.problem("its output \(graph[id].shape) is too large")
      }
      let shape = graph[id].shape
      _ = typed(id, type ?? inputs.first.map { self.type(of: $0) } ?? .float)
      if let batch {
        batches[id] = batch
      } else if operation is Flatten {
        batches[id] = self.batch(of: inputs[0], reshapedTo: shape.dimensions)
      } else if keepsBatch {
        batches[id] = alignedBatch(of: inputs, rank: shape.rank)
      }
      return id
    } catch let error as ShapeError {
      throw node.problem(error.problem)
    } catch let problem as ImportError.Problem {
      throw problem
    } catch {
      throw node.problem("\(error)")
    }
  }

  /// The same, as the value of the node.
  mutating func value(
    _ node: ONNXNode, _ operation: any Operator, _ inputs: [Graph.Node.ID], keepsBatch: Bool = true,
    batch: BatchPlace? = nil, type: ONNXElementType? = nil
  ) throws(ImportError.Problem) -> ONNXValue {
    .node(try add(node, operation, inputs, keepsBatch: keepsBatch, batch: batch, type: type))
  }

  func shape(of value: ONNXValue, _ node: ONNXNode) throws(ImportError.Problem) -> Shape {
    switch value {
    case .node(let id): return graph[id].shape
    case .literal(let literal): return literal.shape
    case .unavailable, .failed: throw node.problem("reads a value that was not made")
    }
  }

  func isBatched(_ id: Graph.Node.ID) -> Bool { batches[id] != nil }

  func batch(of id: Graph.Node.ID) -> BatchPlace? { batches[id] }

  func type(of id: Graph.Node.ID) -> ONNXElementType { types[id] ?? .float }

  func type(of value: ONNXValue) -> ONNXElementType {
    switch value {
    case .node(let id): type(of: id)
    case .literal(let literal): literal.type
    case .unavailable, .failed: .float
    }
  }

  func isIntegral(_ id: Graph.Node.ID) -> Bool { !type(of: id).isFloat }

  /// The same node as a value, whose numbers are of that type.
  mutating func typed(_ id: Graph.Node.ID, _ type: ONNXElementType) -> ONNXValue {
    types[id] = type == .float ? nil : type
    return .node(id)
  }

  /// Gives the outputs of the node after its first.
  mutating func give(laterOutputs outputs: [ONNXValue]) { laterOutputs = outputs }

  /// Takes from the numbers that may be computed while importing.
  mutating func charge(_ node: ONNXNode, _ dimensions: [Int]) throws(ImportError.Problem) -> Shape {
    guard let shape = Shape.checked(dimensions), take(shape.count) else {
      throw node.problem("computes too many numbers from constants: its output has the shape \(dimensions)")
    }
    return shape
  }

  /// Whether there is room for that many numbers more: a fixed number of them, and some for each byte of the files, so
  /// that files whose constants overlap or grow do not fill the memory.
  mutating func take(_ count: Int) -> Bool {
    guard count <= budget + 2 * files.size else { return false }
    budget -= count
    return true
  }

  /// The numbers of a tensor in a node, which may stand there as often as a function is called.
  mutating func decoded(_ tensor: ONNXTensor, _ node: ONNXNode) throws(ImportError.Problem) -> Literal {
    if let shape = Shape.checked(tensor.dimensions) { _ = try charge(node, shape.dimensions) }
    do { return try tensor.decoded(from: &files) } catch { throw node.problem(error.words) }
  }

  mutating func unique(_ wanted: String, reserved mayBeReserved: Bool = false) -> String {
    let base = wanted.isEmpty ? "node" : wanted
    var name = base
    while taken.contains(name) || (!mayBeReserved && reserved.contains(name)) {
      suffixes[base, default: 1] += 1
      name = "\(base)_\(suffixes[base]!)"
    }
    taken.insert(name)
    return name
  }
}
