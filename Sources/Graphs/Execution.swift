import Compute
import Tensors

/// The values of the nodes of one run, with what the backward rules need.
package struct Trace: Sendable {
  fileprivate var evaluations: [Evaluation?]

  /// - Precondition: the node was kept by the run.
  package subscript(id: Graph.Node.ID) -> Tensor { evaluations[id.index]!.output }

  /// What the operator of the node kept for its backward rule.
  package func saved(_ id: Graph.Node.ID) -> [Tensor] { evaluations[id.index]!.saved }

  /// The new values of constants that follow the data, such as running statistics: by constant.
  package fileprivate(set) var updates: [Graph.Node.ID: Tensor] = [:]
}

extension Graph {
  /// What a run remembers.
  package enum Keeping: Sendable {
    /// Every value, as `gradients` needs.
    case everything
    /// Only these and the outputs; other values are freed after their last use.
    case only([Node.ID])
  }

  /// Computes every node from the values of the inputs, by name.
  ///
  /// - Precondition: a tensor for each input, of its shape but for the batch.
  package func run(
    _ values: [String: Tensor], at moment: Moment = .inference, keeping: Keeping = .only([]),
    constants: [Node.ID: Tensor] = [:]
  ) -> Trace {
    var trace = Trace(evaluations: Array(repeating: nil, count: nodes.count))
    let lastUse = lastUses(keeping)
    for node in nodes {
      switch node.content {
      case .input:
        guard let value = values[node.name] else { preconditionFailure("no value for the input '\(node.name)'") }
        trace.evaluations[node.id.index] = Evaluation(value)
      case .constant(let constant):
        trace.evaluations[node.id.index] = Evaluation(constants[node.id] ?? constant.tensor)
      case .operation(let operation):
        let evaluation = operation.forward(node.inputs.map { trace[$0] }, at: moment)
        for (input, value) in evaluation.updates { trace.updates[node.inputs[input]] = value }
        trace.evaluations[node.id.index] = evaluation
        for input in node.inputs where lastUse[input.index] == node.id.index { trace.evaluations[input.index] = nil }
      }
    }
    return trace
  }

  /// The value of the first output.
  package func callAsFunction(_ input: Tensor) -> Tensor { run([inputs[0].name: input])[outputs[0]] }

  private func lastUses(_ keeping: Keeping) -> [Int?] {
    guard case .only(let kept) = keeping else { return Array(repeating: nil, count: nodes.count) }
    var last = [Int?](repeating: nil, count: nodes.count)
    for node in nodes { for input in node.inputs { last[input.index] = node.id.index } }
    for id in kept + outputs { last[id.index] = nil }
    return last
  }

  /// The gradient of `seed · output` with respect to each of `sources`, along a trace that kept everything.
  package func gradients(
    of output: Node.ID, seed: Tensor, for sources: [Node.ID], along trace: consuming Trace, at moment: Moment
  ) -> [Node.ID: Tensor] {
    gradients(seeds: [output: seed], for: sources, along: trace, at: moment)
  }

  /// The gradient of the sum over some nodes of `seed · value` with respect to each of `sources`, along a trace that
  /// kept everything.
  ///
  /// Values and gradients are freed as the walk passes them, so the trace is consumed. Sources that no seeded node
  /// depends on are left out. Complexity: one backward rule a node between a source and a seeded node.
  package func gradients(
    seeds: [Node.ID: Tensor], for sources: [Node.ID], along trace: consuming Trace, at moment: Moment
  ) -> [Node.ID: Tensor] {
    var gradients: [Tensor?] = Array(repeating: nil, count: nodes.count)
    for (node, seed) in seeds { gradients[node.index] = seed }
    let isSource = Set(sources)
    var wanted = nodes.map { isSource.contains($0.id) }
    for node in nodes where node.inputs.contains(where: { wanted[$0.index] }) { wanted[node.id.index] = true }
    for node in nodes.reversed() {
      guard let operation = node.operation, wanted[node.id.index], let gradient = gradients[node.id.index] else {
        continue
      }
      let parts = operation.backward(
        gradient, from: trace.evaluations[node.id.index]!, inputs: node.inputs.map { trace[$0] },
        needed: node.inputs.map { wanted[$0.index] }, at: moment)
      for (input, part) in Swift.zip(node.inputs, parts) {
        guard let part, wanted[input.index] else { continue }
        gradients[input.index] = gradients[input.index].map { $0.adding(part) } ?? part
      }
      trace.evaluations[node.id.index] = nil
      if !isSource.contains(node.id) { gradients[node.id.index] = nil }
    }
    var result: [Node.ID: Tensor] = [:]
    for source in sources { result[source] = gradients[source.index] }
    return result
  }
}
