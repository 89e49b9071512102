import Graphs

/// A function that a model brings along: nodes that stand in the place of one.
struct ONNXFunction {
  /// What a node must name to mean it.
  struct Key: Hashable {
    var domain: String
    var name: String
    var overload: String
  }
  var key: Key
  var inputs: [String]
  var outputs: [String]
  /// Of attributes that a call may leave out.
  var defaults: [String: ONNXAttribute]
  var nodes: [ONNXNode]
  /// The version of ONNX' own operators; nil where it uses none.
  var operatorSet: Int?
}

extension ONNXModel {
  /// Puts the nodes of functions in the place of the nodes that call them.
  ///
  /// Values of a function get the call before their names, so that each call has its own. An operator of ONNX' own that
  /// is supported stays what it is. A call that does not fit its function stays, and is among the problems. Throws
  /// where functions call each other in a circle, or make more nodes than a model has.
  mutating func inlineFunctions(_ functions: [ONNXFunction]) throws(ImportError.Problem) {
    guard !functions.isEmpty else { return }
    var inlining = ONNXInlining(functions, operatorSet: opsets[""])
    nodes = try inlining.expanded(nodes, depth: 0)
    functionProblems = inlining.problems
  }
}

private struct ONNXInlining {
  private enum Limit {
    static let depth = 64
    static let nodes = 1 << 18
    /// Inputs, outputs, attributes and constants, of all calls together.
    static let parts = 1 << 20
    static let characters = 1 << 28
  }
  private var functions: [ONNXFunction.Key: ONNXFunction] = [:]
  private let operatorSet: Int?
  private(set) var problems: [ImportError.Problem] = []
  private var (calls, nodes, parts, characters) = (0, 0, 0, 0)

  init(_ functions: [ONNXFunction], operatorSet: Int?) {
    self.operatorSet = operatorSet
    for function in functions where self.functions.updateValue(function, forKey: function.key) != nil {
      problems.append(.model("has two functions '\(function.key.domain).\(function.key.name)'"))
    }
  }

  mutating func expanded(_ nodes: [ONNXNode], depth: Int) throws(ImportError.Problem) -> [ONNXNode] {
    var result: [ONNXNode] = []
    for var node in nodes {
      let key = ONNXFunction.Key(domain: node.domain, name: node.operation, overload: node.overload)
      let isKnown = node.domain.isEmpty && ONNXOperators.handlers[node.operation] != nil
      let function = isKnown ? nil : functions[key]
      node.isRefused = function.map { !fits($0, node) } ?? false
      guard let function, !node.isRefused else {
        for (name, attribute) in node.attributes {
          guard let inner = attribute.graph?.nodes else { continue }
          node.attributes[name]?.graph?.nodes = try expanded(inner, depth: depth)
        }
        result.append(node)
        continue
      }
      guard depth < Limit.depth else {
        throw .model("its functions call each other in a circle, or more than \(Limit.depth) deep")
      }
      result += try expanded(body(of: function, calledBy: node), depth: depth + 1)
    }
    return result
  }

  /// Whether a node calls the function as it must be called; why not is among the problems.
  private mutating func fits(_ function: ONNXFunction, _ node: ONNXNode) -> Bool {
    if let set = function.operatorSet, set != operatorSet {
      problems.append(
        node.problem(
          "is a function of operator set \(set), but the model is of \(operatorSet ?? 0): convert one of them"))
      return false
    }
    guard node.inputs.count <= function.inputs.count, node.outputs.count <= function.outputs.count else {
      problems.append(
        node.problem(
          "its function takes \(function.inputs.count) inputs and gives \(function.outputs.count) outputs, not "
            + "\(node.inputs.count) and \(node.outputs.count)"))
      return false
    }
    return true
  }

  private mutating func body(
    of function: ONNXFunction, calledBy node: ONNXNode
  ) throws(ImportError.Problem) -> [ONNXNode] {
    try charge(parts: function.inputs.count + 2 * function.outputs.count + function.defaults.count)
    try charge(parts: node.attributes.count)
    calls += 1
    // Names in a file may be long, and stand in a body that is repeated.
    var renaming = Renaming(
      start: "\(function.key.name.prefix(64)).\(calls)/", place: String(node.name.prefix(64)), names: [:],
      given: function.defaults.merging(node.attributes) { $1 })
    for (place, name) in function.inputs.enumerated() {
      renaming.names[name] = place < node.inputs.count ? node.inputs[place] : ""
    }
    var handedOn: [ONNXNode] = []
    for (name, output) in zip(function.outputs, node.outputs) where !output.isEmpty {
      if let source = renaming.names[name] {
        handedOn.append(
          ONNXNode(
            name: node.name, operation: "Identity", domain: "", inputs: [source], outputs: [output], attributes: [:]))
      } else {
        renaming.names[name] = output
      }
    }
    try charge(function.nodes, start: renaming.start.utf8.count + renaming.place.utf8.count)
    return function.nodes.map { renaming.renamed($0) } + handedOn
  }

  /// Counts what a body takes, with everything in it.
  private mutating func charge(_ body: [ONNXNode], start: Int) throws(ImportError.Problem) {
    for node in body {
      nodes += 1
      characters += node.name.utf8.count + start
      for name in node.inputs + node.outputs { characters += name.utf8.count + start }
      try charge(parts: node.attributes.count)
      guard nodes <= Limit.nodes else { throw .tooMany("nodes of functions", limit: Limit.nodes) }
      guard characters <= Limit.characters else {
        throw .tooMany("letters in names of functions", limit: Limit.characters)
      }
      for case let graph? in node.attributes.values.map(\.graph) {
        try charge(parts: graph.initializers.count + graph.outputs.count)
        try charge(graph.nodes, start: start)
      }
    }
  }

  private mutating func charge(parts count: Int) throws(ImportError.Problem) {
    parts += count
    guard parts <= Limit.parts else {
      throw .tooMany("inputs, outputs and attributes of functions", limit: Limit.parts)
    }
  }
}

/// How the names in a function change where it is called.
private struct Renaming {
  /// Before the names of its values.
  var start: String
  /// Before the names of its nodes.
  var place: String
  /// Of its inputs, and of its outputs where they are.
  var names: [String: String]
  /// The attributes of the call.
  var given: [String: ONNXAttribute]

  private func name(_ name: String) -> String { name.isEmpty ? "" : names[name] ?? start + name }

  func renamed(_ node: ONNXNode) -> ONNXNode {
    var copy = node
    copy.name = "\(place)/\(node.name)"
    copy.inputs = node.inputs.map(name)
    copy.outputs = node.outputs.map(name)
    for (key, attribute) in node.attributes {
      // An attribute that the call leaves out is left out here, too.
      let value = attribute.reference.map { given[$0] } ?? attribute
      copy.attributes[key] = value
      if let graph = attribute.graph { copy.attributes[key]?.graph = renamed(graph) }
    }
    return copy
  }

  private func renamed(_ graph: ONNXGraph) -> ONNXGraph {
    var copy = graph
    copy.nodes = graph.nodes.map(renamed)
    copy.outputs = graph.outputs.map(name)
    for place in graph.initializers.indices { copy.initializers[place].name = name(graph.initializers[place].name) }
    return copy
  }
}
