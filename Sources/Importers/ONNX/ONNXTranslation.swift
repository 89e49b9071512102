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
  var graph: Graph
  let operatorSet: Int
  /// Whether the graph shall hold for every batch, as a model does that is trained, or only for the shapes given.
  let holdsForAnyBatch: Bool
  var values: [String: ONNXValue] = [:]
  private var problems: [ImportError.Problem] = []
  private var unsupported: [(operation: String, nodes: [String])] = []
  private var unsupportedPlaces: [String: Int] = [:]
  private var initializers: [String: ONNXTensor] = [:]
  var constants: [String: Graph.Node.ID] = [:]
  /// The names that nodes of the graph have.
  var taken: Set<String> = []
  var suffixes: [String: Int] = [:]
  /// Those that only the inputs and outputs of the model may take.
  let reserved: Set<String>
  let outputs: Set<String>
  /// The batch of the first input, for which shapes are inferred.
  private(set) var batch = 1
  /// Where the batch is, for nodes that have one.
  var batches: [Graph.Node.ID: BatchPlace] = [:]
  /// The element types of the nodes that hold whole numbers or truths: token ids, masks.
  var types: [Graph.Node.ID: ONNXElementType] = [:]
  /// The outputs after the first of the node that is being translated.
  var laterOutputs: [ONNXValue] = []
  var files: ONNXFiles
  /// How many numbers may still be computed while importing.
  var budget: Int
  /// How much was worked out from constants, in products and sums.
  var workDone = 0.0

  init(_ model: ONNXModel, operatorSet: Int, files: ONNXFiles, source: String, holdsForAnyBatch: Bool = true) {
    graph = Graph(source: source)
    self.operatorSet = operatorSet
    self.holdsForAnyBatch = holdsForAnyBatch
    self.files = files
    outputs = Set(model.outputs)
    reserved = outputs.union(model.inputs.map(\.name))
    budget = 1 << 26
    for tensor in model.initializers { initializers[tensor.name] = tensor }
    // What is wrong with them is among the problems of the model.
    for name in model.sparse { values[name] = .failed(isComputed: false) }
  }

  /// An empty one, in which a node is worked out all of whose inputs are known.
  init(forConstantsOf other: ONNXTranslation, _ values: [String: ONNXValue]) {
    graph = Graph(source: other.graph.source)
    operatorSet = other.operatorSet
    holdsForAnyBatch = false
    files = other.files
    budget = other.budget
    workDone = other.workDone
    (outputs, reserved) = ([], [])
    self.values = values
  }

  var problemCount: Int { problems.count }

  var allProblems: [ImportError.Problem] {
    problems + unsupported.map { .unsupported(operation: $0.operation, nodes: $0.nodes) }
  }
}

// MARK: - From the file to the graph

extension ONNXTranslation {
  /// Inputs with a value that is given become constants.
  mutating func addInputs(_ inputs: [ONNXInput], given: [String: Shape], known: [String: Literal] = [:]) {
    for input in inputs where initializers[input.name] == nil {
      do throws(DataProblem) {
        guard values[input.name] == nil else { throw DataProblem("is declared twice") }
        if let literal = known[input.name] { values[input.name] = .literal(literal); continue }
        let shape = try shape(of: input, given: given[input.name])
        if graph.nodes.isEmpty, shape.rank > 0 { batch = shape[0] }
        let id = graph.addInput(unique(input.name, reserved: true), shape)
        if holdsForAnyBatch { batches[id] = BatchPlace(axis: 0, outside: 1) }
        _ = typed(id, ONNXElementType(input.elementType))
        values[input.name] = .node(id)
      } catch {
        values[input.name] = .failed(isComputed: true)
        problems.append(.value("input", name: input.name, problem: error.words))
      }
    }
    let names = Set(graph.inputs.map(\.name))
    for name in given.keys.sorted()
    where !InputShapes.areForSeveral && !names.contains(name) && values[name] == nil {
      problems.append(
        .model("a shape is given for '\(name)', but the inputs are \(names.sorted().joined(separator: ", "))"))
    }
    if values.isEmpty, holdsForAnyBatch { problems.append(.model("has no inputs")) }
  }

  /// An open batch is 1; any other open axis must be given.
  private func shape(of input: ONNXInput, given: Shape?) throws(DataProblem) -> Shape {
    guard ONNXElementType(input.elementType).isFloat || ONNXElementType(input.elementType).isInteger else {
      throw DataProblem("holds \(ONNXElementType(input.elementType).name); only numbers are supported as inputs")
    }
    let declared = given?.dimensions ?? input.dimensions
    guard var dimensions: [Int?] = declared else { throw DataProblem("has no shape: export the model with one") }
    guard !dimensions.isEmpty || !holdsForAnyBatch else {
      throw DataProblem("is a single number, without a batch")
    }
    if let axis = dimensions.firstIndex(of: nil), axis == 0 { dimensions[0] = 1 }
    if let axis = dimensions.firstIndex(of: nil) {
      let example = dimensions.map { $0.map(String.init) ?? "N" }.joined(separator: "x")
      throw DataProblem("its size along axis \(axis) is open: give it with --shape \(input.name)=\(example)")
    }
    guard let shape = Shape.checked(dimensions.map { $0! }), shape.count > 0 || !holdsForAnyBatch else {
      throw DataProblem("has the impossible shape \(dimensions.map { $0! })")
    }
    return shape
  }

  mutating func translate(_ node: ONNXNode) {
    let made: ONNXValue
    laterOutputs = []
    do {
      let handler = node.domain.isEmpty ? ONNXOperators.handlers[node.operation] : nil
      if node.isRefused {
        made = .failed(isComputed: true)
      } else if let handler {
        made = try allInputsMade(node) ? try value(of: node, handler) : failure(of: node)
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

  /// The outputs of a graph inside a node, whose nodes are taken as if they stood in its place.
  mutating func translated(_ inner: ONNXGraph) -> [ONNXValue] {
    // Another branch may give the same names to other numbers.
    for tensor in inner.initializers {
      initializers[tensor.name] = tensor
      values[tensor.name] = nil
    }
    for name in inner.sparse { values[name] = .failed(isComputed: false) }
    for node in inner.nodes { translate(node) }
    return inner.outputs.map { name in
      value(named: name) ?? .unavailable("which nothing in its branch computes")
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
