import Graphs
import Tensors

/// Puts layers one after the other and draws their weights.
///
/// The parameters are counted in the order in which they are made: parameter k of a network is drawn, in row-major
/// order, by `SplitMix64(seed: seed, stream: k)`, a number evenly from centre − bound to centre + bound each:
///
///     kernel, weight    0 ± √(6 / inputs of one output)     (He et al., 2015, https://arxiv.org/abs/1502.01852)
///     bias              0 ± 0.1
///     scale             1 ± 0.25
///     shift             0 ± 0.25, or 3 ± 0.25 right before a rectifier
///
/// With values around a rectifier's kink, rounding would decide which gradients pass, and the float gradients of any
/// two frameworks would differ by a hundredth; around 3 nearly all lie away from the kinks, at 0 and at 6.
///
/// Running means are 0 and running variances 1. Names are those that PyTorch gives the same layers.
struct LayerBuilder {
  typealias Value = Graph.Node.ID

  private var graph: Graph
  private let seed: UInt64
  private var parameters: UInt64 = 0

  init(source: String, seed: UInt64) {
    graph = Graph(source: source)
    self.seed = seed
  }

  /// What was built, with its output.
  func graph(output: Value) -> Graph {
    var graph = graph
    graph.outputs = [output]
    return graph
  }

  mutating func input(_ shape: Shape) -> Value { graph.addInput("image", shape) }

  mutating func add(_ name: String, _ operation: some Operator, _ inputs: Value...) throws(ShapeError) -> Value {
    try graph.add(name, operation, inputs)
  }

  func shape(_ value: Value) -> Shape { graph[value].shape }

  /// A number that is not trained.
  mutating func constant(_ name: String, _ tensor: Tensor) -> Value { graph.addConstant(name, tensor) }

  mutating func parameter(_ name: String, _ shape: Shape, bound: Float, around centre: Float = 0) -> Value {
    var generator = SplitMix64(seed: seed, stream: parameters)
    parameters += 1
    return graph.addConstant(name, Tensor(shape, bound: bound, around: centre, from: &generator))
  }

  /// A square kernel without a bias unless asked, padded so that stride 1 keeps the size unless said otherwise.
  mutating func convolution(
    _ name: String, _ x: Value, to channels: Int, size: Int, stride: Int = 1, padding: Int? = nil, groups: Int = 1,
    bias: Bool = false
  ) throws(ShapeError) -> Value {
    let inputs = shape(x)[1] / groups
    let bound = Float((6 / Double(inputs * size * size)).squareRoot())
    let kernel = parameter("\(name).weight", [channels, inputs, size, size], bound: bound)
    let sides = padding ?? size / 2
    let operation = Convolution(
      strides: [stride, stride], padding: [sides, sides, sides, sides], groups: groups)
    guard bias else { return try graph.add(name, operation, [x, kernel]) }
    return try graph.add(name, operation, [x, kernel, parameter("\(name).bias", [channels], bound: 0.1)])
  }

  mutating func norm(_ name: String, _ x: Value, around centre: Float = 0) throws(ShapeError) -> Value {
    let channels = Shape([shape(x)[1]])
    let scale = parameter("\(name).weight", channels, bound: 0.25, around: 1)
    let shift = parameter("\(name).bias", channels, bound: 0.25, around: centre)
    let mean = graph.addConstant("\(name).running_mean", Tensor(channels, repeating: 0))
    let variance = graph.addConstant("\(name).running_var", Tensor(channels, repeating: 1))
    return try graph.add(name, BatchNorm(), [x, scale, shift, mean, variance])
  }

  mutating func dense(_ name: String, _ x: Value, to features: Int) throws(ShapeError) -> Value {
    let inputs = shape(x)[shape(x).rank - 1]
    let bound = Float((6 / Double(inputs)).squareRoot())
    let weight = parameter("\(name).weight", [features, inputs], bound: bound)
    return try graph.add(name, Dense(), [x, weight, parameter("\(name).bias", [features], bound: 0.1)])
  }

  mutating func relu(_ name: String, _ x: Value) throws(ShapeError) -> Value { try graph.add(name, Relu(), [x]) }

  /// The mean of each channel, and a classifier over those.
  mutating func classifier(_ name: String, _ x: Value, classes: Int) throws(ShapeError) -> Value {
    let pooled = try graph.add("pool", GlobalAveragePool(), [x])
    return try dense(name, graph.add("flatten", Flatten(), [pooled]), to: classes)
  }
}
