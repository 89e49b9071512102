import Graphs
import TestSupport
import Tensors
import Testing

/// Small graphs by hand, with the numbers drawn from a seed.
struct GraphBuilder {
  var graph = Graph(source: "sample")
  private var generator: SplitMix64

  init(seed: UInt64) { generator = SplitMix64(seed: seed) }

  mutating func random(_ shape: Shape) -> Tensor { .random(shape, seed: generator.next()) }

  mutating func input(_ shape: Shape, _ name: String = "x") -> Graph.Node.ID { graph.addInput(name, shape) }

  mutating func constant(_ name: String, _ shape: Shape) -> Graph.Node.ID { graph.addConstant(name, random(shape)) }

  mutating func add(_ name: String, _ operation: some Operator, _ inputs: Graph.Node.ID...) throws -> Graph.Node.ID {
    try graph.add(name, operation, inputs)
  }

  /// A 3x3 convolution that keeps the size of the image, or a step of it.
  mutating func convolution(
    _ name: String, _ x: Graph.Node.ID, _ channels: Int, stride: Int = 1, bias: Bool = false
  ) throws -> Graph.Node.ID {
    var inputs = [x, constant("\(name).weight", [channels, graph[x].shape[1], 3, 3])]
    if bias { inputs.append(constant("\(name).bias", [channels])) }
    return try graph.add(name, Convolution(strides: [stride, stride], padding: [1, 1, 1, 1]), inputs)
  }

  mutating func dense(_ name: String, _ x: Graph.Node.ID, _ features: Int, bias: Bool = true) throws -> Graph.Node.ID {
    var inputs = [x, constant("\(name).weight", [features, graph[x].shape[graph[x].shape.rank - 1]])]
    if bias { inputs.append(constant("\(name).bias", [features])) }
    return try graph.add(name, Dense(), inputs)
  }

  mutating func batchNorm(_ name: String, _ x: Graph.Node.ID, scale: Tensor? = nil) throws -> Graph.Node.ID {
    let channels = Shape([graph[x].shape[1]])
    let scale = scale ?? random(channels).map { $0 + 1.5 }
    let variance = random(channels).map { $0 * 0.5 + 1 }
    let inputs = [
      x, graph.addConstant("\(name).scale", scale), constant("\(name).shift", channels),
      constant("\(name).mean", channels),
      graph.addConstant("\(name).variance", variance),
    ]
    return try graph.add(name, BatchNorm(), inputs)
  }

  /// The graph with these outputs. Changes the builder, so that Swift looks at it after the arguments are made.
  mutating func finished(_ outputs: Graph.Node.ID...) -> Graph {
    graph.outputs = outputs
    return graph
  }
}

/// A graph with a name, for tests over many.
struct Sample: CustomTestStringConvertible, Sendable {
  var testDescription: String
  var graph: Graph
  init(_ name: String, _ graph: Graph) { (testDescription, self.graph) = (name, graph) }
}

extension Graph {
  /// The values of all outputs for random inputs of a batch.
  func outputs(batch: Int, seed: UInt64 = 99) -> [Tensor] {
    var values: [String: Tensor] = [:]
    for (index, input) in inputs.enumerated() {
      values[input.name] = .random(input.shape.withBatch(batch), seed: seed + UInt64(index))
    }
    let trace = run(values)
    return outputs.map { trace[$0] }
  }

  var names: [String] { nodes.map(\.name) }

  /// The names of the operators, in order.
  var operations: [String] { nodes.compactMap { $0.operation.map { type(of: $0).name } } }

  func node(_ name: String) -> Node? { nodes.first { $0.name == name } }
}

/// Convolution, batch norm, ReLU, pooling, dense.
func plainNetwork() throws -> Graph {
  var build = GraphBuilder(seed: 1)
  let x = build.input([1, 2, 6, 6])
  let norm = try build.batchNorm("norm", try build.convolution("conv", x, 4))
  let pooled = try build.add("pool", MaxPool(size: [2, 2], strides: [2, 2]), try build.add("relu", Relu(), norm))
  let flat = try build.add("flat", Flatten(), pooled)
  return build.finished(try build.add("softmax", Softmax(axis: 1), try build.dense("dense", flat, 3)))
}

/// Two residual blocks, the second with a shortcut of its own; an identity, empty padding and a whole slice on the way.
func residualNetwork() throws -> Graph {
  var build = GraphBuilder(seed: 2)
  let x = build.input([1, 4, 6, 6])
  let same = try build.add("same", Identity(), x)
  let first = try build.batchNorm("norm1", try build.convolution("conv1", same, 4))
  let sum = try build.add("sum1", Add(), first, same)
  let relu = try build.add("relu1", Relu(), sum)
  let padded = try build.add("padded", Pad(before: [0, 0, 0, 0], after: [0, 0, 0, 0]), relu)
  let main = try build.batchNorm("norm2", try build.convolution("conv2", padded, 6, stride: 2))
  let whole = try build.add("whole", Slice(starts: [0, 0, 0, 0], steps: [1, 1, 1, 1], counts: [-1, 4, 6, -1]), relu)
  let turned = try build.add("turned", Transpose(permutation: [0, 1, 2, 3]), whole)
  let side = try build.batchNorm("norm3", try build.convolution("conv3", turned, 6, stride: 2))
  let end = try build.add("relu2", Relu(), try build.add("sum2", Add(), main, side))
  return build.finished(try build.add("mean", GlobalAveragePool(), end))
}

/// What depends on constants alone, in several steps.
func constantNetwork() throws -> Graph {
  var build = GraphBuilder(seed: 3)
  let x = build.input([1, 3, 4, 4])
  let sum = try build.add("sum", Add(), build.constant("a", [3, 4]), build.constant("b", [1, 4]))
  let turned = try build.add("turned", Transpose(permutation: [1, 0]), sum)
  let shaped = try build.add("shaped", Reshape(dimensions: [4, 3, 1, 1]), turned)
  let convolved = try build.add("conv", Convolution(), x, shaped)
  let unbounded = try build.add("unbounded", Clip(minimum: -.infinity, maximum: .infinity), convolved)
  return build.finished(try build.add("shifted", Add(), unbounded, build.constant("c", [4, 1, 1])))
}

/// Layers with a bias and no batch norm, as an exporter leaves them that has folded it.
func foldedNetwork() throws -> Graph {
  var build = GraphBuilder(seed: 4)
  let x = build.input([1, 2, 5, 5])
  let first = try build.add("relu1", Relu(), try build.convolution("conv1", x, 3, bias: true))
  let second = try build.add("relu2", Relu(), try build.convolution("conv2", first, 4, stride: 2))
  let flat = try build.add("flat", Flatten(), second)
  let hidden = try build.add("relu3", Relu(), try build.dense("dense1", flat, 6))
  return build.finished(try build.dense("dense2", hidden, 3, bias: false), hidden)
}

/// Biases that are added after their layers, one that differs within a channel, and one at the output.
func addedBiasNetwork() throws -> Graph {
  var build = GraphBuilder(seed: 7)
  let x = build.input([1, 2, 4, 4])
  let first = try build.add("plus1", Add(), build.constant("bias1", [4, 1, 1]), try build.convolution("conv1", x, 4))
  let bare = try build.convolution("conv2", first, 3)
  let second = try build.add("plus2", Add(), bare, build.constant("map", [3, 4, 4]))
  let flat = try build.add("flat", Flatten(), try build.add("relu", Relu(), second))
  let dense = try build.dense("dense", flat, 5, bias: false)
  return build.finished(try build.add("plus3", Add(), dense, build.constant("bias3", [1, 5])))
}

/// Values that are read more than once, outputs in the middle, an unused input and dead ends.
func sharedNetwork() throws -> Graph {
  var build = GraphBuilder(seed: 5)
  let x = build.input([1, 3, 4, 4])
  let unused = build.input([1, 2], "unused")
  let norm = try build.batchNorm("norm", try build.convolution("conv", x, 3))
  let relu = try build.add("relu", Relu(), norm)
  _ = try build.add("dead", Relu(), norm)
  let twice = try build.add("twice", Add(), norm, norm)
  let other = try build.batchNorm("norm2", twice)
  let sum = try build.add("sum", Add(), other, relu)
  _ = try build.batchNorm("dead norm", try build.convolution("dead conv", sum, 2))
  let bare = try build.convolution("bare", sum, 2)
  _ = try build.batchNorm("dead reader", bare)
  _ = try build.add("dead identity", Identity(), unused)
  return build.finished(bare, relu, x)
}

/// Dense layers along the last of three and four axes, and an addition that repeats.
func tokenNetwork() throws -> Graph {
  var build = GraphBuilder(seed: 6)
  let x = build.input([1, 3, 4])
  let wide = try build.dense("wide", x, 5)
  let shaped = try build.add("shaped", Reshape(dimensions: [0, 5, 3, 1]), wide)
  let deep = try build.dense("deep", shaped, 5)
  let norm = try build.batchNorm("norm", deep)
  let relu = try build.add("relu", Relu(), norm)
  let joined = try build.add("joined", Concat(axis: 1), relu, deep)
  return build.finished(
    try build.add("part", Slice(starts: [0, 1, 0, 0], steps: [1, 3, 1, 1], counts: [-1, 3, -1, -1]), joined))
}

/// A layer norm and activations as older operator sets write them, and a batch norm with ReLU6 after it.
func decomposedNetwork() throws -> Graph {
  var build = GraphBuilder(seed: 8)
  let x = build.input([1, 3, 6])
  func number(_ value: Float) -> Graph.Node.ID { build.graph.addConstant("number \(value)", Tensor(scalar: value)) }
  let centred = try build.add("centred", Subtract(), x, try build.add("mean", Mean(axes: [2]), x))
  let square = try build.add("square", Multiply(), centred, centred)
  let variance = try build.add("variance", Add(), try build.add("spread", Mean(axes: [2]), square), number(1e-3))
  let root = try build.add("root", Pointwise(.squareRoot), variance)
  let normal = try build.add("normal", Divide(), centred, root)
  let scaled = try build.add("scaled", Multiply(), normal, build.constant("scale", [6]))
  let norm = try build.add("norm", Add(), build.constant("shift", [1, 1, 6]), scaled)
  let wide = try build.dense("wide", norm, 8)
  let error = try build.add("erf", Pointwise(.errorFunction), try build.add("over", Divide(), wide, number(1.41421354)))
  let gate = try build.add("gate", Multiply(), wide, try build.add("plus", Add(), error, number(1)))
  let gelu = try build.add("gelu", Multiply(), gate, number(0.5))
  let cube = try build.add("cube", Multiply(), try build.add("twice", Multiply(), gelu, gelu), gelu)
  let inner = try build.add("inner", Add(), gelu, try build.add("part", Multiply(), cube, number(0.044715)))
  let tanh = try build.add("tanh", Pointwise(.tanh), try build.add("scale2", Multiply(), inner, number(0.797884583)))
  let half = try build.add("half", Multiply(), gelu, number(0.5))
  let byTanh = try build.add("by tanh", Multiply(), half, try build.add("plus2", Add(), tanh, number(1)))
  let silu = try build.add("silu", Multiply(), byTanh, try build.add("sigmoid", Pointwise(.sigmoid), byTanh))
  let hard = try build.add("hard", Pointwise(.hardSigmoid(slope: 1 / 6, offset: 0.5)), silu)
  return build.finished(try build.add("hard swish", Multiply(), hard, silu))
}

/// A batch norm and a residual sum, each with ReLU6 after it.
func mobileNetwork() throws -> Graph {
  var build = GraphBuilder(seed: 9)
  let x = build.input([1, 3, 4, 4])
  let first = try build.batchNorm("norm1", try build.convolution("conv1", x, 3))
  let clipped = try build.add("relu6", Clip(minimum: 0, maximum: 0.8), first)
  let sum = try build.add("sum", Add(), try build.batchNorm("norm2", try build.convolution("conv2", clipped, 3)), x)
  return build.finished(try build.add("end", Clip(minimum: 0, maximum: 1), sum))
}
