import Compute
import Graphs
import Tensors

/// Everything that training changes: parameters, statistics that follow the data, and what the optimizer remembers.
///
/// With the position in training this is the whole state of a run: what is random is a function of seed and position.
package struct Parameters: Sendable {
  struct Parameter {
    var id: Graph.Node.ID
    var role: ParameterRole
    /// What the optimizer remembers of its gradients.
    var moments: [Tensor]
    /// How often it has been updated.
    var updates = 0
  }
  let rule: UpdateRule
  /// A node that makes symbols of a latent weight, and what it reads. A weight that others read too may have several.
  private struct CodingNode {
    var coding: any WeightCoding
    var inputs: [Graph.Node.ID]
  }
  private(set) var all: [Parameter] = []
  private var codings: [CodingNode] = []
  /// The values that stand in for the constants of the graph: of the parameters, and of what follows the data.
  package var values: [Graph.Node.ID: Tensor] = [:]
  /// Running averages of all `values`; empty where the rule keeps none.
  private var averages: [Graph.Node.ID: Tensor] = [:]
  /// Steps that the averages have seen.
  private var averagedSteps = 0
  /// The name of each value in checkpoints, in the order of the graph.
  private var names: [(id: Graph.Node.ID, name: String)] = []

  package var ids: [Graph.Node.ID] { all.map(\.id) }

  /// The values that a network is evaluated and shipped with: the averages where they are kept.
  package var shipped: [Graph.Node.ID: Tensor] { averages.isEmpty ? values : averages }

  package init(of graph: Graph, rule: UpdateRule = UpdateRule()) {
    self.rule = rule
    for node in graph.nodes {
      guard let operation = node.operation else { continue }
      if let coding = operation as? any WeightCoding { codings.append(CodingNode(coding: coding, inputs: node.inputs)) }
      for index in operation.parameterInputs where index < node.inputs.count {
        let id = node.inputs[index]
        guard case .constant(.dense(let value)) = graph[id].content, values[id] == nil else { continue }
        let nothing = Tensor(value.shape, repeating: 0)
        all.append(
          Parameter(
            id: id, role: ParameterRole(of: operation, input: index),
            moments: Array(repeating: nothing, count: rule.optimizer.momentCount)))
        values[id] = value.inLayout(.rowMajor)
      }
      for index in operation.statisticInputs where index < node.inputs.count {
        let id = node.inputs[index]
        if case .constant(.dense(let value)) = graph[id].content { values[id] = value.inLayout(.rowMajor) }
      }
    }
    names = values.keys.sorted().map { ($0, "\($0.index):\(graph[$0].name)") }
    if rule.averaging != nil { averages = values }
  }

  /// One step of the optimizer on every parameter that has a gradient, then what the method asks for after a step.
  package mutating func step(_ gradients: [Graph.Node.ID: Tensor], rate: Float, at moment: Moment) {
    var gradients = gradients
    for node in codings {
      let penalties = node.coding.penalty(node.inputs.map { values[$0]! }, at: moment)
      for (id, penalty) in zip(node.inputs, penalties) {
        if let penalty { gradients[id] = gradients[id]?.adding(penalty) ?? penalty }
      }
    }
    clip(&gradients)
    for index in all.indices {
      let id = all[index].id
      guard let gradient = gradients[id] else { continue }
      all[index].updates += 1
      rule.step(
        &values[id]!, &all[index].moments, gradient: gradient, rate: rate, role: all[index].role,
        updates: all[index].updates)
    }
    for node in codings {
      var inputs = node.inputs.map { values[$0]! }
      node.coding.settle(&inputs, at: moment)
      for (id, value) in zip(node.inputs, inputs) { values[id] = value }
      // An average over what was made anew, and what it was before, is neither.
      guard rule.averaging != nil, node.coding.begins(after: moment) else { continue }
      for (id, value) in zip(node.inputs, inputs) { averages[id] = value }
    }
    average()
  }

  /// Shortens the gradient of all parameters together to the largest norm that the rule allows:
  ///
  ///     g ← g · min(1, clipping / (‖g‖ + 10⁻⁶))
  private func clip(_ gradients: inout [Graph.Node.ID: Tensor]) {
    guard let largest = rule.clipping else { return }
    // In the order of the parameters, so that the sum is always the same.
    let norm = ids.reduce(0.0) { $0 + (gradients[$1]?.squareSum ?? 0) }.squareRoot()
    let factor = Double(largest) / (norm + 1e-6)
    guard factor < 1 else { return }
    for id in ids { gradients[id]?.scale(by: Float(factor)) }
  }

  /// Moves the averages towards the values; early ones, which are far from settled, are forgotten sooner.
  ///
  ///     average ← average + (1 − min(averaging, (1 + t) / (10 + t))) · (value − average)
  private mutating func average() {
    guard let kept = rule.averaging else { return }
    let steps = Float(averagedSteps)
    let share = 1 - min(kept, (1 + steps) / (10 + steps))
    averagedSteps += 1
    for (id, value) in values { averages[id, default: value].move(towards: value, by: share) }
  }
}

extension Parameters {
  /// All of the state by name, in a fixed order: `value/…`, `average/…`, `moment1/…`, `moment2/…`, `updates`.
  ///
  /// Names hold the place and name of the constant in the graph, so they are unique, and the same for the same graph.
  /// Counts are whole up to 2²⁴, by when nothing depends on them any more.
  package var tensors: [(name: String, value: Tensor)] {
    let label = Dictionary(uniqueKeysWithValues: names.map { ($0.id, $0.name) })
    var tensors = names.map { (name: "value/\($0.name)", value: values[$0.id]!) }
    if !averages.isEmpty { tensors += names.map { (name: "average/\($0.name)", value: averages[$0.id]!) } }
    for moment in 0..<rule.optimizer.momentCount {
      tensors += all.map { (name: "moment\(moment + 1)/\(label[$0.id]!)", value: $0.moments[moment]) }
    }
    let updates = all.map { Float($0.updates) } + [Float(averagedSteps)]
    return tensors + [(name: "updates", value: Tensor([updates.count], scalars: updates))]
  }

  /// Takes over a state that `tensors` gave, for the same graph and rule.
  ///
  /// - Returns: what does not fit, in words: nothing is changed then.
  package mutating func restore(_ tensors: [String: Tensor]) -> [String] {
    var problems: [String] = []
    let wanted = self.tensors
    for (name, value) in wanted {
      guard let found = tensors[name] else { problems.append("'\(name)' is missing"); continue }
      if found.shape != value.shape { problems.append("'\(name)' is \(found.shape), not \(value.shape)") }
      if name != "updates", !found.isFinite { problems.append("'\(name)' holds what is no number") }
    }
    problems += Set(tensors.keys).subtracting(wanted.map(\.name)).sorted().map { "'\($0)' is not known" }
    if let updates = tensors["updates"], updates.scalars.contains(where: { !($0 >= 0 && $0 <= 0x1p24) }) {
      problems.append("'updates' holds what is no count")
    }
    guard problems.isEmpty else { return problems }
    let place = Dictionary(uniqueKeysWithValues: names.map { ($0.id, $0.name) })
    for (id, name) in names {
      values[id] = tensors["value/\(name)"]!.inLayout(.rowMajor)
      if !averages.isEmpty { averages[id] = tensors["average/\(name)"]!.inLayout(.rowMajor) }
    }
    let updates = tensors["updates"]!.scalars
    for index in all.indices {
      let name = place[all[index].id]!
      all[index].moments = all[index].moments.indices.map { tensors["moment\($0 + 1)/\(name)"]!.inLayout(.rowMajor) }
      all[index].updates = Int(updates[index])
    }
    averagedSteps = Int(updates[all.count])
    return []
  }
}
