import Compute
import Graphs
import Tensors

/// A Keras network on its way to become a graph: call by call, in an order in which each finds its inputs.
struct KerasTranslation {
  private(set) var graph: Graph
  let store: KerasStore
  /// The Keras version that wrote the file, its first number.
  let version: Int
  let backend: String
  private let inputShapes: [String: Shape]
  /// Whether images have their channels first in this file.
  private let hasChannelsFirst: Bool
  private var problems = KerasProblems()
  private var constants: [String: Graph.Node.ID] = [:]
  private var taken: Set<String> = []
  private var warned: Set<String> = []
  private var stepCount = 0
  /// Networks in networks could be called more often than anything ends.
  private static let mostSteps = 1 << 18
  /// So long that no arithmetic with sizes overflows.
  static let longestAxis = 1 << 32
  private static let largestConstant = 1 << 26

  init(
    source: String, store: KerasStore, version: Int, backend: String, hasChannelsFirst: Bool,
    inputShapes: [String: Shape]
  ) {
    graph = Graph(source: source)
    self.store = store
    self.version = version
    self.backend = backend
    self.hasChannelsFirst = hasChannelsFirst
    self.inputShapes = inputShapes
  }

  var allProblems: [ImportError.Problem] { problems.all }

  mutating func report(_ problem: ImportError.Problem) { problems.report(problem) }

  /// Layers over time are a node for each step.
  private static let mostNodes = 1 << 17

  /// Whether one step more may be taken; that none may is reported once.
  mutating func takeStep() -> Bool {
    stepCount += 1
    if stepCount > Self.mostSteps { report(.tooMany("calls of layers", limit: Self.mostSteps)) }
    return stepCount <= Self.mostSteps
  }

  mutating func warn(_ words: String) {
    if warned.insert(words).inserted { graph.warnings.append("\(graph.source): \(words)") }
  }
}

// MARK: - Inputs and outputs

extension KerasTranslation {
  /// An input of the model. Images with their channels last become images of the graph; an open batch is 1.
  mutating func addInput(_ name: String, _ declared: [Int?]?) throws(ImportError.Problem) -> KerasTensor {
    func problem(_ words: String) -> ImportError.Problem { .value("input", name: name, problem: words) }
    guard var dimensions = declared else { throw problem("has no shape: build the model before it is saved") }
    guard !dimensions.isEmpty else { throw problem("is a single number, without a batch") }
    dimensions[0] = dimensions[0] ?? 1
    let isImage = dimensions.count == 4 && !hasChannelsFirst
    if isImage { dimensions = Self.channelsSecond(dimensions) }
    if let given = inputShapes[name] {
      let fits =
        given.rank == dimensions.count && (1..<given.rank).allSatisfy { dimensions[$0] ?? given[$0] == given[$0] }
      guard fits else { throw problem("the shape \(given) was given for it, but the file says \(words(dimensions))") }
      dimensions = given.dimensions
    }
    guard !dimensions.contains(nil) else {
      throw problem("its shape \(words(dimensions)) is open: give the sizes, or save the model with them")
    }
    guard let shape = Shape.checked(dimensions.map { $0! }), shape.count > 0,
      shape.dimensions.allSatisfy({ $0 <= Self.longestAxis })
    else {
      throw problem("has the impossible shape \(words(dimensions))")
    }
    return KerasTensor(node: graph.addInput(unique(name), shape), layout: isImage ? .image : .plain)
  }

  /// The sizes of an image as the graph has it.
  static func channelsSecond(_ image: [Int?]) -> [Int?] { [image[0], image[3], image[1], image[2]] }

  private func words(_ dimensions: [Int?]) -> String {
    "[" + dimensions.map { $0.map(String.init) ?? "?" }.joined(separator: ", ") + "]"
  }

  mutating func addOutput(_ tensor: KerasTensor) {
    // What was flattened is put in its order; images stay as the graph has them.
    let id = if case .flattened = tensor.layout { (try? plain(tensor, "output")) ?? tensor.node } else { tensor.node }
    if graph.outputs.contains(id) {
      if let copy = try? graph.add(unique(graph[id].name), Identity(), [id]) { graph.outputs.append(copy) }
    } else {
      graph.outputs.append(id)
    }
  }

  mutating func finish(companionFiles: [String]) -> Graph {
    graph.companionFiles = companionFiles
    return graph
  }
}

// MARK: - For the handlers

extension KerasTranslation {
  func shape(_ tensor: KerasTensor) -> Shape { graph[tensor.node].shape }

  /// The shape as Keras has it.
  func kerasShape(_ tensor: KerasTensor) -> [Int] {
    let shape = shape(tensor).dimensions
    return switch tensor.layout {
    case .plain, .flattened: shape
    case .image: [shape[0], shape[2], shape[3], shape[1]]
    case .sequence: [shape[0], shape[3], shape[1]]
    }
  }

  /// Adds a node; `part` names what is not the heart of the layer.
  mutating func add(
    _ step: KerasStep, _ operation: any Operator, _ inputs: [Graph.Node.ID], part: String? = nil
  ) throws(ImportError.Problem) -> Graph.Node.ID {
    try add(part.map { "\(step.name)/\($0)" } ?? step.name, operation, inputs, step)
  }

  private mutating func add(
    _ name: String, _ operation: any Operator, _ inputs: [Graph.Node.ID], _ step: KerasStep?
  ) throws(ImportError.Problem) -> Graph.Node.ID {
    guard graph.nodes.count < Self.mostNodes else { throw .tooMany("steps of layers", limit: Self.mostNodes) }
    do { return try graph.add(unique(name), operation, inputs) } catch {
      throw step?.problem(error.problem) ?? .model(error.problem)
    }
  }

  /// A constant of one value. Throws where a file asks for an absurdly large one.
  mutating func filled(
    _ step: KerasStep, _ sizes: [Int], _ value: Float, _ name: String
  ) throws(ImportError.Problem) -> Graph.Node.ID {
    let count = Shape.count(of: sizes) ?? .max
    try step.require(count <= Self.largestConstant, "wants a constant of the shape \(sizes), which is too large")
    return constant(step, Tensor(Shape(sizes), repeating: value), name)
  }

  mutating func constant(_ step: KerasStep, _ tensor: Tensor, _ name: String) -> Graph.Node.ID {
    let key = "\(step.place.names)\0\(name)\0\(tensor.shape)"
    if let id = constants[key] { return id }
    let id = graph.addConstant(unique("\(step.place.names.joined(separator: "/"))/\(name)"), tensor)
    constants[key] = id
    return id
  }

  /// A weight as a constant, the same node for each call of the layer.
  ///
  /// - Parameters:
  ///   - shape: what it must have in the file.
  ///   - variant: what sets this arrangement apart from others of the same weight.
  mutating func weight(
    _ step: KerasStep, _ variable: KerasVariable, _ shape: [Int], variant: String = "",
    _ arrange: (Tensor) -> Tensor = { $0 }
  ) throws(ImportError.Problem) -> Graph.Node.ID {
    let name = ((variable.part.first.map { [$0] } ?? []) + [variable.names[0]]).joined(separator: "/")
    let key = "\(step.place.names)\0\(name)\0\(variable.index)\0\(variant)"
    if let id = constants[key] { return id }
    let tensor = arrange(try values(step, variable, shape))
    let id = graph.addConstant(unique("\(step.place.names.joined(separator: "/"))/\(name)"), tensor)
    constants[key] = id
    return id
  }

  func values(
    _ step: KerasStep, _ variable: KerasVariable, _ shape: [Int]
  ) throws(ImportError.Problem) -> Tensor {
    let name: String
    do throws(DataProblem) { name = try store.dataset(of: variable, step.place) } catch {
      throw step.problem(error.words)
    }
    let found = store.shape(of: name) ?? []
    // Before Keras 2 some shapes had axes of size 1 more or less.
    guard found.filter({ $0 != 1 }) == shape.filter({ $0 != 1 }) else {
      throw step.problem("its weight '\(name)' is \(found), but the layer wants \(shape)")
    }
    do throws(ImportError) { return try store.read(name).reshaped(Shape(shape)) } catch {
      throw error.problems.first ?? .damaged("'\(name)' cannot be read")
    }
  }

  private mutating func unique(_ wanted: String) -> String {
    var (name, number) = (wanted.isEmpty ? "node" : wanted, 1)
    while !taken.insert(name).inserted {
      number += 1
      name = "\(wanted)_\(number)"
    }
    return name
  }
}

// MARK: - Layouts

extension KerasTranslation {
  /// The value with its axes as Keras has them.
  mutating func plain(_ tensor: KerasTensor, _ name: String) throws(ImportError.Problem) -> Graph.Node.ID {
    let shape = shape(tensor)
    func added(_ operation: any Operator, _ inputs: [Graph.Node.ID]) throws(ImportError.Problem) -> Graph.Node.ID {
      try add("\(name)/order", operation, inputs, nil)
    }
    switch tensor.layout {
    case .plain: return tensor.node
    case .image:
      guard shape[2] * shape[3] > 1 else { return try added(Reshape(dimensions: [0, 1, 1, shape[1]]), [tensor.node]) }
      return try added(Transpose(permutation: [0, 2, 3, 1]), [tensor.node])
    case .sequence:
      let flat = try added(Reshape(dimensions: [0, shape[1], shape[3]]), [tensor.node])
      return try added(Transpose(permutation: [0, 2, 1]), [flat])
    case .flattened(let channels, let height, let width):
      let image = try added(Reshape(dimensions: [0, channels, height, width]), [tensor.node])
      let last = try added(Transpose(permutation: [0, 2, 3, 1]), [image])
      return try added(Reshape(dimensions: [0, shape[1]]), [last])
    }
  }

  /// An image as the graph has it, of a value `[batch, height, width, channels]`.
  mutating func image(_ tensor: KerasTensor, _ step: KerasStep) throws(ImportError.Problem) -> Graph.Node.ID {
    if tensor.layout == .image { return tensor.node }
    let id = try plain(tensor, step.name)
    let shape = graph[id].shape
    guard shape.rank == 4 else { throw step.problem("takes an image of 4 axes, not \(shape)") }
    if shape[1] * shape[2] == 1 { return try add(step, Reshape(dimensions: [0, shape[3], 1, 1]), [id], part: "image") }
    return try add(step, Transpose(permutation: [0, 3, 1, 2]), [id], part: "image")
  }

  /// An image of one row, of a value `[batch, steps, channels]`.
  mutating func sequence(_ tensor: KerasTensor, _ step: KerasStep) throws(ImportError.Problem) -> Graph.Node.ID {
    if tensor.layout == .sequence { return tensor.node }
    let id = try plain(tensor, step.name)
    let shape = graph[id].shape
    guard shape.rank == 3 else { throw step.problem("takes a sequence of 3 axes, not \(shape)") }
    let first = try add(step, Transpose(permutation: [0, 2, 1]), [id], part: "channels")
    return try add(step, Reshape(dimensions: [0, shape[2], 1, shape[1]]), [first], part: "sequence")
  }

  /// Where an axis of Keras lies in the node; negative ones count from the end.
  func axis(_ axis: Int, of tensor: KerasTensor, _ step: KerasStep) throws(ImportError.Problem) -> Int {
    let rank = kerasShape(tensor).count
    let place = axis < 0 ? axis + rank : axis
    guard (0..<rank).contains(place) else { throw step.problem("axis \(axis) is outside the \(rank) axes") }
    return switch tensor.layout {
    case .plain, .flattened: place
    case .image: [0, 2, 3, 1][place]
    case .sequence: [0, 3, 1][place]
    }
  }
}
