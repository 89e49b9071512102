import Graphs
import Tensors

extension Graph {
  /// The layers with weights of their own, in order: convolutions and dense layers whose weight is a constant.
  package var weightLayers: [Node] {
    nodes.filter { node in
      guard let operation = node.operation, operation is Convolution || operation is Dense else { return false }
      if case .constant(.dense) = self[node.inputs[1]].content { return true }
      return false
    }
  }
}

/// Puts a coding between the weight of each named layer and the layer. The weight is latent from then on.
package struct AttachMethod: Pass {
  package static let name = "attach-method"
  package static let summary = "puts the coding of a method between weights and their layers"
  package var method: any Method
  package var layers: Set<String>
  /// The progress of training at which the weights become symbols.
  package var start: Float
  /// Of what the method draws at random, another stream of it for each weight.
  package var seed: UInt64

  package init(_ method: any Method, layers: Set<String>, start: Float = 0, seed: UInt64 = 1) {
    self.method = method
    self.layers = layers
    self.start = start
    self.seed = seed
  }

  package func rewrite(_ graph: Graph) throws(ShapeError) -> Graph {
    var codings: [Graph.Node.ID: Graph.Node.ID] = [:]
    return try graph.rewriting { (node, inputs, new) throws(ShapeError) in
      guard layers.contains(node.name), let operation = node.operation,
        case .constant(.dense(let weight)) = new[inputs[1]].content
      else { return nil }
      let latent = inputs[1]
      let coding: Graph.Node.ID
      if let known = codings[latent] {
        coding = known
      } else {
        coding = try attach(method, to: latent, weight, in: &new)
        codings[latent] = coding
      }
      var inputs = inputs
      inputs[1] = coding
      return try new.add(node.name, operation, inputs)
    }
  }

  private func attach(
    _ method: some Method, to latent: Graph.Node.ID, _ weight: Tensor, in graph: inout Graph
  ) throws(ShapeError) -> Graph.Node.ID {
    let name = graph[latent].name
    let stream = UInt64(latent.index)
    var generator = SplitMix64(seed: seed, stream: stream)
    let companions = method.companions(for: weight, seed: generator.next())
    // Another reader of the weight keeps it as it is.
    let begun = method.latent(for: weight, companions: companions).map { graph.addConstant("\(name).latent", $0) }
    let others = companions.enumerated().map { graph.addConstant("\(name).companion\($0)", $1) }
    return try graph.add("\(name).coding", Coding(method, start: start, stream: stream), [begun ?? latent] + others)
  }
}

/// Puts the coded weight in the place of each coding, so that nothing downstream knows of methods.
package struct Freeze: Pass {
  package static let name = "freeze"
  package static let summary = "puts the coded weight in the place of each coding"
  package init() {}

  package func rewrite(_ graph: Graph) throws(ShapeError) -> Graph {
    try graph.rewriting { (node, inputs, new) throws(ShapeError) in
      guard let coding = node.operation as? any WeightCoding else { return nil }
      let tensors = inputs.map { id -> Tensor in
        guard let constant = new[id].constant else { preconditionFailure("a latent weight is a constant") }
        return constant.tensor
      }
      return new.addConstant(String(node.name.dropLast(".coding".count)), .coded(coding.code(tensors)))
    }
  }
}
