import Compute
import Graphs
import Tensors

/// Training that came to numbers that are none: when, and where in the network that began.
package struct Divergence: Error, Hashable, Sendable {
  package enum Origin: Hashable, Sendable {
    /// What the network reads.
    case images
    /// A weight, bias or the like, by its name and the layer that reads it.
    case parameter(String, layer: String)
    /// What a step made of a tensor of the training state.
    case state(String)
    /// The value of a node whose inputs are finite.
    case value(String, operation: String)
    /// The gradient that a node with a finite one hands to its inputs.
    case gradient(String, operation: String)
    /// What the float network answers.
    case teacher
    /// The loss alone, of finite answers.
    case loss
  }
  /// From 1.
  package var epoch: Int
  package var step: Int
  package var origin: Origin

  package init(epoch: Int, step: Int, origin: Origin) {
    self.epoch = epoch
    self.step = step
    self.origin = origin
  }
}

extension Divergence: CustomStringConvertible {
  package var description: String {
    "training diverged at step \(step) of epoch \(epoch): \(origin.words); \(origin.remedy)"
  }
}

extension Divergence.Origin {
  fileprivate var words: String {
    switch self {
    case .images: "the images of the batch hold numbers that are not finite"
    case .parameter(let name, let layer): "it began in '\(name)' of layer '\(layer)', which is no longer finite"
    case .state(let name): "the step made '\(name)' infinite or not a number"
    case .value(let name, let operation): "it began in '\(name)' (\(operation)), whose value is no longer finite"
    case .gradient(let name, let operation):
      "it began in '\(name)' (\(operation)), whose gradient for its inputs is no longer finite"
    case .teacher: "the float network that teaches answers with numbers that are not finite"
    case .loss: "the loss is no longer finite, although every layer's value is"
    }
  }

  fileprivate var remedy: String {
    switch self {
    case .images, .teacher: "look at the data and at the normalization"
    default: "lower the learning rate or use a larger batch"
    }
  }
}

extension Graph {
  /// The first place, in order of evaluation, that is not finite in a run that kept everything.
  func origin(in trace: Trace, teacher: Tensor?) -> Divergence.Origin {
    let consumers = consumers()
    for node in nodes where consumers[node.id] != nil || outputs.contains(node.id) {
      guard !trace[node.id].isFinite else { continue }
      switch node.content {
      case .input: return .images
      case .constant: return .parameter(node.name, layer: layer(of: node, consumers))
      case .operation(let operation): return .value(node.name, operation: type(of: operation).name)
      }
    }
    return teacher?.isFinite == false ? .teacher : .loss
  }

  /// The layer that reads a constant, through a coding where there is one.
  private func layer(of node: Node, _ consumers: [Node.ID: [Node]]) -> String {
    guard let reader = consumers[node.id]?.first else { return node.name }
    guard reader.operation is any WeightCoding else { return reader.name }
    return consumers[reader.id]?.first?.name ?? reader.name
  }

  /// The first node, from the output backwards, that has a finite gradient and hands on one that is not.
  func origin(
    ofGradients seeds: [Node.ID: Tensor], along trace: consuming Trace, at moment: Moment
  ) -> Divergence.Origin {
    guard seeds.values.allSatisfy(\.isFinite) else { return .loss }
    let all = gradients(seeds: seeds, for: nodes.map(\.id), along: trace, at: moment)
    for node in nodes.reversed() {
      guard let operation = node.operation, all[node.id]?.isFinite == true else { continue }
      if node.inputs.contains(where: { all[$0]?.isFinite == false }) {
        return .gradient(node.name, operation: type(of: operation).name)
      }
    }
    return .loss
  }
}
