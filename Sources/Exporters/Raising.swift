import Compute
import Graphs
import Packed
import Tensors

/// Makes a graph of a packed model again, so that oneDNN can compute what the bits say: the other half of verification.
package struct Raising {
  private let model: PackedModel
  private var graph: Graph
  private var values: [Graph.Node.ID] = []

  package init(_ model: PackedModel, source: String) {
    self.model = model
    graph = Graph(source: source)
  }

  /// A node a layer, of the same name. Throws where the layers of the model do not fit together.
  package func raised() throws(ShapeError) -> Graph {
    var raising = self
    raising.values.append(raising.graph.addInput(model.input.name, Shape([1] + model.input.shape)))
    for layer in model.layers { raising.values.append(try raising.add(layer)) }
    raising.graph.outputs = [raising.values[model.layers.count]]
    return raising.graph
  }

  private mutating func add(_ layer: PackedLayer) throws(ShapeError) -> Graph.Node.ID {
    let inputs = layer.inputs.map { values[$0] }
    let rank = graph[inputs[0]].shape.rank
    switch layer.kind {
    case .convolution(let window, let dilations, let groups, let weight, let bias):
      let convolution = Convolution(
        strides: window.strides, padding: window.padding, dilations: dilations, groups: groups)
      return try graph.add(layer.name, convolution, inputs + parameters(layer.name, weight, bias))
    case .dense(let weight, let bias):
      return try graph.add(layer.name, Dense(), inputs + parameters(layer.name, weight, bias))
    case .affine(let scale, let shift, let relu):
      return try affine(layer.name, inputs, scale, shift, relu)
    case .threshold(let thresholds, let flipped):
      let constant = vector("\(layer.name).threshold", thresholds.map { Float($0) })
      return try graph.add(layer.name, Threshold(flipped: flipped), inputs + [constant])
    case .add: return try graph.add(layer.name, Add(), inputs)
    case .relu: return try graph.add(layer.name, Relu(), inputs)
    case .clip(let minimum, let maximum):
      return try graph.add(layer.name, Clip(minimum: minimum, maximum: maximum), inputs)
    case .leak(let slopes):
      let shape = slopes.count == 1 ? [1] : [slopes.count] + Array(repeating: 1, count: rank - 2)
      let slope = graph.addConstant("\(layer.name).slope", Tensor(Shape(shape), scalars: slopes))
      return try graph.add(layer.name, LearnedLeak(), inputs + [slope])
    case .quantize(let step, let minimum, let maximum):
      guard let quantize = Quantize(minimum: minimum, maximum: maximum) else {
        throw ShapeError(Quantize.name, "the limits \(minimum) and \(maximum) of '\(layer.name)' are those of no bits")
      }
      return try graph.add(layer.name, quantize, inputs + [vector("\(layer.name).step", [step])])
    case .sign: return try graph.add(layer.name, SignActivation(), inputs)
    case .maxPool(let window):
      let pool = MaxPool(size: window.size, strides: window.strides, padding: window.padding)
      return try graph.add(layer.name, pool, inputs)
    case .averagePool(let window, let countsPadding):
      let pool = AveragePool(
        size: window.size, strides: window.strides, padding: window.padding, countsPadding: countsPadding)
      return try graph.add(layer.name, pool, inputs)
    case .globalAveragePool: return try graph.add(layer.name, GlobalAveragePool(), inputs)
    case .pad(let before, let after, let value):
      return try graph.add(layer.name, Pad(before: [0] + before, after: [0] + after, value: value), inputs)
    case .slice(let starts, let steps, let counts):
      let slice = Graphs.Slice(starts: [0] + starts, steps: [1] + steps, counts: [-1] + counts)
      return try graph.add(layer.name, slice, inputs)
    case .concat(let axis): return try graph.add(layer.name, Concat(axis: axis), inputs)
    case .reshape(let shape): return try graph.add(layer.name, Reshape(dimensions: [0] + shape), inputs)
    case .transpose(let axes):
      precondition(axes.count == rank - 1, "a packed model was checked when it was read")
      return try graph.add(layer.name, Transpose(permutation: [0] + axes), inputs)
    case .softmax(let axis): return try graph.add(layer.name, Softmax(axis: axis), inputs)
    }
  }

  private mutating func affine(
    _ name: String, _ inputs: [Graph.Node.ID], _ scale: [Float], _ shift: [Float], _ relu: Bool
  ) throws(ShapeError) -> Graph.Node.ID {
    // A batch norm that computes scale · (x − 0) / √(variance + ε) + shift, with a root of exactly 1.
    let norm = BatchNorm(epsilon: 0x1p-20, addsSkip: inputs.count == 2, relu: relu)
    let constants = [
      vector("\(name).scale", scale), vector("\(name).shift", shift),
      vector("\(name).mean", scale.map { _ in 0 }), vector("\(name).variance", scale.map { _ in 1 - 0x1p-20 }),
    ]
    return try graph.add(name, norm, [inputs[0]] + constants + inputs.dropFirst())
  }

  private mutating func parameters(_ name: String, _ weight: PackedWeight, _ bias: [Float]?) -> [Graph.Node.ID] {
    let constant: Graph.Constant
    if case .float(let tensor) = weight { constant = .dense(tensor) } else { constant = .coded(weight.coded!) }
    let weight = graph.addConstant("\(name).weight", constant)
    return [weight] + (bias.map { [vector("\(name).bias", $0)] } ?? [])
  }

  private mutating func vector(_ name: String, _ numbers: [Float]) -> Graph.Node.ID {
    graph.addConstant(name, Tensor([numbers.count], scalars: numbers))
  }
}
