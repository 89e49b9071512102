import Packed
import Tensors

/// Layers of a packed model as standard operators.
struct ONNXLayers {
  private let model: PackedModel
  private let shapes: [[Int]]
  private let weights: ONNXWeights
  private var document: ONNXDocument
  /// For each value whether it is known to hold whole numbers.
  private var isWhole = [false]

  /// One operator of those that a layer becomes: it reads what the one before it made, then these.
  private struct Step {
    var operation: String
    /// Constants beside the value.
    var others: [String] = []
    var attributes: [(name: String, value: ONNXDocument.Attribute)] = []
    var element: ONNXDocument.Element = .float

    func reading(_ others: [String]) -> Step {
      var step = self
      step.others = others
      return step
    }
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
    isWhole.append(Self.givesWhole(layer.kind, layer.inputs.map { isWhole[$0] }))
    switch layer.kind {
    case .convolution(let window, let dilations, let groups, let weight, let bias):
      let step = Step(
        operation: "Conv",
        attributes: [
          ("dilations", .integers(dilations)), ("group", .integer(groups)), ("kernel_shape", .integers(window.size)),
          ("pads", .integers(window.padding)), ("strides", .integers(window.strides)),
        ])
      return addProduct(index, inputs, step, weight, bias, axesAfter: [1, 1])
    case .dense(let weight, let bias):
      let isRow = input.count == 1
      let step = Step(operation: isRow ? "Gemm" : "MatMul", attributes: isRow ? [("transB", .integer(1))] : [])
      return addProduct(index, inputs, step, weight, bias, axesAfter: [])
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

  /// The steps one after the other; each has the layer's shape, and the last one its name, where it is the last.
  @discardableResult
  private mutating func chain(_ value: String, _ steps: [Step], _ name: String?, _ shape: [Int]) -> String {
    var value = value
    for (place, step) in steps.enumerated() {
      let node = ONNXDocument.Node(
        operation: step.operation, inputs: [value] + step.others, attributes: step.attributes, element: step.element,
        shape: .batched(shape))
      if place == steps.count - 1, let name {
        document.add(node, named: name)
        return name
      }
      value = document.add(node)
    }
    return value
  }

  /// Whether the value of a layer holds whole numbers, given whether its inputs do.
  private static func givesWhole(_ kind: PackedLayer.Kind, _ inputs: [Bool]) -> Bool {
    switch kind {
    case .sign, .threshold: true
    case .add, .concat, .relu, .maxPool, .reshape, .slice, .transpose: inputs.allSatisfy { $0 }
    case .pad(_, _, let value): inputs[0] && value == value.rounded()
    default: false
    }
  }

  // MARK: Layers with weights

  /// A product with a weight: the operator reads the value, the weight and, where it stands alone, the bias.
  ///
  /// Where the value holds whole numbers, the sums are whole as well: they are made of symbols alone, and what the
  /// levels are multiplied with is exact, whatever order a runtime adds up in. The rounding keeps runtimes from moving
  /// the levels back into the weight, which would turn bits where a sum is 0.
  private mutating func addProduct(
    _ index: Int, _ inputs: [String], _ step: Step, _ weight: PackedWeight, _ bias: [Float]?, axesAfter axes: [Int]
  ) {
    let (layer, shape) = (model.layers[index], shapes[index + 1])
    guard isWhole[layer.inputs[0]], let coded = weight.coded else {
      var others = [turned(weights.add(weight, "\(layer.name).weight", to: &document), weight, step)]
      if let bias, step.operation != "MatMul" {
        others.append(document.constant("\(layer.name).bias", [bias.count], bias))
      }
      var steps = [step.reading(others)]
      if let bias, step.operation == "MatMul" { steps += [biasStep(layer.name, bias, axes)] }
      chain(inputs[0], steps, layer.name, shape)
      return
    }
    let sides = weights.addSymbols(coded, "\(layer.name).weight", to: &document)
    var rest = bias.map { [biasStep(layer.name, $0, axes)] } ?? []
    var sum: String?
    for (place, side) in sides.enumerated() {
      var steps = [step.reading([turned(side.symbols, weight, step)]), Step(operation: "Round")]
      let name = "\(layer.name).levels" + (place == 0 ? "" : ".minus")
      if let levels = document.levels(name, side.levels, axesAfter: axes) {
        steps.append(Step(operation: "Mul", others: [levels]))
      }
      if let sum { rest.insert(Step(operation: "Add", others: [sum]), at: 0) }
      let isLast = place == sides.count - 1
      sum = chain(inputs[0], isLast ? steps + rest : steps, isLast ? layer.name : nil, shape)
    }
  }

  private mutating func biasStep(_ name: String, _ bias: [Float], _ axes: [Int]) -> Step {
    Step(operation: "Add", others: [document.constant("\(name).bias", [bias.count] + axes, bias)])
  }

  /// The weight as the operator reads it: a matrix product wants it the other way round.
  private mutating func turned(_ value: String, _ weight: PackedWeight, _ step: Step) -> String {
    guard step.operation == "MatMul" else { return value }
    return document.add(
      .init(
        operation: "Transpose", inputs: [value], attributes: [("perm", .integers([1, 0]))],
        shape: .fixed(weight.shape.reversed())))
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
