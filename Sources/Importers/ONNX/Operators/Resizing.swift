import Graphs
import Tensors

extension ONNXOperators {
  /// Operators that change the size of an image.
  static let resizings: [String: Handler] = [
    "Resize": resize,
    "Upsample": resize,
    "DepthToSpace": depthToSpace,
    "SpaceToDepth": spaceToDepth,
  ]

  /// Along each axis a sum of weighted neighbours, which are worked out here whatever the mode.
  private static func resize(
    _ node: ONNXNode, _ translation: inout ONNXTranslation
  ) throws(ImportError.Problem) -> ONNXValue {
    let input = try translation.operand(node, 0)
    let shape = translation.graph[input].shape
    let sizes = try ResizedSizes(node, &translation, shape)
    var rule = try ResizeRule(node, translation)
    var result = input
    var outside: [(axis: Int, isOutside: [Bool])] = []
    for axis in 0..<shape.rank {
      (rule.start, rule.end) = sizes.region[axis]
      let (size, count, scale) = (shape[axis], sizes.counts[axis], sizes.scales[axis])
      if size == count, scale == 1, rule.coordinates != .crop || (rule.start == 0 && rule.end == 1) { continue }
      try node.require(
        translation.batch(of: input)?.axis != axis, "changes the size of the batch, which is not supported")
      try node.require(size > 0, "the input \(shape) is empty")
      try node.require(!rule.smooths || scale > 1.0 / 4096, "makes axis \(axis) more than 4096 times smaller")
      // Before anything of that size is made.
      _ = try translation.charge(node, [count, rule.mostTaps(scale: scale)])
      let taps = (0..<count).map { rule.taps(at: $0, size: size, count: count, scale: scale) }
      let width = taps.map(\.weights.count).max() ?? 1
      let table = Shape([count, width])
      let places = taps.flatMap { $0.places + Array(repeating: 0, count: width - $0.places.count) }
      let weights = taps.flatMap { $0.weights + Array(repeating: 0, count: width - $0.weights.count) }
      outside.append((axis, taps.map(\.isOutside)))
      result = try translation.step(
        node, Resample(axis: axis),
        [
          result,
          try translation.constant(
            Literal("\(node.name).places\(axis)", Tensor(table, scalars: places.map { Float($0) })), for: node),
          try translation.constant(
            Literal("\(node.name).weights\(axis)", Tensor(table, scalars: weights)), for: node),
        ])
    }
    result = try filled(node, &translation, result, outside)
    return result == input ? try translation.value(node, Identity(), [input]) : .node(result)
  }

  /// With the one value where an axis lies outside of what is looked at.
  private static func filled(
    _ node: ONNXNode, _ translation: inout ONNXTranslation, _ id: Graph.Node.ID,
    _ outside: [(axis: Int, isOutside: [Bool])]
  ) throws(ImportError.Problem) -> Graph.Node.ID {
    let rank = translation.graph[id].shape.rank
    var result = id
    for (axis, isOutside) in outside where isOutside.contains(true) {
      let mask = try translation.numbers(
        node, "outside\(axis)", Shape([isOutside.count] + Array(repeating: 1, count: rank - axis - 1)),
        isOutside.map { $0 ? 1 : 0 }, type: .truth)
      let value = try translation.number(node, try node.float("extrapolation_value", default: 0))
      result = try translation.step(node, Choose(), [mask, value, result], type: .float)
    }
    return result
  }

  /// Channels become the pixels of blocks.
  private static func depthToSpace(
    _ node: ONNXNode, _ translation: inout ONNXTranslation
  ) throws(ImportError.Problem) -> ONNXValue {
    let (input, shape, size) = try blocks(node, &translation)
    let (height, width) = (shape[2], shape[3])
    try node.require(shape[1] % (size * size) == 0, "\(shape[1]) channels do not divide into blocks of \(size)")
    let channels = shape[1] / (size * size)
    let batch = translation.batch(of: input)
    let mode = try node.string("mode", default: "DCR")
    try node.require(mode == "DCR" || mode == "CRD", "'mode' is '\(mode)', expected DCR or CRD")
    let isColumnFirst = mode == "CRD"
    let apart = try translation.reshaped(
      node, input,
      to: isColumnFirst
        ? [shape[0], channels, size, size, height, width] : [shape[0], size, size, channels, height, width],
      batch: batch, part: "apart")
    let turned = try translation.turned(node, apart, isColumnFirst ? [0, 1, 4, 2, 5, 3] : [0, 3, 4, 1, 5, 2])
    return .node(
      try translation.reshaped(
        node, turned, to: [shape[0], channels, height * size, width * size], batch: batch))
  }

  /// The pixels of blocks become channels.
  private static func spaceToDepth(
    _ node: ONNXNode, _ translation: inout ONNXTranslation
  ) throws(ImportError.Problem) -> ONNXValue {
    let (input, shape, size) = try blocks(node, &translation)
    let (height, width) = (shape[2] / size, shape[3] / size)
    try node.require(shape[2] % size == 0 && shape[3] % size == 0, "\(shape) does not divide into blocks of \(size)")
    let batch = translation.batch(of: input)
    let apart = try translation.reshaped(
      node, input, to: [shape[0], shape[1], height, size, width, size], batch: batch, part: "apart")
    let turned = try translation.turned(node, apart, [0, 3, 5, 1, 2, 4])
    return .node(
      try translation.reshaped(
        node, turned, to: [shape[0], shape[1] * size * size, height, width], batch: batch))
  }

  private static func blocks(
    _ node: ONNXNode, _ translation: inout ONNXTranslation
  ) throws(ImportError.Problem) -> (Graph.Node.ID, Shape, Int) {
    let input = try translation.operand(node, 0)
    let (shape, size) = (translation.graph[input].shape, try node.integer("blocksize", default: 0))
    try node.require(shape.rank == 4, "its input \(shape) is no image")
    try node.require((1...largestWindow).contains(size), "'blocksize' is \(size), outside 1 to \(largestWindow)")
    return (input, shape, size)
  }
}

/// How large each axis becomes, and by which factor.
private struct ResizedSizes {
  var counts: [Int]
  var scales: [Double]
  /// The part of each axis that is looked at, from 0 to 1.
  var region: [(Double, Double)]

  init(_ node: ONNXNode, _ translation: inout ONNXTranslation, _ shape: Shape) throws(ImportError.Problem) {
    let isOld = node.operation == "Upsample" || translation.operatorSet < 11
    let given = translation.operatorSet < 18 ? nil : node.attributes["axes"]?.integers
    var axes = Array(0..<shape.rank)
    if let given { axes = []; for axis in given { axes.append(try node.axis(axis, rank: shape.rank)) } }
    counts = shape.dimensions
    scales = Array(repeating: 1, count: shape.rank)
    region = Array(repeating: (0, 1), count: shape.rank)
    if !isOld, try node.string("coordinate_transformation_mode", default: "") == "tf_crop_and_resize" {
      guard let numbers = try translation.literal(node, 1)?.floats?.scalars, numbers.count == 2 * axes.count else {
        throw node.problem("its region must have two numbers for each of the axes \(axes)")
      }
      for (place, axis) in axes.enumerated() {
        region[axis] = (Double(numbers[place]), Double(numbers[place + axes.count]))
      }
    }
    if node.operation == "Upsample", translation.operatorSet < 9 {
      try scale(node, axes, node.attributes["scales"]?.floats ?? [], shape)
    } else if !isOld, translation.optional(node, 3) != nil, let wanted = try translation.integers(node, 3),
      !wanted.isEmpty
    {
      try fit(node, axes, wanted, shape)
    } else {
      let factors = try translation.literal(node, isOld ? 1 : 2)?.floats?.scalars ?? []
      try scale(node, axes, factors, shape)
    }
    guard Shape.checked(counts) != nil else { throw node.problem("the output \(counts) is too large") }
  }

  private mutating func scale(
    _ node: ONNXNode, _ axes: [Int], _ factors: [Float], _ shape: Shape
  ) throws(ImportError.Problem) {
    try node.require(
      factors.count == axes.count && factors.allSatisfy { $0 > 0 && $0 < Float(1 << 20) },
      "the factors \(factors) do not fit \(shape)")
    for (place, axis) in axes.enumerated() {
      scales[axis] = Double(factors[place])
      let part = region[axis].1 - region[axis].0
      let length = Double(shape[axis]) * (part.isFinite ? max(part, 0) : 1) * scales[axis]
      try node.require(length < Double(1 << 30), "axis \(axis) becomes too large")
      counts[axis] = Int(length.rounded(.down))
    }
  }

  private mutating func fit(
    _ node: ONNXNode, _ axes: [Int], _ wanted: [Int], _ shape: Shape
  ) throws(ImportError.Problem) {
    try node.require(
      wanted.count == axes.count && wanted.allSatisfy { (1...1 << 24).contains($0) },
      "the sizes \(wanted) do not fit \(shape)")
    let factors = axes.indices.map { Double(wanted[$0]) / Double(max(shape[axes[$0]], 1)) }
    let policy = try node.string("keep_aspect_ratio_policy", default: "stretch")
    for (place, axis) in axes.enumerated() {
      switch policy {
      case "stretch": (scales[axis], counts[axis]) = (factors[place], wanted[place])
      case "not_larger", "not_smaller":
        let factor = (policy == "not_larger" ? factors.min() : factors.max()) ?? 1
        scales[axis] = factor
        counts[axis] = Int((factor * Double(shape[axis]) + 0.5).rounded(.down))
      default: throw node.problem("'keep_aspect_ratio_policy' is '\(policy)'")
      }
    }
  }
}
