import Packed
import Tensors

/// Layers of a packed model as standard operators.
struct ONNXLayers {
  private let model: PackedModel
  private let shapes: [[Int]]
  private let weights: ONNXWeights
  private var document: ONNXDocument

  /// One operator of those that a layer becomes: it reads what the one before it made, then these.
  private struct Step {
    var operation: String
    /// Constants beside the value.
    var others: [String] = []
    var attributes: [(name: String, value: ONNXDocument.Attribute)] = []
    var element: ONNXDocument.Element = .float
  }

  /// - Precondition: the shapes are those of the model.
  init(_ model: PackedModel, _ shapes: PackedShapes, weights: ONNXWeights) {
    self.model = model
    self.shapes = shapes.values
    self.weights = weights
    document = ONNXDocument(names: [model.input.name] + model.layers.map(\.name))
  }

  /// The whole model.
  consuming func written() -> ONNXDocument {
    for index in model.layers.indices { add(index) }
    return document
  }

  private func name(ofValue value: Int) -> String { value == 0 ? model.input.name : model.layers[value - 1].name }

  private mutating func add(_ index: Int) {
    let layer = model.layers[index]
    let inputs = layer.inputs.map { name(ofValue: $0) }
    let input = shapes[layer.inputs[0]]
    let steps: [Step]
    switch layer.kind {
    case .convolution(let window, let dilations, let groups, let weight, let bias):
      steps = [convolution(layer.name, window, dilations, groups, weight, bias)]
    case .dense(let weight, let bias): steps = dense(layer.name, input, weight, bias)
    case .affine(let scale, let shift, let relu):
      steps = affine(layer.name, input, scale, shift, relu, other: inputs.dropFirst().first)
    case .add: steps = [Step(operation: "Add", others: [inputs[1]])]
    case .concat(let axis):
      steps = [Step(operation: "Concat", others: Array(inputs.dropFirst()), attributes: [("axis", .integer(axis))])]
    case .quantize(let step, let minimum, let maximum): steps = quantize(layer.name, step, minimum, maximum)
    case .sign: steps = signs(below: document.shared("zero", []) { [0] })
    case .threshold(let thresholds, let flipped): steps = threshold(layer.name, input, thresholds, flipped)
    default: steps = [simple(layer, input)]
    }
    chain(inputs[0], steps, layer.name, shapes[index + 1])
  }

  /// The steps one after the other; each has the layer's shape, and the last one its name.
  private mutating func chain(_ value: String, _ steps: [Step], _ name: String, _ shape: [Int]) {
    var value = value
    for (place, step) in steps.enumerated() {
      let node = ONNXDocument.Node(
        operation: step.operation, inputs: [value] + step.others, attributes: step.attributes, element: step.element,
        shape: .batched(shape))
      if place == steps.count - 1 {
        document.add(node, named: name)
      } else {
        value = document.add(node, wanting: "\(name).\(place)")
      }
    }
  }

  // MARK: Layers with weights

  private mutating func convolution(
    _ name: String, _ window: Packed.Window, _ dilations: [Int], _ groups: Int, _ weight: PackedWeight, _ bias: [Float]?
  ) -> Step {
    var others = [weights.add(weight, "\(name).weight", to: &document)]
    if let bias { others.append(document.constant("\(name).bias", [bias.count], bias)) }
    return Step(
      operation: "Conv", others: others,
      attributes: [
        ("dilations", .integers(dilations)), ("group", .integer(groups)), ("kernel_shape", .integers(window.size)),
        ("pads", .integers(window.padding)), ("strides", .integers(window.strides)),
      ])
  }

  private mutating func dense(_ name: String, _ input: [Int], _ weight: PackedWeight, _ bias: [Float]?) -> [Step] {
    let value = weights.add(weight, "\(name).weight", to: &document)
    let bias = bias.map { document.constant("\(name).bias", [$0.count], $0) }
    if input.count == 1 {
      return [Step(operation: "Gemm", others: [value] + (bias.map { [$0] } ?? []), attributes: [("transB", .integer(1))])]
    }
    let turned = document.add(
      .init(
        operation: "Transpose", inputs: [value], attributes: [("perm", .integers([1, 0]))],
        shape: .fixed(weight.shape.reversed())), wanting: "\(name).weight.turned")
    return [Step(operation: "MatMul", others: [turned])] + (bias.map { [Step(operation: "Add", others: [$0])] } ?? [])
  }

  // MARK: Layers by channel

  /// Numbers of the channels, which are axis 1 of a value.
  private mutating func perChannel(_ name: String, _ numbers: [Float], _ input: [Int]) -> String {
    document.constant(name, [numbers.count] + Array(repeating: 1, count: input.count - 1), numbers)
  }

  private mutating func affine(
    _ name: String, _ input: [Int], _ scale: [Float], _ shift: [Float], _ relu: Bool, other: String?
  ) -> [Step] {
    var steps: [Step] = []
    if scale.contains(where: { $0 != 1 }) {
      steps.append(Step(operation: "Mul", others: [perChannel("\(name).scale", scale, input)]))
    }
    if shift.contains(where: { $0 != 0 }) {
      steps.append(Step(operation: "Add", others: [perChannel("\(name).shift", shift, input)]))
    }
    if let other { steps.append(Step(operation: "Add", others: [other])) }
    if relu { steps.append(Step(operation: "Relu")) }
    return steps.isEmpty ? [Step(operation: "Identity")] : steps
  }

  private mutating func quantize(_ name: String, _ step: Float, _ minimum: Int, _ maximum: Int) -> [Step] {
    let size = document.constant("\(name).step", [], [step])
    let limits = [
      document.constant("\(name).minimum", [], [Float(minimum)]),
      document.constant("\(name).maximum", [], [Float(maximum)]),
    ]
    return [
      Step(operation: "Div", others: [size]), Step(operation: "Clip", others: limits), Step(operation: "Round"),
      Step(operation: "Mul", others: [size]),
    ]
  }

  /// −1 where the value is less than the limit, else +1.
  private mutating func signs(below limit: String) -> [Step] {
    let sides = [document.shared("minus-one", []) { [-1] }, document.shared("one", []) { [1] }]
    return [Step(operation: "Less", others: [limit], element: .bool), Step(operation: "Where", others: sides)]
  }

  private mutating func threshold(
    _ name: String, _ input: [Int], _ thresholds: [Int32], _ flipped: [Bool]
  ) -> [Step] {
    // x ≤ t is −x ≥ −t. Values are whole and below 2²⁴, so that a threshold rounded to a float parts them the same.
    let signs = flipped.map { $0 ? Float(-1) : 1 }
    let limits = zip(thresholds, signs).map { Float($0) * $1 }
    let comparing = self.signs(below: perChannel("\(name).threshold", limits, input))
    guard flipped.contains(true) else { return comparing }
    return [Step(operation: "Mul", others: [perChannel("\(name).flips", signs, input)])] + comparing
  }

  // MARK: One operator each

  private mutating func simple(_ layer: PackedLayer, _ input: [Int]) -> Step {
    switch layer.kind {
    case .relu: return Step(operation: "Relu")
    case .clip(let minimum, let maximum): return clip(layer.name, minimum, maximum)
    case .leak(let slopes):
      guard slopes.count > 1 else {
        return Step(operation: "LeakyRelu", attributes: [("alpha", .float(slopes[0]))])
      }
      return Step(operation: "PRelu", others: [perChannel("\(layer.name).slope", slopes, input)])
    case .maxPool(let window): return Step(operation: "MaxPool", attributes: attributes(window))
    case .averagePool(let window, let countsPadding):
      let counting: [(String, ONNXDocument.Attribute)] = countsPadding ? [("count_include_pad", .integer(1))] : []
      return Step(operation: "AveragePool", attributes: counting + attributes(window))
    case .globalAveragePool: return Step(operation: "GlobalAveragePool")
    case .pad(let before, let after, let value):
      let pads = document.constant("\(layer.name).pads", integers: [0] + before + [0] + after)
      return Step(operation: "Pad", others: [pads, document.constant("\(layer.name).value", [], [value])])
    case .slice(let starts, let steps, let counts): return slice(layer.name, input, starts, steps, counts)
    case .reshape(let shape):
      return Step(operation: "Reshape", others: [document.constant("\(layer.name).shape", integers: [0] + shape)])
    case .transpose(let axes):
      return Step(operation: "Transpose", attributes: [("perm", .integers([0] + axes))])
    case .softmax(let axis):
      // Before operator set 13 it flattens all axes from its own on, which is the same for the last one only.
      if axis != input.count { document.require(operatorSet: 13) }
      return Step(operation: "Softmax", attributes: [("axis", .integer(axis))])
    case .convolution, .dense, .affine, .add, .quantize, .sign, .threshold, .concat:
      preconditionFailure("made of more than one operator or value")
    }
  }

  private mutating func clip(_ name: String, _ minimum: Float, _ maximum: Float) -> Step {
    guard minimum.isFinite || maximum.isFinite else { return Step(operation: "Identity") }
    var others = [minimum.isFinite ? document.constant("\(name).minimum", [], [minimum]) : ""]
    if maximum.isFinite { others.append(document.constant("\(name).maximum", [], [maximum])) }
    return Step(operation: "Clip", others: others)
  }

  private func attributes(_ window: Packed.Window) -> [(name: String, value: ONNXDocument.Attribute)] {
    [
      ("kernel_shape", .integers(window.size)), ("pads", .integers(window.padding)),
      ("strides", .integers(window.strides)),
    ]
  }

  private mutating func slice(
    _ name: String, _ input: [Int], _ starts: [Int], _ steps: [Int], _ counts: [Int]
  ) -> Step {
    let axes = input.indices.filter { starts[$0] != 0 || steps[$0] != 1 || counts[$0] != input[$0] }
    guard !axes.isEmpty else { return Step(operation: "Identity") }
    let ends = axes.map { axis in
      let end = starts[axis] + steps[axis] * counts[axis]
      // Backwards past the first element: −1 would be the last one.
      return end < 0 ? Int(Int32.min) : end
    }
    let lists = [
      ("starts", axes.map { starts[$0] }), ("ends", ends), ("axes", axes.map { $0 + 1 }),
      ("steps", axes.map { steps[$0] }),
    ]
    return Step(operation: "Slice", others: lists.map { document.constant("\(name).\($0)", integers: $1) })
  }
}
