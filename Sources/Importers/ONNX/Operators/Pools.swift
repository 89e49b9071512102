import Compute
import Graphs
import Tensors

extension ONNXOperators {
  /// A pool over one, two or three axes. Over a line it is that of an image of one row; over a volume that of each
  /// layer and then over the layers, for the largest of the largest is the largest, and so with means of as many.
  static func pool(
    _ node: ONNXNode, _ translation: inout ONNXTranslation, _ kind: (Window) -> any Operator
  ) throws(ImportError.Problem) -> ONNXValue {
    let input = try translation.operand(node, 0)
    return .node(try pooled(node, &translation, input, part: nil, kind))
  }

  private static func pooled(
    _ node: ONNXNode, _ translation: inout ONNXTranslation, _ input: Graph.Node.ID, part: String?,
    _ kind: (Window) -> any Operator
  ) throws(ImportError.Problem) -> Graph.Node.ID {
    let image = translation.graph[input].shape
    try requireImage(node, image)
    try node.require(node.attributes["kernel_shape"] != nil, "'kernel_shape' is missing")
    let axes = image.rank - 2
    let size = try node.integers("kernel_shape", count: axes, in: 1...largestWindow, default: [])
    let roundsUp = try node.flag("ceil_mode")
    let windowing = try Windowing(node, kernel: size, image: image)
    func operation(_ windowing: Windowing, _ size: [Int]) -> any Operator {
      let window = Window(
        size: size, strides: windowing.strides, padding: windowing.padding, dilations: windowing.dilations,
        roundsUp: roundsUp)
      return kind(window)
    }
    switch axes {
    case 2: return try translation.add(node, operation(windowing, size), [input], part: part)
    case 1:
      let wide = try translation.widened(node, input, part: "image")
      let result = try translation.step(node, operation(windowing.withRow, [1] + size), [wide])
      return try translation.without(node, axis: 2, result, part: part)
    default:
      let batch = translation.batch(of: input)
      let layers = try translation.reshaped(
        node, input, to: [image[0], image[1] * image[2], image[3], image[4]], batch: batch, part: "layers")
      let small = try translation.step(node, operation(windowing.ofLayers, Array(size[1...])), [layers])
      let (height, width) = (translation.graph[small].shape[2], translation.graph[small].shape[3])
      let rows = try translation.reshaped(
        node, small, to: [image[0], image[1], image[2], height * width], batch: batch, part: "rows")
      let result = try translation.step(node, operation(windowing.ofDepth, [size[0], 1]), [rows])
      let depth = translation.graph[result].shape[2]
      return try translation.reshaped(
        node, result, to: [image[0], image[1], depth, height, width], batch: batch, part: part)
    }
  }

  /// `(Σ |x|ᵖ)^(1/p)` under a window: by the mean of powers with all of the padding counted.
  static func powerPool(
    _ node: ONNXNode, _ translation: inout ONNXTranslation
  ) throws(ImportError.Problem) -> ONNXValue {
    let power = Float(try node.integer("p", default: 2))
    try node.require(power >= 1, "'p' is \(power), below 1")
    try node.require(!(try node.flag("ceil_mode")), "windows that are rounded up are not supported")
    let raised = try translation.raisedMagnitude(node, try translation.operand(node, 0), power)
    let mean = try pooled(node, &translation, raised, part: "mean") { AveragePool(window: $0, countsPadding: true) }
    let size = node.attributes["kernel_shape"]?.integers.reduce(1) { $0 &* $1 } ?? 1
    let sum = try translation.scaled(node, mean, by: Float(size))
    return try translation.value(node, Pointwise(.power(exponent: 1 / power)), [sum])
  }

  static func transposedConvolution(
    _ node: ONNXNode, _ translation: inout ONNXTranslation
  ) throws(ImportError.Problem) -> ONNXValue {
    var inputs = [try translation.operand(node, 0), try translation.operand(node, 1)]
    if translation.optional(node, 2) != nil { inputs.append(try translation.operand(node, 2)) }
    let (image, weight) = (translation.graph[inputs[0]].shape, translation.graph[inputs[1]].shape)
    try node.require(
      (3...4).contains(image.rank) && weight.rank == image.rank,
      "its input is \(image) and its weight \(weight); only lines and images are supported")
    let kernel = Array(weight.dimensions[2...])
    let window = try TransposedWindowing(node, kernel: kernel, image: image)
    let groups = try node.integer("group", default: 1)
    if kernel.count == 1 {
      inputs[0] = try translation.widened(node, inputs[0], part: "image")
      inputs[1] = try translation.widenedWeight(node, inputs[1])
    }
    let result = try translation.add(
      node, window.operation(groups: groups), inputs, part: kernel.count == 1 ? "image" : nil)
    return .node(kernel.count == 1 ? try translation.without(node, axis: 2, result, part: nil) : result)
  }
}

/// What a `ConvTranspose` cuts off and adds, with `auto_pad` and `output_shape` worked out.
private struct TransposedWindowing {
  var strides: [Int]
  var dilations: [Int]
  var padding: [Int]
  var extra: [Int]

  init(_ node: ONNXNode, kernel: [Int], image: Shape) throws(ImportError.Problem) {
    let (limit, axes) = (ONNXOperators.largestWindow, kernel.count)
    let (ones, none) = (Array(repeating: 1, count: axes), Array(repeating: 0, count: axes))
    strides = try node.integers("strides", count: axes, in: 1...limit, default: ones)
    dilations = try node.integers("dilations", count: axes, in: 1...limit, default: ones)
    extra = try node.integers("output_padding", count: axes, in: 0...limit, default: none)
    padding = try node.integers("pads", count: 2 * axes, in: 0...limit, default: none + none)
    let automatic = try node.string("auto_pad", default: "NOTSET")
    try node.require(
      ["NOTSET", "", "VALID", "SAME_UPPER", "SAME_LOWER"].contains(automatic), "'auto_pad' is '\(automatic)'")
    var sizes = node.attributes["output_shape"]?.integers
    if let given = sizes, given.count == axes + 2 { sizes = Array(given[2...]) }
    if automatic.hasPrefix("SAME"), sizes == nil { sizes = (0..<axes).map { image[$0 + 2] * strides[$0] } }
    if automatic == "VALID" { padding = none + none }
    guard let sizes else { return }
    try node.require(
      sizes.count == axes && sizes.allSatisfy { (1...1 << 20).contains($0) }, "'output_shape' is \(sizes)")
    for axis in 0..<axes {
      let full = strides[axis] * (image[axis + 2] - 1) + dilations[axis] * (kernel[axis] - 1) + 1 + extra[axis]
      // What is wanted beyond the whole of it is added after the image.
      let total = full - sizes[axis]
      if total < 0 { extra[axis] -= total }
      let cut = max(total, 0)
      padding[axis] = automatic == "SAME_UPPER" ? cut / 2 : cut - cut / 2
      padding[axis + axes] = cut - padding[axis]
    }
  }

  func operation(groups: Int) -> TransposedConvolution {
    guard strides.count == 1 else {
      return TransposedConvolution(
        strides: strides, padding: padding, dilations: dilations, groups: groups, extra: extra)
    }
    return TransposedConvolution(
      strides: [1] + strides, padding: [0, padding[0], 0, padding[1]], dilations: [1] + dilations, groups: groups,
      extra: [0] + extra)
  }
}

extension Windowing {
  /// Of three axes the last two.
  fileprivate var ofLayers: Windowing {
    var layers = self
    layers.strides = Array(strides[1...])
    layers.dilations = Array(dilations[1...])
    layers.padding = [1, 2, 4, 5].map { padding[$0] }
    return layers
  }

  /// Of three axes the first, beside one that stays.
  fileprivate var ofDepth: Windowing {
    var depth = self
    depth.strides = [strides[0], 1]
    depth.dilations = [dilations[0], 1]
    depth.padding = [padding[0], 0, padding[3], 0]
    return depth
  }
}
