import Compute
import Graphs
import Tensors

extension KerasLayers {
  static let products: [String: Handler] = [
    "Dense": dense,
    "BatchNormalization": batchNormalization,
    "BatchNormalizationV1": batchNormalization,
    "BatchNormalizationV2": batchNormalization,
    "SyncBatchNormalization": batchNormalization,
  ]

  static let normalizations: [String: Handler] = [
    "LayerNormalization": layerNormalization,
    "Rescaling": rescaling,
    "Normalization": normalization,
  ]

  /// Kernel `[in, out]`, over the last axis. What a flattened image holds is in another order in the graph, so the rows
  /// of the kernel are put in that order instead of the image.
  private static func dense(
    _ step: KerasStep, _ translation: inout KerasTranslation
  ) throws(ImportError.Problem) -> [KerasTensor] {
    let input = try step.input()
    let units = try step.integer("units", "output_dim")
    let variable = KerasVariable("kernel", "W", index: 0)
    var node = input.node
    let kernel: Graph.Node.ID
    if case .flattened(let channels, let height, let width) = input.layout {
      let count = channels * height * width
      kernel = try translation.weight(step, variable, [count, units], variant: "\(channels) \(height) \(width)") {
        $0.reshaped([height, width, channels, units]).transposed([3, 2, 0, 1]).reshaped([units, count])
      }
    } else {
      node = try translation.plain(input, step.name)
      let features = translation.graph[node].shape.dimensions.last ?? 0
      kernel = try translation.weight(step, variable, [features, units]) { $0.transposed([1, 0]) }
    }
    let bias = try translation.bias(step, units, index: 1)
    return [
      try translation.activated(step, KerasTensor(node: try translation.add(step, Dense(), [node, kernel] + bias)))
    ]
  }

  private static func batchNormalization(
    _ step: KerasStep, _ translation: inout KerasTranslation
  ) throws(ImportError.Problem) -> [KerasTensor] {
    let input = try step.input()
    try step.require(try step.integer("mode", default: 0) == 0, "'mode' is not 0, which is not supported")
    let tensor = try translation.withChannelsSecond(input, step)
    let count = translation.shape(tensor)[1]
    let (isScaled, isShifted) = (
      try step.boolean("scale", default: true), try step.boolean("center", default: true)
    )
    let order = ChannelOrder(input.layout)
    func weight(_ names: [String], _ index: Int) throws(ImportError.Problem) -> Graph.Node.ID {
      var variable = KerasVariable(names[0], index: index)
      variable.names = names
      return try translation.weight(step, variable, [count], variant: order.name) { order.arranged($0) }
    }
    let first = (isScaled ? 1 : 0) + (isShifted ? 1 : 0)
    let mean = try weight(["moving_mean", "running_mean"], first)
    let variance = try weight(["moving_variance", "running_std", "running_variance"], first + 1)
    let scale = try isScaled ? weight(["gamma"], 0) : translation.filled(step, [count], 1, "gamma")
    let shift = try isShifted ? weight(["beta"], isScaled ? 1 : 0) : translation.filled(step, [count], 0, "beta")
    let operation = BatchNorm(
      epsilon: try step.float("epsilon", default: 1e-3), momentum: try step.float("momentum", default: 0.99))
    let id = try translation.add(step, operation, [tensor.node, scale, shift, mean, variance])
    return [KerasTensor(node: id, layout: tensor.layout)]
  }

  private static func layerNormalization(
    _ step: KerasStep, _ translation: inout KerasTranslation
  ) throws(ImportError.Problem) -> [KerasTensor] {
    try step.requireFalse("rms_scaling")
    let id = try translation.plain(try step.input(), step.name)
    let shape = translation.graph[id].shape.dimensions
    let value = step.value(["axis"])
    let named = value.map { $0.integer.map { [$0] } ?? $0.array?.compactMap(\.integer) ?? [] } ?? [-1]
    let axes = named.map { $0 < 0 ? $0 + shape.count : $0 }.sorted()
    try step.require(
      !axes.isEmpty && axes == Array((shape.count - axes.count)..<shape.count) && axes[0] > 0,
      "'axis' is \(value?.words ?? ""); only the last axes are supported")
    let sizes = Array(shape.suffix(axes.count))
    let isScaled = try step.boolean("scale", default: true)
    let scale =
      isScaled
      ? try translation.weight(step, KerasVariable("gamma", index: 0), sizes)
      : try translation.filled(step, sizes, 1, "gamma")
    let shift =
      try step.boolean("center", default: true)
      ? try translation.weight(step, KerasVariable("beta", index: isScaled ? 1 : 0), sizes)
      : try translation.filled(step, sizes, 0, "beta")
    let operation = LayerNorm(epsilon: try step.float("epsilon", default: 1e-3))
    return [KerasTensor(node: try translation.add(step, operation, [id, scale, shift]))]
  }

  /// `x · scale + offset`, each one number or one for each channel.
  private static func rescaling(
    _ step: KerasStep, _ translation: inout KerasTranslation
  ) throws(ImportError.Problem) -> [KerasTensor] {
    var tensor = try step.input()
    for (key, standard, operation) in [("scale", Float(1), Multiply() as any Operator), ("offset", 0, Add())] {
      let numbers = try numbers(step, key) ?? [standard]
      guard numbers.contains(where: { $0 != standard }) else { continue }
      let factor = try translation.perChannel(step, numbers, key, of: tensor)
      tensor.node = try translation.add(step, operation, [tensor.node, factor], part: key == "scale" ? nil : key)
    }
    return [tensor]
  }

  /// `(x − mean) / max(√variance, 10⁻⁷)`, with numbers of the file or of the configuration.
  private static func normalization(
    _ step: KerasStep, _ translation: inout KerasTranslation
  ) throws(ImportError.Problem) -> [KerasTensor] {
    var tensor = try step.input()
    try step.requireFalse("invert")
    let shape = translation.kerasShape(tensor)
    let value = step.value(["axis"])
    let axes = value.map { $0.integer.map { [$0] } ?? $0.array?.compactMap(\.integer) ?? [] } ?? []
    try step.require(
      axes.isEmpty || axes == [-1] || axes == [shape.count - 1], "'axis' is \(value!.words); only the last is supported"
    )
    var (mean, variance) = (try numbers(step, "mean"), try numbers(step, "variance"))
    if mean == nil || variance == nil {
      let count = axes.isEmpty ? 1 : shape.last!
      let sizes = axes.isEmpty ? [] : [count]
      mean = try translation.values(step, KerasVariable("mean", index: 0), sizes).scalars
      variance = try translation.values(step, KerasVariable("variance", index: 1), sizes).scalars
    }
    let deviation = variance!.map { max($0.squareRoot(), 1e-7) }
    let middle = try translation.perChannel(step, mean!, "mean", of: tensor)
    tensor.node = try translation.add(step, Subtract(), [tensor.node, middle], part: "centered")
    let width = try translation.perChannel(step, deviation, "deviation", of: tensor)
    tensor.node = try translation.add(step, Divide(), [tensor.node, width])
    return [tensor]
  }

  /// One number, or a list of them that may be nested as deep as the input.
  private static func numbers(_ step: KerasStep, _ key: String) throws(ImportError.Problem) -> [Float]? {
    guard var value = step.value([key]) else { return nil }
    if let content = value["config"]?["value"] ?? value["value"] { value = content }
    while let list = value.array, list.count == 1, list[0].array != nil { value = list[0] }
    let numbers = value.number.map { [Float($0)] } ?? value.array?.compactMap { $0.number.map { Float($0) } } ?? []
    guard !numbers.isEmpty, numbers.count == value.array?.count ?? 1, numbers.allSatisfy(\.isFinite) else {
      throw step.problem("'\(key)' is \(value.words), expected numbers")
    }
    return numbers
  }
}

/// How the numbers of each feature are ordered for a flattened image.
private struct ChannelOrder {
  let layout: KerasTensor.Layout
  init(_ layout: KerasTensor.Layout) { self.layout = layout }

  var name: String { if case .flattened(let c, let h, let w) = layout { "\(c) \(h) \(w)" } else { "" } }

  func arranged(_ tensor: Tensor) -> Tensor {
    guard case .flattened(let channels, let height, let width) = layout else { return tensor }
    return tensor.reshaped([height, width, channels]).transposed([2, 0, 1]).reshaped(tensor.shape)
  }
}

extension KerasTranslation {
  /// The value with the axis that is normalised as the second of its node.
  fileprivate mutating func withChannelsSecond(
    _ input: KerasTensor, _ step: KerasStep
  ) throws(ImportError.Problem) -> KerasTensor {
    let rank = kerasShape(input).count
    let named = step.value(["axis"]) ?? .number(-1)
    let axes = named.array ?? [named]
    guard axes.count == 1, let wanted = axes[0].integer else {
      throw step.problem("'axis' is \(named.words), expected one axis")
    }
    switch (rank, wanted < 0 ? wanted + rank : wanted) {
    case (2, 1): return input
    case (4, 1) where input.layout == .plain: return input
    case (4, 3): return KerasTensor(node: try image(input, step), layout: .image)
    case (3, 2): return KerasTensor(node: try sequence(input, step), layout: .sequence)
    default: throw step.problem("'axis' is \(wanted) of \(rank) axes, which is not supported")
    }
  }

  /// Numbers that go along the last axis of Keras, shaped so that they repeat along the others of the node.
  fileprivate mutating func perChannel(
    _ step: KerasStep, _ numbers: [Float], _ name: String, of tensor: KerasTensor
  ) throws(ImportError.Problem) -> Graph.Node.ID {
    if numbers.count == 1 { return constant(step, Tensor(scalar: numbers[0]), name) }
    let count = kerasShape(tensor).last ?? 0
    try step.require(numbers.count == count, "'\(name)' has \(numbers.count) numbers for \(count) channels")
    let values = Tensor([count], scalars: numbers)
    let arranged =
      switch tensor.layout {
      case .plain: values
      case .image, .sequence: values.reshaped([count, 1, 1])
      case .flattened: ChannelOrder(tensor.layout).arranged(values)
      }
    return constant(step, arranged, name)
  }
}
