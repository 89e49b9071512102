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
  package func rewriting(
    _ replace: (_ node: Node, _ inputs: [Node.ID], _ new: inout Graph) throws(ShapeError) -> Node.ID?
  ) throws(ShapeError) -> Graph {
    var new = Graph(source: source)
    var places: [Node.ID] = []
    for node in nodes {
      let inputs = node.inputs.map { places[$0.index] }
      if let place = try replace(node, inputs, &new) {
        places.append(place)
      } else {
        places.append(try new.copy(node, inputs: inputs))
      }
    }
    new.outputs = outputs.map { places[$0.index] }
    return try new.withoutUnused()
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
