import Compute
import Tensors

/// The values of the nodes of one run, with what the backward rules need.
package struct Trace: Sendable {
  fileprivate var evaluations: [Evaluation?]

  /// - Precondition: the node was kept by the run.
  package subscript(id: Graph.Node.ID) -> Tensor { evaluations[id.index]!.output }

  /// What the operator of the node kept for its backward rule.
  package func saved(_ id: Graph.Node.ID) -> [Tensor] { evaluations[id.index]!.saved }

  /// Frees a value, or all of it but its shape.
  fileprivate mutating func release(_ id: Graph.Node.ID, keepingShape: Bool) {
    evaluations[id.index] = keepingShape ? evaluations[id.index].map { $0.withoutOutput } : nil
  }

  /// The new values of constants that follow the data, such as running statistics: by constant.
  package fileprivate(set) var updates: [Graph.Node.ID: Tensor] = [:]
}

extension Graph {
  /// What a run remembers.
  package enum Keeping: Sendable {
    /// Every value.
    case everything
    /// What the backward rules read, as `gradients` needs it, and these and the outputs. Of other values the shape
    /// stays.
    case forGradients(and: [Node.ID])
    /// Only these and the outputs; other values are freed after their last use.
    case only([Node.ID])
  }

  /// Computes every node from the values of the inputs, by name.
  ///
  /// - Precondition: a tensor for each input, of its shape but for the batch.
  package func run(
    _ values: [String: Tensor], at moment: Moment = .inference, keeping: Keeping = .only([]),
    constants: [Node.ID: Tensor] = [:], clock: NodeClock? = nil
  ) -> Trace {
    var trace = Trace(evaluations: Array(repeating: nil, count: nodes.count))
    let releases = releases(keeping)
    for node in nodes {
      switch node.content {
      case .input:
        guard let value = values[node.name] else { preconditionFailure("no value for the input '\(node.name)'") }
        trace.evaluations[node.id.index] = Evaluation(value)
      case .constant(let constant):
        trace.evaluations[node.id.index] = Evaluation(constants[node.id] ?? constant.tensor)
      case .operation(let operation):
        let start = ContinuousClock.now
        let evaluation = operation.forward(node.inputs.map { trace[$0] }, at: moment)
        clock?.addForward(node.id, since: start)
        for (input, value) in evaluation.updates { trace.updates[node.inputs[input]] = value }
        trace.evaluations[node.id.index] = evaluation
        for input in releases.of[node.id.index] { trace.release(input, keepingShape: releases.keepShapes) }
      }
    }
    return trace
  }

  /// The value of the first output.
  package func callAsFunction(_ input: Tensor) -> Tensor { run([inputs[0].name: input])[outputs[0]] }

  /// The values that are done with after each node, and whether their shapes are still wanted.
  private func releases(_ keeping: Keeping) -> (of: [[Node.ID]], keepShapes: Bool) {
    var releases = [[Node.ID]](repeating: [], count: nodes.count)
    var isKept = [Bool](repeating: false, count: nodes.count)
    let keepShapes: Bool
    switch keeping {
    case .everything: return (releases, false)
    case .only(let kept):
      for id in kept + outputs { isKept[id.index] = true }
      keepShapes = false
    case .forGradients(let kept):
      for id in kept + outputs { isKept[id.index] = true }
      for node in nodes {
        guard let operation = node.operation else { isKept[node.id.index] = true; continue }
        if operation.backwardReadsOutput { isKept[node.id.index] = true }
        for (index, input) in node.inputs.enumerated() where operation.backwardReads(input: index) {
          isKept[input.index] = true
        }
      }
      keepShapes = true
    }
    var lastReader = [Int](repeating: -1, count: nodes.count)
    for node in nodes { for input in node.inputs { lastReader[input.index] = node.id.index } }
    for node in nodes where !isKept[node.id.index] && lastReader[node.id.index] >= 0 {
      releases[lastReader[node.id.index]].append(node.id)
    }
    return (releases, keepShapes)
  }

  /// The gradient of `seed · output` with respect to each of `sources`, along a trace that kept what the backward
  /// rules read.
  package func gradients(
    of output: Node.ID, seed: Tensor, for sources: [Node.ID], along trace: consuming Trace, at moment: Moment,
    clock: NodeClock? = nil
  ) -> [Node.ID: Tensor] {
    gradients(seeds: [output: seed], for: sources, along: trace, at: moment, clock: clock)
  }

  /// The gradient of the sum over some nodes of `seed · value` with respect to each of `sources`, along a trace that
  /// kept what the backward rules read.
  ///
  /// Values and gradients are freed as the walk passes them, so the trace is consumed. Sources that no seeded node
  /// depends on are left out. Complexity: one backward rule a node between a source and a seeded node.
  package func gradients(
    seeds: [Node.ID: Tensor], for sources: [Node.ID], along trace: consuming Trace, at moment: Moment,
    clock: NodeClock? = nil
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
      if !isSource.contains(node.id) { gradients[node.id.index] = nil }
      if !operation.backwardReadsOutput { trace.release(node.id, keepingShape: true) }
      let start = ContinuousClock.now
      let parts = operation.backward(
        consume gradient, from: trace.evaluations[node.id.index]!, inputs: node.inputs.map { trace[$0] },
        needed: node.inputs.map { wanted[$0.index] }, at: moment)
      clock?.addBackward(node.id, since: start)
      for (input, part) in Swift.zip(node.inputs, parts) {
        guard let part, wanted[input.index] else { continue }
        if gradients[input.index] == nil { gradients[input.index] = part } else { gradients[input.index]?.add(part) }
      }
      trace.evaluations[node.id.index] = nil
    }
    var result: [Node.ID: Tensor] = [:]
    for source in sources { result[source] = gradients[source.index] }
    return result
  }
}
