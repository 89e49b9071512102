import Tensors

/// A model in memory. Everything in it is a node, and every node makes one value.
///
/// A graph that exists is well-formed: a node's inputs stand before it, and its shape is inferred when it is added.
/// The first dimension of an input, and of what is computed from it, is the batch: shapes are inferred for the batch
/// that the input names (1 as a rule), and a run may bring any other.
package struct Graph: Sendable {
  package struct Node: Sendable, Identifiable {
    package struct ID: Hashable, Sendable, Comparable {
      package let index: Int
      package static func < (left: ID, right: ID) -> Bool { left.index < right.index }
    }
    package enum Content: Sendable {
      case input
      case constant(Constant)
      case operation(any Operator)
    }
    package let id: ID
    package let name: String
    package let content: Content
    package let inputs: [ID]
    package let shape: Shape

    package var operation: (any Operator)? { if case .operation(let operation) = content { operation } else { nil } }
    package var constant: Constant? { if case .constant(let constant) = content { constant } else { nil } }
  }

  package enum Constant: Sendable {
    case dense(Tensor)
    case coded(CodedTensor)

    package var shape: Shape {
      switch self {
      case .dense(let tensor): tensor.shape;
      case .coded(let coded): coded.shape
      }
    }
    package var tensor: Tensor {
      switch self {
      case .dense(let tensor): tensor;
      case .coded(let coded): coded.decoded()
      }
    }
  }

  /// In an order in which they can be evaluated.
  package private(set) var nodes: [Node] = []
  package var outputs: [Node.ID] = []
  /// Where the model came from, for messages: a file name.
  package var source: String
  /// Files beside it that hold some of its weights, as paths.
  package var companionFiles: [String] = []
  /// What is odd about the file and kept nobody from reading it, a line each, its name first.
  package var warnings: [String] = []

  package init(source: String = "graph") { self.source = source }

  package subscript(id: Node.ID) -> Node { nodes[id.index] }
  package var inputs: [Node] { nodes.filter { if case .input = $0.content { true } else { false } } }

  package mutating func addInput(_ name: String, _ shape: Shape) -> Node.ID { append(name, .input, [], shape) }

  package mutating func addConstant(_ name: String, _ constant: Constant) -> Node.ID {
    append(name, .constant(constant), [], constant.shape)
  }

  package mutating func addConstant(_ name: String, _ tensor: Tensor) -> Node.ID { addConstant(name, .dense(tensor)) }

  /// Adds a node. Its shape is inferred here, so that no graph has a node of unknown shape.
  package mutating func add(_ name: String, _ operation: some Operator, _ inputs: [Node.ID]) throws(ShapeError)
    -> Node.ID
  {
    do {
      return append(name, .operation(operation), inputs, try operation.shape(of: inputs.map { self[$0].shape }))
    } catch {
      var placed = error
      placed.node = name
      throw placed
    }
  }

  private mutating func append(_ name: String, _ content: Node.Content, _ inputs: [Node.ID], _ shape: Shape) -> Node.ID
  {
    precondition(inputs.allSatisfy { $0.index < nodes.count }, "the inputs of a node stand before it")
    let id = Node.ID(index: nodes.count)
    nodes.append(Node(id: id, name: name, content: content, inputs: inputs, shape: shape))
    return id
  }

  /// The same nodes with their shapes inferred for another batch. Throws where the network does not take it, which a
  /// network that mixes the images of a batch does not.
  package func withBatch(_ batch: Int) throws(ShapeError) -> Graph {
    var graph = Graph(source: source)
    for node in nodes {
      switch node.content {
      case .input: _ = graph.addInput(node.name, node.shape.withBatch(batch))
      case .constant(let constant): _ = graph.addConstant(node.name, constant)
      case .operation(let operation): _ = try graph.add(node.name, operation, node.inputs)
      }
    }
    graph.outputs = outputs
    return graph
  }

  /// Who reads each node, in order, among the nodes that an output depends on.
  package func consumers() -> [Node.ID: [Node]] {
    var consumers: [Node.ID: [Node]] = [:]
    for (node, isUsed) in zip(nodes, areUsed) where isUsed {
      for input in Set(node.inputs) { consumers[input, default: []].append(node) }
    }
    return consumers
  }

  /// For each node, whether an output depends on it.
  var areUsed: [Bool] {
    var used = [Bool](repeating: false, count: nodes.count)
    for output in outputs { used[output.index] = true }
    for node in nodes.reversed() where used[node.id.index] { for input in node.inputs { used[input.index] = true } }
    return used
  }

  /// The same graph with other values for some of its constants. Complexity: O(nodes).
  package func replacingConstants(_ values: [Node.ID: Tensor]) -> Graph {
    var graph = self
    graph.nodes = nodes.map { node in
      guard case .constant = node.content, let value = values[node.id] else { return node }
      precondition(value.shape == node.shape, "a constant keeps its shape")
      return Node(id: node.id, name: node.name, content: .constant(.dense(value)), inputs: [], shape: node.shape)
    }
    return graph
  }
}

extension Graph: CustomStringConvertible {
  /// A line a node: name, operator with its attributes, inputs, shape.
  package var description: String {
    nodes.map { node in
      let inputs = node.inputs.map { self[$0].name }.joined(separator: ", ")
      let what =
        switch node.content {
        case .input: "input"
        case .constant(.dense): "constant"
        case .constant(.coded(let coded)): "constant(\(coded.alphabet))"
        case .operation(let operation): "\(operation.label)(\(inputs))"
        }
      return "\(outputs.contains(node.id) ? "→" : " ") \(node.name): \(what) \(node.shape)"
    }.joined(separator: "\n")
  }
}

extension Operator {
  /// The name with the attributes, as dumps show it.
  package var label: String {
    let attributes = Mirror(reflecting: self).children.compactMap { child in child.label.map { "\($0): \(child.value)" }
    }
    return attributes.isEmpty ? Self.name : "\(Self.name)<\(attributes.joined(separator: ", "))>"
  }
}
