import Compute
import Graphs
import Tensors

extension KerasLayers {
  static let shapes: [String: Handler] = [
    "Flatten": flatten,
    "Reshape": reshape,
    "Permute": permute,
    "RepeatVector": repeatVector,
  ]

  private static func flatten(
    _ step: KerasStep, _ translation: inout KerasTranslation
  ) throws(ImportError.Problem) -> [KerasTensor] {
    var input = try step.input()
    let shape = translation.shape(input)
    // Keras puts the channels last before it flattens, but its first version did not.
    let isTurned = try step.hasChannelsFirst() && translation.version > 1 && input.layout == .plain && shape.rank == 4
    switch input.layout {
    case .flattened: return [input]
    case .image: break
    case .plain where isTurned: break
    case .plain, .sequence: input = KerasTensor(node: try translation.plain(input, step.name))
    }
    guard translation.shape(input).rank != 2 else { return [input] }
    let id = try translation.add(step, Flatten(axis: 1), [input.node])
    guard input.layout == .image || isTurned, shape[1] > 1, shape[2] * shape[3] > 1 else {
      return [KerasTensor(node: id)]
    }
    return [
      KerasTensor(node: id, layout: .flattened(channels: shape[1], height: shape[2], width: shape[3]))
    ]
  }

  private static func reshape(
    _ step: KerasStep, _ translation: inout KerasTranslation
  ) throws(ImportError.Problem) -> [KerasTensor] {
    guard let target = step.value(["target_shape"])?.array?.map(\.integer), !target.contains(nil) else {
      throw step.problem("'target_shape' is no list of whole numbers")
    }
    let id = try translation.plain(try step.input(), step.name)
    let count = translation.graph[id].shape.dimensions.dropFirst().reduce(1, *)
    var sizes = target.map { $0! }
    try step.require(
      sizes.filter { $0 == -1 }.count <= 1 && sizes.allSatisfy { $0 == -1 || $0 > 0 }, "cannot take the shape \(sizes)")
    guard let known = Shape.count(of: sizes.map(abs)), known > 0 else {
      throw step.problem("cannot take the shape \(sizes)")
    }
    if let free = sizes.firstIndex(of: -1) { sizes[free] = count / known }
    try step.require(
      Shape.count(of: sizes) == count,
      "its input has \(count) numbers, which cannot take the shape \(target.map { $0! })")
    return [KerasTensor(node: try translation.add(step, Reshape(dimensions: [0] + sizes), [id]))]
  }

  /// Axes are counted from 1, the batch stays.
  private static func permute(
    _ step: KerasStep, _ translation: inout KerasTranslation
  ) throws(ImportError.Problem) -> [KerasTensor] {
    let dimensions = step.value(["dims"])?.array?.compactMap(\.integer) ?? []
    let id = try translation.plain(try step.input(), step.name)
    return [KerasTensor(node: try translation.add(step, Transpose(permutation: [0] + dimensions), [id]))]
  }

  private static func repeatVector(
    _ step: KerasStep, _ translation: inout KerasTranslation
  ) throws(ImportError.Problem) -> [KerasTensor] {
    let id = try translation.plain(try step.input(), step.name)
    let shape = translation.graph[id].shape
    let count = try step.integer("n")
    try step.require(shape.rank == 2 && (1...65536).contains(count), "cannot repeat \(shape) \(count) times")
    let row = try translation.add(step, Reshape(dimensions: [0, 1, shape[1]]), [id], part: "row")
    let ones = translation.constant(step, Tensor([1, count, 1], repeating: 1), "repeats")
    return [KerasTensor(node: try translation.add(step, Multiply(), [row, ones]))]
  }
}
