import Compute
import Graphs
import Tensors

extension KerasLayers {
  static let activations: [String: Handler] = [
    "Activation": { (step, translation) throws(ImportError.Problem) in
      [try translation.activated(step, try step.input(), part: nil)]
    },
    "ReLU": { (step, translation) throws(ImportError.Problem) in
      [try translation.rectified(step, try step.input(), part: nil)]
    },
    "LeakyReLU": { (step, translation) throws(ImportError.Problem) in
      let slope = try step.float("negative_slope", "alpha", default: 0.3)
      return [try translation.applied(step, .leakyRelu(slope: slope), try step.input(), part: nil)]
    },
    "ELU": { (step, translation) throws(ImportError.Problem) in
      let scale = try step.float("alpha", default: 1)
      return [try translation.applied(step, .elu(scale: scale), try step.input(), part: nil)]
    },
    "ThresholdedReLU": { (step, translation) throws(ImportError.Problem) in
      let limit = try step.float("theta", default: 1)
      return [try translation.applied(step, .above(limit: limit), try step.input(), part: nil)]
    },
    "PReLU": learnedLeak,
    "Softmax": { (step, translation) throws(ImportError.Problem) in
      let input = try step.input()
      let axes = step.value(["axis"]).map { $0.array ?? [$0] } ?? [.number(-1)]
      guard axes.count == 1, let wanted = axes[0].integer else {
        throw step.problem("'axis' names several axes, which is not supported")
      }
      let axis = try translation.axis(wanted, of: input, step)
      return [KerasTensor(node: try translation.add(step, Softmax(axis: axis), [input.node]), layout: input.layout)]
    },
  ]

  /// A slope for each number of the input, or one for all along some axes.
  private static func learnedLeak(
    _ step: KerasStep, _ translation: inout KerasTranslation
  ) throws(ImportError.Problem) -> [KerasTensor] {
    let input = try step.input()
    var shape = Array(translation.kerasShape(input).dropFirst())
    for axis in step.value(["shared_axes"])?.array?.compactMap(\.integer) ?? [] {
      try step.require(axis >= 1 && axis <= shape.count, "'shared_axes' names axis \(axis)")
      shape[axis - 1] = 1
    }
    let variable = KerasVariable("alpha", "alphas", index: 0)
    switch input.layout {
    case .image:
      let slopes = try translation.weight(step, variable, shape, variant: "image") { slopes in
        let order = slopes.transposed([2, 0, 1])
        return order.shape.dimensions.dropFirst().allSatisfy { $0 == 1 } ? order.reshaped([shape[2], 1, 1]) : order
      }
      return [KerasTensor(node: try translation.add(step, LearnedLeak(), [input.node, slopes]), layout: .image)]
    default:
      let slopes = try translation.weight(step, variable, shape)
      let id = try translation.plain(input, step.name)
      return [KerasTensor(node: try translation.add(step, LearnedLeak(), [id, slopes]))]
    }
  }
}

extension KerasTranslation {
  /// What follows a layer as its `activation`; nothing for a linear one.
  mutating func activated(_ step: KerasStep, _ tensor: KerasTensor) throws(ImportError.Problem) -> KerasTensor {
    try activated(step, tensor, part: "activation")
  }

  /// - Parameter part: of the name; nil where the activation is the layer.
  fileprivate mutating func activated(
    _ step: KerasStep, _ tensor: KerasTensor, part: String?
  ) throws(ImportError.Problem) -> KerasTensor {
    guard let value = step.value(["activation"]) else { return tensor }
    // A word, or a layer or a function that Keras wrote as an object.
    var name = value.string ?? value.words
    if let type = value["class_name"]?.string {
      name = type == "function" ? value["config"]?.string ?? type : type
      if let owner = value.classOwner {
        throw step.problem("the activation '\(name)' is one of '\(owner)', which is not supported")
      }
      if let layer = KerasActivationLayer(rawValue: type) {
        let inner = KerasLayer(
          name: step.layer.name, type: type, module: "", owner: nil, config: value["config"]?.object ?? [:], calls: [],
          network: nil)
        let nested = KerasStep(
          layer: inner, name: step.name, place: step.place, inputs: [tensor], call: step.call, keywordInputs: [:])
        return try activated(nested, layer, tensor, part: part)
      }
    }
    return try activated(step, named: name.lowercased(), tensor, part: part)
  }

  /// A layer as the activation of another one.
  private mutating func activated(
    _ step: KerasStep, _ layer: KerasActivationLayer, _ tensor: KerasTensor, part: String?
  ) throws(ImportError.Problem) -> KerasTensor {
    switch layer {
    case .relu: return try rectified(step, tensor, part: part)
    case .leaky:
      let slope = try step.float("negative_slope", "alpha", default: 0.3)
      return try applied(step, .leakyRelu(slope: slope), tensor, part: part)
    case .exponential: return try applied(step, .elu(scale: step.float("alpha", default: 1)), tensor, part: part)
    case .softmax: return try activated(step, named: "softmax", tensor, part: part)
    }
  }

  private mutating func activated(
    _ step: KerasStep, named name: String, _ tensor: KerasTensor, part: String?
  ) throws(ImportError.Problem) -> KerasTensor {
    if name == "linear" || name.isEmpty { return tensor }
    if let function = ScalarFunction(keras: name, version: version) {
      return try applied(step, function, tensor, part: part)
    }
    func added(_ operation: any Operator, _ inputs: [Graph.Node.ID], _ inner: String? = nil) throws(ImportError.Problem)
      -> Graph.Node.ID
    {
      let names = [part, inner].compactMap { $0 }
      return try add(step, operation, inputs, part: names.isEmpty ? nil : names.joined(separator: "/"))
    }
    let x = tensor.node
    let id: Graph.Node.ID
    switch name {
    case "relu": id = try added(Relu(), [x])
    case "relu6": id = try added(Clip(minimum: 0, maximum: 6), [x])
    case "softmax":
      id = try added(Softmax(axis: try axis(-1, of: tensor, step)), [x])
    case "log_softmax":
      let soft = try added(Softmax(axis: try axis(-1, of: tensor, step)), [x], "softmax")
      id = try added(Pointwise(.logarithm), [soft])
    case "selu":
      let unit = try added(Pointwise(.elu(scale: 1.673_263_2)), [x], "elu")
      // The scale belongs to the part above 0 as well, so it comes after it.
      id = try added(Multiply(), [unit, constant(step, Tensor(scalar: 1.050_701), "scale")])
    case "softplus": id = try softplus(step, x, part)
    case "mish":
      let soft = try softplus(step, x, (part.map { $0 + "/" } ?? "") + "softplus")
      id = try added(Multiply(), [x, try added(Pointwise(.tanh), [soft], "tanh")])
    case "softsign":
      let size = try added(Pointwise(.magnitude), [x], "magnitude")
      let one = constant(step, Tensor(scalar: 1), "one")
      id = try added(Divide(), [x, try added(Add(), [size, one], "sum")])
    case "hard_tanh": id = try added(Clip(minimum: -1, maximum: 1), [x])
    case "tanh_shrink": id = try added(Subtract(), [x, try added(Pointwise(.tanh), [x], "tanh")])
    case "log_sigmoid", "squareplus", "sparse_plus": id = try composed(step, name, x, part)
    default: throw step.problem("the activation '\(name)' is not supported")
    }
    return KerasTensor(node: id, layout: tensor.layout)
  }

  /// Activations that Keras 3 has, of operators and numbers.
  private mutating func composed(
    _ step: KerasStep, _ name: String, _ x: Graph.Node.ID, _ part: String?
  ) throws(ImportError.Problem) -> Graph.Node.ID {
    let start = part.map { $0 + "/" } ?? ""
    func number(_ name: String, _ value: Float) -> Graph.Node.ID { constant(step, Tensor(scalar: value), name) }
    switch name {
    case "log_sigmoid":
      let minus = number("minus", -1)
      let turned = try add(step, Multiply(), [x, minus], part: start + "minus")
      let soft = try add(step, Pointwise(.softplus), [turned], part: start + "softplus")
      return try add(step, Multiply(), [soft, minus], part: part)
    case "squareplus":
      // (x + √(x² + 4)) / 2
      let square = try add(step, Multiply(), [x, x], part: start + "square")
      let sum = try add(step, Add(), [square, number("four", 4)], part: start + "sum")
      let root = try add(step, Pointwise(.squareRoot), [sum], part: start + "root")
      let twice = try add(step, Add(), [x, root], part: start + "twice")
      return try add(step, Multiply(), [twice, number("half", 0.5)], part: part)
    default:
      // (x + 1)² / 4 between −1 and 1, 0 below, x above.
      let one = number("one", 1)
      let shifted = try add(step, Add(), [x, one], part: start + "shifted")
      let near = try add(step, Clip(minimum: 0, maximum: 2), [shifted], part: start + "near")
      let half = try add(step, Multiply(), [near, number("half", 0.5)], part: start + "half")
      let square = try add(step, Multiply(), [half, half], part: start + "square")
      let beyond = try add(step, Subtract(), [x, one], part: start + "beyond")
      let above = try add(step, Relu(), [beyond], part: start + "above")
      return try add(step, Add(), [square, above], part: part)
    }
  }

  /// `max(0, x) + ln(1 + exp(−|x|))`, which no large number overflows.
  private mutating func softplus(
    _ step: KerasStep, _ x: Graph.Node.ID, _ part: String?
  ) throws(ImportError.Problem) -> Graph.Node.ID {
    let start = part.map { $0 + "/" } ?? ""
    let size = try add(step, Pointwise(.magnitude), [x], part: start + "magnitude")
    let minus = try add(step, Multiply(), [size, constant(step, Tensor(scalar: -1), "minus")], part: start + "minus")
    let small = try add(step, Pointwise(.exponential), [minus], part: start + "exponential")
    let sum = try add(step, Add(), [small, constant(step, Tensor(scalar: 1), "one")], part: start + "sum")
    let rest = try add(step, Pointwise(.logarithm), [sum], part: start + "logarithm")
    let above = try add(step, Relu(), [x], part: start + "above")
    return try add(step, Add(), [above, rest], part: part)
  }

  fileprivate mutating func applied(
    _ step: KerasStep, _ function: ScalarFunction, _ tensor: KerasTensor, part: String?
  ) throws(ImportError.Problem) -> KerasTensor {
    KerasTensor(node: try add(step, Pointwise(function), [tensor.node], part: part), layout: tensor.layout)
  }

  /// The layer `ReLU`, with a slope below 0, an upper bound, and a threshold.
  fileprivate mutating func rectified(
    _ step: KerasStep, _ tensor: KerasTensor, part: String?
  ) throws(ImportError.Problem) -> KerasTensor {
    let slope = try step.float("negative_slope", default: 0)
    let threshold = try step.float("threshold", default: 0)
    try step.require(threshold == 0, "'threshold' is \(threshold); only 0 is supported")
    guard step.value(["max_value"]) != nil else {
      if slope != 0 { return try applied(step, .leakyRelu(slope: slope), tensor, part: part) }
      return KerasTensor(node: try add(step, Relu(), [tensor.node], part: part), layout: tensor.layout)
    }
    let maximum = try step.float("max_value", default: 0)
    try step.require(maximum >= 0, "'max_value' is \(maximum), expected 0 or more")
    if slope == 0 {
      let id = try add(step, Clip(minimum: 0, maximum: maximum), [tensor.node], part: part)
      return KerasTensor(node: id, layout: tensor.layout)
    }
    let leak = try applied(step, .leakyRelu(slope: slope), tensor, part: (part.map { $0 + "/" } ?? "") + "leak")
    let clip = Clip(minimum: -Float.greatestFiniteMagnitude, maximum: maximum)
    return KerasTensor(node: try add(step, clip, [leak.node], part: part), layout: tensor.layout)
  }
}

/// Layers that may stand as the activation of another layer.
private enum KerasActivationLayer: String {
  case relu = "ReLU"
  case leaky = "LeakyReLU"
  case exponential = "ELU"
  case softmax = "Softmax"
}

extension ScalarFunction {
  /// The hard sigmoid of Keras 3 is another function than that of Keras 1 and 2.
  init?(keras name: String, version: Int) {
    switch name {
    case "sigmoid": self = .sigmoid
    case "tanh": self = .tanh
    case "hard_sigmoid": self = .hardSigmoid(slope: version >= 3 ? 1 / 6 : 0.2, offset: 0.5)
    case "hard_swish", "hard_silu": self = .hardSwish
    case "swish", "silu": self = .swish
    case "gelu": self = .gelu
    case "elu": self = .elu(scale: 1)
    case "leaky_relu": self = .leakyRelu(slope: 0.2)
    case "exponential": self = .exponential
    case "celu": self = .celu(scale: 1)
    case "hard_shrink": self = .shrink(limit: 0.5, bias: 0)
    case "soft_shrink": self = .shrink(limit: 0.5, bias: 0.5)
    case "sparse_sigmoid": self = .hardSigmoid(slope: 0.5, offset: 0.5)
    default: return nil
    }
  }
}
