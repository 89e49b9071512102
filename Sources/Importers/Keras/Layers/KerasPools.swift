import Compute
import Graphs
import Tensors

extension KerasLayers {
  static let pools: [String: Handler] = [
    "MaxPooling2D": { (step, translation) throws(ImportError.Problem) in
      try pool(step, &translation, 2, isMaximum: true)
    },
    "MaxPooling1D": { (step, translation) throws(ImportError.Problem) in
      try pool(step, &translation, 1, isMaximum: true)
    },
    "AveragePooling2D": { (step, translation) throws(ImportError.Problem) in
      try pool(step, &translation, 2, isMaximum: false)
    },
    "AveragePooling1D": { (step, translation) throws(ImportError.Problem) in
      try pool(step, &translation, 1, isMaximum: false)
    },
    "GlobalAveragePooling2D": { (step, translation) throws(ImportError.Problem) in
      try globalPool(step, &translation, 2, isMaximum: false)
    },
    "GlobalAveragePooling1D": { (step, translation) throws(ImportError.Problem) in
      try globalPool(step, &translation, 1, isMaximum: false)
    },
    "GlobalMaxPooling2D": { (step, translation) throws(ImportError.Problem) in
      try globalPool(step, &translation, 2, isMaximum: true)
    },
    "GlobalMaxPooling1D": { (step, translation) throws(ImportError.Problem) in
      try globalPool(step, &translation, 1, isMaximum: true)
    },
    "ZeroPadding2D": { (step, translation) throws(ImportError.Problem) in
      try around(step, &translation, ["padding"], rank: 2, sign: 1)
    },
    "ZeroPadding1D": { (step, translation) throws(ImportError.Problem) in
      try around(step, &translation, ["padding"], rank: 1, sign: 1)
    },
    "Cropping2D": { (step, translation) throws(ImportError.Problem) in
      try around(step, &translation, ["cropping"], rank: 2, sign: -1)
    },
    "Cropping1D": { (step, translation) throws(ImportError.Problem) in
      try around(step, &translation, ["cropping"], rank: 1, sign: -1)
    },
    "UpSampling2D": { (step, translation) throws(ImportError.Problem) in try enlarge(step, &translation, rank: 2) },
    "UpSampling1D": { (step, translation) throws(ImportError.Problem) in try enlarge(step, &translation, rank: 1) },
  ]

  private static func pool(
    _ step: KerasStep, _ translation: inout KerasTranslation, _ rank: Int, isMaximum: Bool
  ) throws(ImportError.Problem) -> [KerasTensor] {
    let shape = try ConvolutionShape(pool: step, rank: rank)
    let image = try translation.spatial(try step.input(), step, shape)
    let padding = try shape.padding(of: translation.graph[image].shape, step)
    let pool: any Operator =
      isMaximum
      ? MaxPool(size: shape.size, strides: shape.strides, padding: padding)
      : AveragePool(size: shape.size, strides: shape.strides, padding: padding)
    return [KerasTensor(node: try translation.add(step, pool, [image]), layout: shape.layout)]
  }

  /// One number for each channel; with `keepdims` as an image of one pixel.
  private static func globalPool(
    _ step: KerasStep, _ translation: inout KerasTranslation, _ rank: Int, isMaximum: Bool
  ) throws(ImportError.Problem) -> [KerasTensor] {
    let (layout, image) = try translation.spatial(step, rank: rank)
    let shape = translation.graph[image].shape
    let pool: any Operator = isMaximum ? MaxPool(size: [shape[2], shape[3]]) : GlobalAveragePool()
    let id = try translation.add(step, pool, [image])
    if try step.boolean("keepdims", default: false) { return [KerasTensor(node: id, layout: layout)] }
    return [KerasTensor(node: try translation.add(step, Flatten(axis: 1), [id], part: "flatten"))]
  }

  /// Zeros around an image, or less of it: one amount, one for each axis, or a pair for each.
  private static func around(
    _ step: KerasStep, _ translation: inout KerasTranslation, _ keys: [String], rank: Int, sign: Int
  ) throws(ImportError.Problem) -> [KerasTensor] {
    let (layout, image) = try translation.spatial(step, rank: rank)
    guard let value = step.value(keys) else { throw step.problem("'\(keys[0])' is missing") }
    var pairs: [[Int]] = []
    if let one = value.integer {
      pairs = Array(repeating: [one, one], count: rank)
    } else if rank == 1, let pair = value.array?.compactMap(\.integer), pair.count == 2 {
      pairs = [pair]
    } else {
      for element in value.array ?? [] {
        pairs.append(element.integer.map { [$0, $0] } ?? element.array?.compactMap(\.integer) ?? [])
      }
    }
    guard pairs.count == rank, pairs.allSatisfy({ $0.count == 2 && $0.allSatisfy { (0...(1 << 20)).contains($0) } })
    else {
      throw step.problem("'\(keys[0])' is \(value.words), expected amounts for \(rank) axes")
    }
    if rank == 1 { pairs.insert([0, 0], at: 0) }
    let id = try translation.padded(image, before: pairs.map { $0[0] * sign }, after: pairs.map { $0[1] * sign }, step)
    return [KerasTensor(node: id, layout: layout)]
  }

  /// Every pixel several times, or lines between the middles of pixels.
  private static func enlarge(
    _ step: KerasStep, _ translation: inout KerasTranslation, rank: Int
  ) throws(ImportError.Problem) -> [KerasTensor] {
    let (layout, image) = try translation.spatial(step, rank: rank)
    var factors = try step.sizes(["size", "length"], count: rank, default: 2)
    if rank == 1 { factors.insert(1, at: 0) }
    try step.require(factors.allSatisfy { $0 <= 1024 }, "'size' is \(factors); at most 1024 is supported")
    let interpolation = try step.string("interpolation", default: "nearest")
    let shape = translation.graph[image].shape
    let id: Graph.Node.ID
    switch interpolation {
    case "nearest": id = try translation.repeated(image, factors, step)
    case "bilinear":
      try step.require(shape[2] <= 4096 && shape[3] <= 4096, "its input \(shape) is too large")
      try step.require(
        max(shape[2] * factors[0] * shape[2], shape[3] * factors[1] * shape[3]) <= 1 << 26, "makes too large an image")
      let rows = translation.constant(step, .lines(shape[2], factors[0]), "rows")
      let columns = translation.constant(step, Tensor.lines(shape[3], factors[1]).transposed([1, 0]), "columns")
      let taller = try translation.add(step, Graphs.MatrixMultiply(), [rows, image], part: "rows")
      id = try translation.add(step, Graphs.MatrixMultiply(), [taller, columns])
    default: throw step.problem("'interpolation' is '\(interpolation)', expected nearest or bilinear")
    }
    return [KerasTensor(node: id, layout: layout)]
  }
}

extension KerasTranslation {
  /// The only input as an image of the graph, and how it is to be understood.
  mutating func spatial(
    _ step: KerasStep, rank: Int
  ) throws(ImportError.Problem) -> (KerasTensor.Layout, Graph.Node.ID) {
    let hasChannelsFirst = try step.hasChannelsFirst()
    let id = try spatial(try step.input(), step, rank: rank, hasChannelsFirst: hasChannelsFirst)
    return (hasChannelsFirst ? .plain : rank == 2 ? .image : .sequence, id)
  }

  fileprivate mutating func repeated(
    _ image: Graph.Node.ID, _ factors: [Int], _ step: KerasStep
  ) throws(ImportError.Problem) -> Graph.Node.ID {
    let shape = graph[image].shape
    let apart = try add(step, Reshape(dimensions: [0, shape[1], shape[2], 1, shape[3], 1]), [image], part: "apart")
    let ones = constant(step, Tensor([1, 1, 1, factors[0], 1, factors[1]], repeating: 1), "repeats")
    let many = try add(step, Multiply(), [apart, ones], part: "repeated")
    return try add(
      step, Reshape(dimensions: [0, shape[1], shape[2] * factors[0], shape[3] * factors[1]]), [many])
  }
}

extension Tensor {
  /// The matrix `[count · factor, count]` that puts straight lines between the middles of pixels.
  fileprivate static func lines(_ count: Int, _ factor: Int) -> Tensor {
    var numbers = [Float](repeating: 0, count: count * factor * count)
    for row in 0..<(count * factor) {
      let place = max(0, (Float(row) + 0.5) / Float(factor) - 0.5)
      let first = min(Int(place), count - 1)
      let share = place - Float(first)
      numbers[row * count + first] += 1 - share
      numbers[row * count + min(first + 1, count - 1)] += share
    }
    return Tensor([count * factor, count], scalars: numbers)
  }
}
