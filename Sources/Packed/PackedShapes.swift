import Tensors

/// The shape of every value of a packed model, checked: a model that has shapes can be run.
package struct PackedShapes: Hashable, Sendable {
  /// Without the batch: first that of the input, then one for each layer.
  package let values: [[Int]]

  /// Elements that a value may have for one item of the batch.
  static let largestValue = 1 << 27
  /// Elements that all values may have together for one item of the batch.
  static let largestTotal = 1 << 29
  /// Bytes that a layer's weights may take as kernels read them.
  static let largestPrepared = 1 << 30
  static let highestRank = 6

  /// The shapes of all values. Throws where weights, parameters and inputs do not fit each other.
  ///
  /// Complexity: O(layers + parameters).
  package init(of model: PackedModel) throws(PackedFileError) {
    guard !model.layers.isEmpty else { throw .noLayers }
    var names: Set = [model.input.name]
    for layer in model.layers where !names.insert(layer.name).inserted { throw .duplicateName(layer: layer.name) }
    var (values, total) = ([model.input.shape], 0)
    total += try Self.checkedCount(model.input.shape, layer: "input")
    for (index, layer) in model.layers.enumerated() {
      if let wrong = layer.inputs.first(where: { !(0...index).contains($0) }) {
        throw .invalidInput(layer: layer.name, wrong)
      }
      let shape = try ShapeRule(layer: layer).shape(of: layer.inputs.map { values[$0] })
      total += try Self.checkedCount(shape, layer: layer.name)
      guard total <= Self.largestTotal else { throw .tooLarge(layer: layer.name, elements: total) }
      values.append(shape)
    }
    self.values = values
    try Self.check(model.input)
  }

  private static func checkedCount(_ shape: [Int], layer: String) throws(PackedFileError) -> Int {
    guard 1...highestRank ~= shape.count, shape.allSatisfy({ $0 >= 1 }) else {
      throw .wrongShape(layer: layer, reason: "\(shape) is no shape of 1 to \(highestRank) axes")
    }
    guard let count = Shape.count(of: shape) else { throw .tooLarge(layer: layer, elements: nil) }
    guard count <= largestValue else { throw .tooLarge(layer: layer, elements: count) }
    return count
  }

  private static func check(_ input: PackedModel.Input) throws(PackedFileError) {
    guard let normalization = input.normalization else { return }
    let place = "input"
    for (key, list) in [("mean", normalization.mean), ("deviation", normalization.deviation)] {
      guard list.count == 1 || list.count == input.shape[0] else {
        throw .invalidValue(place: place, key: key, expected: "one number, or one for each channel")
      }
      guard list.allSatisfy(\.isFinite) else { throw .notFinite(layer: place, key: key) }
    }
    guard normalization.scale.isFinite, !normalization.deviation.contains(0) else {
      throw .invalidValue(place: place, key: "deviation", expected: "finite and not zero")
    }
  }
}

/// What one layer makes of the shapes of its inputs.
struct ShapeRule {
  let layer: PackedLayer

  func wrong(_ reason: String) -> PackedFileError { .wrongShape(layer: layer.name, reason: reason) }

  func require(_ condition: Bool, _ reason: @autoclosure () -> String) throws(PackedFileError) {
    if !condition { throw wrong(reason()) }
  }

  func shape(of inputs: [[Int]]) throws(PackedFileError) -> [Int] {
    let counts = layer.kind.inputCounts
    try require(counts.contains(inputs.count), "it has \(inputs.count) inputs, expected \(counts.lowerBound) or more")
    let input = inputs[0]
    switch layer.kind {
    case .convolution(let window, let dilations, let groups, let weight, let bias):
      return try convolution(input, window, dilations: dilations, groups: groups, weight, bias: bias)
    case .dense(let weight, let bias): return try dense(input, weight, bias: bias)
    case .affine(let scale, let shift, _): return try affine(inputs, scale, shift)
    case .add: return try add(input, inputs[1])
    case .relu, .sign: return input
    case .clip(let minimum, let maximum):
      try require(minimum <= maximum, "its minimum is above its maximum")
      return input
    case .leak(let slopes):
      try leak(input, slopes)
      return input
    case .quantize(let step, let minimum, let maximum):
      try quantize(step, minimum, maximum)
      return input
    case .threshold(let thresholds, let flipped):
      try require(thresholds.count == input[0], "\(thresholds.count) thresholds for \(input[0]) channels")
      try require(flipped.count == input[0], "\(flipped.count) flips for \(input[0]) channels")
      return input
    case .maxPool(let window), .averagePool(let window, _): return try pool(input, window)
    case .globalAveragePool:
      try require(input.count == 3, "\(input) is not channels, height, width")
      return [input[0], 1, 1]
    case .pad(let before, let after, let value): return try pad(input, before, after, value)
    case .slice(let starts, let steps, let counts): return try slice(input, starts, steps, counts)
    case .concat(let axis): return try concat(inputs, axis)
    case .reshape(let shape): return try reshape(input, shape)
    case .transpose(let axes):
      try require(axes.sorted() == Array(1...input.count), "\(axes) is no order of \(input.count) axes")
      return axes.map { input[$0 - 1] }
    case .softmax(let axis):
      try require(1...input.count ~= axis, "axis \(axis) does not exist in \(input)")
      return input
    }
  }
}

extension PackedLayer.Kind {
  /// How many values a layer of this kind reads.
  var inputCounts: ClosedRange<Int> {
    switch self {
    case .add: 2...2
    case .affine: 1...2
    case .concat: 1...4096
    default: 1...1
    }
  }
}
