import Graphs
import Tensors

/// What a name in the file stands for while importing.
enum ONNXValue {
  /// Computed from the inputs of the model.
  case node(Graph.Node.ID)
  /// Known already.
  case literal(Literal)
  /// Not made; why, in words.
  case unavailable(String)
  /// Not made, and its problem is reported already; whether it would have been computed from the inputs.
  case failed(isComputed: Bool)
}

/// An ONNX model on its way to become a graph: node by node, in the order of the file.
struct ONNXTranslation {
  private(set) var graph: Graph
  let operatorSet: Int
  private(set) var values: [String: ONNXValue] = [:]
  private var problems: [ImportError.Problem] = []
  private var unsupported: [(operation: String, nodes: [String])] = []
  private var unsupportedPlaces: [String: Int] = [:]
  private var initializers: [String: ONNXTensor] = [:]
  private var constants: [String: Graph.Node.ID] = [:]
  /// The names that nodes of the graph have.
  private var taken: Set<String> = []
  private var suffixes: [String: Int] = [:]
  /// Those that only the inputs and outputs of the model may take.
  private let reserved: Set<String>
  private let outputs: Set<String>
  /// The batch of the first input, for which shapes are inferred.
  private(set) var batch = 1
  /// Where the batch is, for nodes that have one.
  private var batches: [Graph.Node.ID: BatchPlace] = [:]
  /// Nodes that hold whole numbers: token ids, masks.
  private var integral: Set<Graph.Node.ID> = []
  /// The outputs after the first of the node that is being translated.
  private var laterOutputs: [ONNXValue] = []
  private(set) var files: ONNXFiles
  /// How many numbers may still be computed while importing.
  private var budget: Int

  init(_ model: ONNXModel, operatorSet: Int, files: ONNXFiles, source: String) {
    graph = Graph(source: source)
    self.operatorSet = operatorSet
    self.files = files
    outputs = Set(model.outputs)
    reserved = outputs.union(model.inputs.map(\.name))
    budget = 1 << 26
    for tensor in model.initializers { initializers[tensor.name] = tensor }
  }

  var allProblems: [ImportError.Problem] {
    problems + unsupported.map { .unsupported(operation: $0.operation, nodes: $0.nodes) }
  }
}

// MARK: - From the file to the graph

extension ONNXTranslation {
  mutating func addInputs(_ inputs: [ONNXInput], given: [String: Shape]) {
    for input in inputs where initializers[input.name] == nil {
      do throws(DataProblem) {
        guard values[input.name] == nil else { throw DataProblem("is declared twice") }
        let shape = try shape(of: input, given: given[input.name])
        if graph.nodes.isEmpty { batch = shape[0] }
        let id = graph.addInput(unique(input.name, reserved: true), shape)
        batches[id] = BatchPlace(axis: 0, outside: 1)
        if !ONNXTensor.isFloat(input.elementType) { integral.insert(id) }
        values[input.name] = .node(id)
      } catch {
        values[input.name] = .failed(isComputed: true)
        problems.append(.value("input", name: input.name, problem: error.words))
      }
    }
    let known = Set(graph.inputs.map(\.name))
    for name in given.keys.sorted() where !known.contains(name) && values[name] == nil {
      problems.append(
        .model("a shape is given for '\(name)', but the inputs are \(known.sorted().joined(separator: ", "))"))
    }
    if values.isEmpty { problems.append(.model("has no inputs")) }
  }

  /// An open batch is 1; any other open axis must be given.
  private func shape(of input: ONNXInput, given: Shape?) throws(DataProblem) -> Shape {
    guard ONNXTensor.isFloat(input.elementType) || ONNXTensor.isInteger(input.elementType) else {
      throw DataProblem("holds \(ONNXTensor.typeName(input.elementType)); only numbers are supported as inputs")
    }
    let declared = given?.dimensions ?? input.dimensions
    guard var dimensions: [Int?] = declared else { throw DataProblem("has no shape: export the model with one") }
    guard !dimensions.isEmpty else { throw DataProblem("is a single number, without a batch") }
    if dimensions[0] == nil { dimensions[0] = 1 }
    if let axis = dimensions.firstIndex(of: nil) {
      throw DataProblem("its size along axis \(axis) is open: export the model with a fixed size there")
    }
    guard let shape = Shape.checked(dimensions.map { $0! }), shape.count > 0 else {
      throw DataProblem("has the impossible shape \(dimensions.map { $0! })")
    }
    return shape
  }

  mutating func translate(_ node: ONNXNode) {
    let made: ONNXValue
    laterOutputs = []
    do {
      let handler = node.domain.isEmpty ? ONNXOperators.handlers[node.operation] : nil
      if let handler {
        made = try allInputsMade(node) ? try handler(node, &self) : failure(of: node)
      } else {
        report(unsupported: node.domain.isEmpty ? node.operation : "\(node.domain).\(node.operation)", node)
        made = .failed(isComputed: true)
      }
    } catch {
      if case .unsupported(let operation, _) = error {
        report(unsupported: operation, node)
      } else {
        problems.append(error)
      }
      made = failure(of: node)
    }
    for (index, output) in node.outputs.enumerated() where !output.isEmpty {
      values[output] = index == 0 ? named(made, output) : extra(output: index, of: node, made)
    }
  }

  private func extra(output index: Int, of node: ONNXNode, _ made: ONNXValue) -> ONNXValue {
    if case .failed = made { return made }
    if index <= laterOutputs.count { return laterOutputs[index - 1] }
    return .unavailable("output \(index) of node '\(node.name)' (\(node.operation)), which is not supported")
  }

  /// A literal that was computed takes the name of the output, one that was passed on keeps its own.
  private func named(_ value: ONNXValue, _ output: String) -> ONNXValue {
    guard case .literal(var literal) = value, literal.name.isEmpty else { return value }
    literal.name = output
    return .literal(literal)
  }

  /// Whether everything that the node reads was made. Throws where a name is not known at all.
  private mutating func allInputsMade(_ node: ONNXNode) throws(ImportError.Problem) -> Bool {
    var all = true
    for name in node.inputs where !name.isEmpty {
      switch value(named: name) {
      case .failed: all = false
      case .unavailable(let what): throw node.problem("reads '\(name)', \(what)")
      case nil: throw node.problem("reads '\(name)', which nothing before it computes")
      case .node, .literal: break
      }
    }
    if !all, isComputed(node), ONNXOperators.literalOnly.contains(node.operation) { throw node.notBetweenComputed }
    return all
  }

  private func failure(of node: ONNXNode) -> ONNXValue { .failed(isComputed: isComputed(node)) }

  /// Whether what the node makes depends on the inputs of the model, and on more than their shape.
  private func isComputed(_ node: ONNXNode) -> Bool {
    guard node.operation != "Shape" && node.operation != "Size" else { return false }
    return node.inputs.contains {
      switch values[$0] {
      case .node, .failed(isComputed: true): true
      default: false
      }
    }
  }

  private mutating func report(unsupported operation: String, _ node: ONNXNode) {
    if let place = unsupportedPlaces[operation] {
      unsupported[place].nodes.append(node.name)
    } else {
      unsupportedPlaces[operation] = unsupported.count
      unsupported.append((operation, [node.name]))
    }
  }

  mutating func addOutputs(_ outputs: [String]) {
    if outputs.isEmpty { problems.append(.model("has no outputs")) }
    var done: Set<Graph.Node.ID> = []
    for output in outputs {
      switch value(named: output) {
      case .node(let id):
        if graph[id].name == output, done.insert(id).inserted { graph.outputs.append(id); continue }
        if let copy = try? graph.add(unique(output, reserved: true), Identity(), [id]) { graph.outputs.append(copy) }
      case .literal(let literal):
        do { graph.outputs.append(try constant(literal, for: nil)) } catch { problems.append(error) }
      case .unavailable(let what):
        problems.append(.value("output", name: output, problem: "is \(what)"))
      case nil: problems.append(.value("output", name: output, problem: "nothing computes it"))
      case .failed: break
      }
    }
  }

  /// The value of that name, decoded from the file where it is an initializer.
  private mutating func value(named name: String) -> ONNXValue? {
    if let value = values[name] { return value }
    guard let tensor = initializers[name] else { return nil }
    do throws(DataProblem) {
      let literal = try tensor.decoded(from: &files)
      guard take(literal.shape.count) else { throw DataProblem("the constants are too large together") }
      values[name] = .literal(literal)
    } catch {
      problems.append(.value("constant", name: name, problem: error.words))
      values[name] = .failed(isComputed: false)
    }
    return values[name]
  }
}

// MARK: - For the handlers

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
    default: throw node.problem("input \(index) ('\(node.inputs[index])') must be a constant")
    }
  }

  func integers(_ node: ONNXNode, _ index: Int) throws(ImportError.Problem) -> [Int]? {
    guard let literal = try literal(node, index) else { return nil }
    guard let integers = literal.integers, literal.shape.rank <= 1 else {
      throw node.problem("input \(index) ('\(node.inputs[index])') must be a list of integers")
    }
    return integers
  }

  /// An input as a node of the graph; a literal becomes a constant. Whole numbers only where the node can read them.
  mutating func operand(
    _ node: ONNXNode, _ index: Int, mayBeIntegral: Bool = false
  ) throws(ImportError.Problem) -> Graph.Node.ID {
    switch try input(node, index) {
    case .node(let id):
      try node.require(
        mayBeIntegral || !integral.contains(id),
        "input \(index) ('\(node.inputs[index])') holds whole numbers at run time, which it cannot compute with")
      return id
    case .literal(let literal): return try constant(literal, for: node)
    case .unavailable, .failed: throw node.problem("has no input \(index)")
    }
  }

  /// The constant for a literal; the same node each time where the same name holds the same shape.
  mutating func constant(
    _ literal: Literal, for node: ONNXNode?, variant: String = ""
  ) throws(ImportError.Problem) -> Graph.Node.ID {
    guard let tensor = literal.tensor else {
      let problem = "'\(literal.name)' holds integers, where floating point numbers are wanted"
      throw node?.problem(problem) ?? .value("constant", name: literal.name, problem: "holds integers")
    }
    let key = "\(literal.name)\0\(literal.history)\0\(literal.shape)\0\(variant)"
    if let id = constants[key] { return id }
    let id = graph.addConstant(unique(literal.name), tensor)
    constants[key] = id
    return id
  }

  /// Adds what the node stands for; `part` names a step before the last. `keepsBatch` says whether the batch stays where
  /// it is, counted from the last axis, and `batch` where else it goes.
  mutating func add(
    _ node: ONNXNode, _ operation: any Operator, _ inputs: [Graph.Node.ID], part: String? = nil,
    keepsBatch: Bool = true, batch: BatchPlace? = nil
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
    batch: BatchPlace? = nil
  ) throws(ImportError.Problem) -> ONNXValue {
    .node(try add(node, operation, inputs, keepsBatch: keepsBatch, batch: batch))
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

  func isIntegral(_ id: Graph.Node.ID) -> Bool { integral.contains(id) }

  /// The same node as a value, whose numbers are whole.
  mutating func integral(_ id: Graph.Node.ID) -> ONNXValue {
    integral.insert(id)
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
  private mutating func take(_ count: Int) -> Bool {
    guard count <= budget + 2 * files.size else { return false }
    budget -= count
    return true
  }

  mutating func decoded(_ tensor: ONNXTensor, _ node: ONNXNode) throws(ImportError.Problem) -> Literal {
    do { return try tensor.decoded(from: &files) } catch { throw node.problem(error.words) }
  }

  private mutating func unique(_ wanted: String, reserved mayBeReserved: Bool = false) -> String {
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
