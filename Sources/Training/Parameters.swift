import Compute
import Graphs
import Tensors

/// What fine-tuning changes in a graph: latent weights, kernels, biases, scales and shifts, with their velocities.
struct Parameters {
  struct Parameter {
    var id: Graph.Node.ID
    /// Whether weight decay pulls at it: at weights, not at biases, batch norms and companions.
    var decays: Bool
    /// The coding that makes symbols of it, where it is a latent weight.
    var coding: (any WeightCoding)?
    var velocity: Tensor
  }
  private(set) var all: [Parameter] = []
  /// The values that stand in for the constants of the graph: of the parameters, and of what follows the data.
  var values: [Graph.Node.ID: Tensor] = [:]

  var ids: [Graph.Node.ID] { all.map(\.id) }

  init(of graph: Graph) {
    var seen: Set<Graph.Node.ID> = []
    for node in graph.nodes {
      guard let operation = node.operation else { continue }
      for index in operation.parameterInputs where index < node.inputs.count {
        let id = node.inputs[index]
        guard case .constant(.dense(let value)) = graph[id].content, seen.insert(id).inserted else { continue }
        let coding = operation as? any WeightCoding
        let isWeight = coding != nil ? index == 0 : (operation is Convolution || operation is Dense) && index == 1
        all.append(
          Parameter(
            id: id, decays: isWeight, coding: index == 0 ? coding : nil,
            velocity: Tensor(value.shape, repeating: 0)))
        values[id] = value.inLayout(.rowMajor)
      }
    }
  }

  /// One step of momentum descent on every parameter that has a gradient, then what the method asks for after a step.
  mutating func step(
    _ gradients: [Graph.Node.ID: Tensor], rate: Float, momentum: Float, decay: Float, at moment: Moment
  ) {
    for index in all.indices {
      let id = all[index].id
      guard var gradient = gradients[id] else { continue }
      if let penalty = all[index].coding?.penalty(values[id]!, at: moment) { gradient = gradient.adding(penalty) }
      momentumStep(
        weight: &values[id]!, velocity: &all[index].velocity, gradient: gradient, rate: rate, momentum: momentum,
        decay: all[index].decays ? decay : 0, nesterov: false)
      all[index].coding?.settle(&values[id]!, at: moment)
    }
  }
}
