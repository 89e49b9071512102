import Graphs
import Tensors

/// Small networks that several test targets need.
package enum Networks {
  /// conv → batch norm → relu → residual block → global average pool → dense, for images `[1, 3, 8, 8]`.
  package static func residual(channels: Int = 8, seed: UInt64 = 1) throws -> Graph {
    var builder = Builder(seed: seed)
    let x = builder.graph.addInput("x", [1, 3, 8, 8])
    let stem = try builder.normalized("stem", x, from: 3, to: channels, relu: true)
    let a = try builder.normalized("block.a", stem, from: channels, to: channels, relu: true)
    let b = try builder.normalized("block.b", a, from: channels, to: channels, relu: false)
    let sum = try builder.graph.add("block.relu", Relu(), [builder.graph.add("block.add", Add(), [b, stem])])
    let pooled = try builder.graph.add("pool", GlobalAveragePool(), [sum])
    let flat = try builder.graph.add("flat", Flatten(), [pooled])
    builder.graph.outputs = [try builder.dense("head", flat, from: channels, to: 4)]
    return builder.graph
  }

  /// Layers by name, with weights drawn at random.
  package struct Builder {
    package var graph = Graph(source: "network")
    private var seed: UInt64

    package init(seed: UInt64) { self.seed = seed }

    package mutating func random(_ name: String, _ shape: Shape, scale: Float = 1, around centre: Float = 0)
      -> Graph.Node.ID
    {
      seed += 1
      return graph.addConstant(name, Tensor.random(shape, seed: seed).map { centre + $0 * scale })
    }

    package mutating func convolution(
      _ name: String, _ x: Graph.Node.ID, from: Int, to: Int, stride: Int = 1
    ) throws -> Graph.Node.ID {
      let weight = random("\(name).weight", [to, from, 3, 3], scale: 0.4)
      return try graph.add(name, Convolution(strides: [stride, stride], padding: [1, 1, 1, 1]), [x, weight])
    }

    package mutating func norm(_ name: String, _ x: Graph.Node.ID, channels: Int) throws -> Graph.Node.ID {
      let parameters = [
        random("\(name).scale", [channels], scale: 0.5, around: 1), random("\(name).shift", [channels], scale: 0.2),
        random("\(name).mean", [channels], scale: 0.2), random("\(name).variance", [channels], scale: 0.3, around: 1),
      ]
      return try graph.add(name, BatchNorm(), [x] + parameters)
    }

    package mutating func normalized(
      _ name: String, _ x: Graph.Node.ID, from: Int, to: Int, relu: Bool
    ) throws -> Graph.Node.ID {
      let norm = try norm("\(name).norm", convolution(name, x, from: from, to: to), channels: to)
      return relu ? try graph.add("\(name).relu", Relu(), [norm]) : norm
    }

    package mutating func dense(_ name: String, _ x: Graph.Node.ID, from: Int, to: Int) throws -> Graph.Node.ID {
      let (weight, bias) = (random("\(name).weight", [to, from]), random("\(name).bias", [to]))
      return try graph.add(name, Dense(), [x, weight, bias])
    }
  }
}
