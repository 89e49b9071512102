import Tensors

/// A step that makes a graph from a graph. The old one stays, so that what both compute can be compared.
package protocol Pass: Sendable {
  /// The name in lists and logs. Never changes once released.
  static var name: String { get }
  /// What the pass does, in a sentence, for `signum list passes`.
  static var summary: String { get }
  func rewrite(_ graph: Graph) throws(ShapeError) -> Graph
}

extension Graph {
  /// Builds a new graph node by node; what no output depends on is left behind, inputs excepted.
  ///
  /// `replace` gets each old node with its inputs in the new graph, and either adds what stands in its place and
  /// returns that, or returns nil to keep the node as it is.
  ///
  /// - Parameter others: nodes that some nodes shall read as well, by the reader; they stand before it in the new
  ///   graph, and their places there come after its inputs. None of them may depend on the reader.
  package func rewriting(
    readingToo others: [Node.ID: [Node.ID]] = [:],
    _ replace: (_ node: Node, _ inputs: [Node.ID], _ new: inout Graph) throws(ShapeError) -> Node.ID?
  ) throws(ShapeError) -> Graph {
    var new = Graph(source: source)
    var places: [Node.ID?] = Array(repeating: nil, count: nodes.count)
    for node in ordered(readingToo: others) {
      let inputs = (node.inputs + (others[node.id] ?? [])).map { places[$0.index]! }
      if let place = try replace(node, inputs, &new) {
        places[node.id.index] = place
      } else {
        places[node.id.index] = try new.copy(node, inputs: Array(inputs.prefix(node.inputs.count)))
      }
    }
    new.outputs = outputs.map { places[$0.index]! }
    return try new.withoutUnused()
  }

  /// The nodes in an order in which each stands behind what it reads, and what it shall read.
  private func ordered(readingToo others: [Node.ID: [Node.ID]]) -> [Node] {
    guard !others.isEmpty else { return nodes }
    var order: [Node] = []
    var isPlaced = [Bool](repeating: false, count: nodes.count)
    func place(_ id: Node.ID) {
      guard !isPlaced[id.index] else { return }
      isPlaced[id.index] = true
      for before in self[id].inputs + (others[id] ?? []) { place(before) }
      order.append(self[id])
    }
    for node in nodes { place(node.id) }
    return order
  }

  private mutating func copy(_ node: Node, inputs: [Node.ID]) throws(ShapeError) -> Node.ID {
    switch node.content {
    case .input: addInput(node.name, node.shape)
    case .constant(let constant): addConstant(node.name, constant)
    case .operation(let operation): try add(node.name, operation, inputs)
    }
  }

  private func withoutUnused() throws(ShapeError) -> Graph {
    let used = areUsed
    var new = Graph(source: source)
    var places: [Node.ID?] = []
    for node in nodes {
      if case .input = node.content {} else if !used[node.id.index] { places.append(nil); continue }
      places.append(try new.copy(node, inputs: node.inputs.map { places[$0.index]! }))
    }
    new.outputs = outputs.map { places[$0.index]! }
    return new
  }
}
