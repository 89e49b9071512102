import Compute
import Graphs
import Tensors

extension ONNXOperators {
  /// Operators that move a window over an image, a line or a volume.
  static let windows: [String: Handler] = [
    "Conv": { (node, translation) throws(ImportError.Problem) in try convolution(node, &translation) },
    "ConvTranspose": transposedConvolution,
    "MaxPool": { (node, translation) throws(ImportError.Problem) in
      try node.require(try node.integer("storage_order", default: 0) == 0, "'storage_order' must be 0")
      return try pool(node, &translation) { MaxPool(window: $0) }
    },
    "AveragePool": { (node, translation) throws(ImportError.Problem) in
      let countsPadding = try node.flag("count_include_pad")
      return try pool(node, &translation) { AveragePool(window: $0, countsPadding: countsPadding) }
    },
    "LpPool": powerPool,
    "GlobalAveragePool": { (node, translation) throws(ImportError.Problem) in
      let input = try translation.operand(node, 0)
      let rank = translation.graph[input].shape.rank
      try node.require(rank >= 3, "its input \(translation.graph[input].shape) is no image")
      let operation: any Operator = rank == 4 ? GlobalAveragePool() : Mean(axes: Array(2..<rank))
      return try translation.value(node, operation, [input])
    },
    "GlobalMaxPool": { (node, translation) throws(ImportError.Problem) in
      let input = try translation.operand(node, 0)
      let rank = translation.graph[input].shape.rank
      try node.require(rank >= 3, "its input \(translation.graph[input].shape) is no image")
      return try translation.value(node, Reduce(.largest, axes: Array(2..<rank)), [input])
    },
    "GlobalLpPool": { (node, translation) throws(ImportError.Problem) in
      let input = try translation.operand(node, 0)
      let rank = translation.graph[input].shape.rank
      try node.require(rank >= 3, "its input \(translation.graph[input].shape) is no image")
      let power = Float(try node.integer("p", default: 2))
      let raised = try translation.raisedMagnitude(node, input, power)
      let sum = try translation.step(node, Sum(axes: Array(2..<rank)), [raised])
      return try translation.value(node, Pointwise(.power(exponent: 1 / power)), [sum])
    },
  ]

  static let largestWindow = 1 << 15

  /// Of two axes; a line is an image of one row, and a volume a sum over the layers of its kernel.
  static func convolution(
    _ node: ONNXNode, _ translation: inout ONNXTranslation
  ) throws(ImportError.Problem) -> ONNXValue {
    var inputs = [try translation.operand(node, 0), try translation.operand(node, 1)]
    if translation.optional(node, 2) != nil { inputs.append(try translation.operand(node, 2)) }
    return try convolution(node, &translation, inputs)
  }

  static func convolution(
    _ node: ONNXNode, _ translation: inout ONNXTranslation, _ inputs: [Graph.Node.ID]
  ) throws(ImportError.Problem) -> ONNXValue {
    let (image, weight) = (translation.graph[inputs[0]].shape, translation.graph[inputs[1]].shape)
    try requireImage(node, image)
    try node.require(
      weight.rank == image.rank, "its weight has the shape \(weight), expected \(image.rank) axes")
    let kernel = Array(weight.dimensions[2...])
    let largest = try node.integers("kernel_shape", count: kernel.count, in: 1...largestWindow, default: kernel)
    try node.require(largest == kernel, "'kernel_shape' is \(largest), but its weight has the shape \(weight)")
    let groups = try node.integer("group", default: 1)
    let window = try Windowing(node, kernel: kernel, image: image)
    func operation(_ window: Windowing) -> Convolution {
      Convolution(strides: window.strides, padding: window.padding, dilations: window.dilations, groups: groups)
    }
    switch kernel.count {
    case 2: return try translation.value(node, operation(window), inputs)
    case 1:
      var flat = inputs
      flat[0] = try translation.widened(node, inputs[0], part: "image")
      flat[1] = try translation.widenedWeight(node, inputs[1])
      let result = try translation.step(node, operation(window.withRow), flat)
      return .node(try translation.without(node, axis: 2, result, part: nil))
    default:
      return try volume(node, &translation, inputs, window, groups: groups)
    }
  }

  /// Each layer of the kernel is a convolution of images over the layers of the volume that it meets.
  private static func volume(
    _ node: ONNXNode, _ translation: inout ONNXTranslation, _ inputs: [Graph.Node.ID], _ window: Windowing,
    groups: Int
  ) throws(ImportError.Problem) -> ONNXValue {
    let weight = translation.graph[inputs[1]].shape
    try node.require((1...256).contains(weight[2]), "its weight \(weight) has not 1 to 256 layers")
    var (before, after) = ([Int](repeating: 0, count: 5), [Int](repeating: 0, count: 5))
    (before[2], after[2]) = (window.padding[0], window.padding[3])
    let padded = try translation.step(node, Pad(before: before, after: after), [inputs[0]])
    let shape = translation.graph[padded].shape
    let room = shape[2] - window.dilations[0] * (weight[2] - 1) - 1
    try node.require(room >= 0, "the kernel \(weight) does not fit into the padded volume \(shape)")
    let layers = room / window.strides[0] + 1
    let operation = Convolution(
      strides: Array(window.strides[1...]), padding: [1, 2, 4, 5].map { window.padding[$0] },
      dilations: Array(window.dilations[1...]), groups: groups)
    var total: Graph.Node.ID?
    for layer in 0..<weight[2] {
      var cut = Cut(shape, axis: 2, start: layer * window.dilations[0], count: layers)
      cut.steps[2] = window.strides[0]
      guard case .node(let part) = try translation.cut(node, padded, cut, part: "layers") else { break }
      let images = try translation.turned(node, part, [0, 2, 1, 3, 4])
      let together = try translation.reshaped(
        node, images, to: [shape[0] * layers, shape[1], shape[3], shape[4]], part: "images")
      let kernel = try translation.without(
        node, axis: 2, try translation.part(node, inputs[1], axis: 2, from: layer, count: 1, named: "kernel"))
      // The bias is added once.
      let bias = layer == 0 ? Array(inputs.dropFirst(2)) : []
      let result = try translation.step(node, operation, [together, kernel] + bias)
      if let sum = total { total = try translation.step(node, Add(), [sum, result]) } else { total = result }
    }
    guard let total else { throw node.problem("its weight \(weight) is empty") }
    let flat = translation.graph[total].shape
    let apart = try translation.reshaped(
      node, total, to: [shape[0], layers, flat[1], flat[2], flat[3]], part: "apart")
    return .node(try translation.turned(node, apart, [0, 2, 1, 3, 4], part: nil))
  }

  static func requireImage(_ node: ONNXNode, _ shape: Shape) throws(ImportError.Problem) {
    try node.require(
      (3...5).contains(shape.rank),
      "its input has the shape \(shape); only lines, images and volumes [batch, channels, …] are supported")
  }
}

extension ONNXTranslation {
  /// A line as an image of one row.
  mutating func widened(
    _ node: ONNXNode, _ id: Graph.Node.ID, part: String?
  ) throws(ImportError.Problem) -> Graph.Node.ID {
    let shape = graph[id].shape
    let dimensions = Array(shape.dimensions[..<2]) + [1] + Array(shape.dimensions[2...])
    let place = batch(of: id).map { $0.axis < 2 ? $0 : BatchPlace(axis: $0.axis + 1, outside: $0.outside) }
    return try reshaped(node, id, to: dimensions, batch: place, part: part)
  }

  /// The same of a weight, which stays that weight where it is a constant.
  mutating func widenedWeight(
    _ node: ONNXNode, _ id: Graph.Node.ID
  ) throws(ImportError.Problem) -> Graph.Node.ID {
    guard case .literal(let literal)? = optional(node, 1), graph[id].constant != nil, literal.shape == graph[id].shape
    else { return try widened(node, id, part: "weight") }
    let shape = literal.shape.dimensions
    return try constant(literal.reshaped(Shape(shape[..<2] + [1] + shape[2...])), for: node)
  }

  mutating func raisedMagnitude(
    _ node: ONNXNode, _ id: Graph.Node.ID, _ power: Float
  ) throws(ImportError.Problem) -> Graph.Node.ID {
    let sizes = try applying(node, .magnitude, id)
    return power == 2 ? try square(node, sizes) : try applying(node, .power(exponent: power), sizes)
  }
}

/// The strides, padding and dilations of a node along each axis of an image, with `auto_pad` worked out.
struct Windowing {
  var strides: [Int]
  /// Before each axis, then after each.
  var padding: [Int]
  var dilations: [Int]

  init(_ node: ONNXNode, kernel: [Int], image: Shape) throws(ImportError.Problem) {
    let (limit, axes) = (ONNXOperators.largestWindow, kernel.count)
    let ones = Array(repeating: 1, count: axes)
    strides = try node.integers("strides", count: axes, in: 1...limit, default: ones)
    dilations = try node.integers("dilations", count: axes, in: 1...limit, default: ones)
    let none = Array(repeating: 0, count: 2 * axes)
    padding = try node.integers("pads", count: 2 * axes, in: 0...limit, default: none)
    switch try node.string("auto_pad", default: "NOTSET") {
    case "NOTSET", "": break
    case "VALID": padding = none
    case "SAME_UPPER": pad(image, kernel, more: 1)
    case "SAME_LOWER": pad(image, kernel, more: 0)
    case let other: throw node.problem("'auto_pad' is '\(other)', expected NOTSET, SAME_UPPER, SAME_LOWER or VALID")
    }
  }

  /// So that the output has a pixel for each stride; an odd one goes after the image, or before it where `more` is 0.
  private mutating func pad(_ image: Shape, _ kernel: [Int], more after: Int) {
    for axis in kernel.indices {
      let (size, stride) = (image[axis + 2], strides[axis])
      let steps = (size + stride - 1) / stride
      let total = max((steps - 1) * stride + dilations[axis] * (kernel[axis] - 1) + 1 - size, 0)
      padding[axis] = after == 1 ? total / 2 : total - total / 2
      padding[axis + kernel.count] = total - padding[axis]
    }
  }

  /// The same over one axis more, of a single row.
  var withRow: Windowing {
    var wide = self
    wide.strides = [1] + strides
    wide.dilations = [1] + dilations
    wide.padding = [0, padding[0], 0, padding[1]]
    return wide
  }
}
