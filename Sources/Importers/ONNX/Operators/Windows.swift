import Graphs
import Tensors

extension ONNXOperators {
  /// Operators that move a window over an image.
  static let windows: [String: Handler] = [
    "Conv": convolution,
    "MaxPool": maxPool,
    "AveragePool": averagePool,
    "GlobalAveragePool": { (node, translation) throws(ImportError.Problem) in
      try translation.value(node, GlobalAveragePool(), [try translation.operand(node, 0)])
    },
    "ReduceMean": reduceMean,
  ]

  private static func convolution(
    _ node: ONNXNode, _ translation: inout ONNXTranslation
  ) throws(ImportError.Problem) -> ONNXValue {
    var inputs = [try translation.operand(node, 0), try translation.operand(node, 1)]
    if translation.optional(node, 2) != nil { inputs.append(try translation.operand(node, 2)) }
    let (image, weight) = (translation.graph[inputs[0]].shape, translation.graph[inputs[1]].shape)
    try requireImage(node, image)
    try node.require(weight.rank == 4, "its weight has the shape \(weight), expected 4 axes")
    let kernel = [weight[2], weight[3]]
    let declared = try node.integers("kernel_shape", count: 2, in: 1...largestWindow, default: kernel)
    try node.require(declared == kernel, "'kernel_shape' is \(declared), but its weight has the shape \(weight)")
    let groups = try node.integer("group", default: 1)
    let window = try Windowing(node, kernel: kernel, image: image)
    return try translation.value(
      node,
      Convolution(strides: window.strides, padding: window.padding, dilations: window.dilations, groups: groups), inputs
    )
  }

  private static func maxPool(
    _ node: ONNXNode, _ translation: inout ONNXTranslation
  ) throws(ImportError.Problem) -> ONNXValue {
    let (input, size, window) = try pool(node, &translation)
    try node.require(try node.integer("storage_order", default: 0) == 0, "'storage_order' must be 0")
    return try translation.value(
      node,
      MaxPool(
        size: size, strides: window.strides, padding: window.padding, dilations: window.dilations,
        roundsUp: try node.flag("ceil_mode")),
      [input])
  }

  private static func averagePool(
    _ node: ONNXNode, _ translation: inout ONNXTranslation
  ) throws(ImportError.Problem) -> ONNXValue {
    let (input, size, window) = try pool(node, &translation)
    try node.require(window.dilations == [1, 1], "'dilations' is \(window.dilations); only [1, 1] is supported")
    return try translation.value(
      node,
      AveragePool(
        size: size, strides: window.strides, padding: window.padding,
        countsPadding: try node.flag("count_include_pad"), roundsUp: try node.flag("ceil_mode")),
      [input])
  }

  private static func pool(
    _ node: ONNXNode, _ translation: inout ONNXTranslation
  ) throws(ImportError.Problem) -> (Graph.Node.ID, size: [Int], Windowing) {
    let input = try translation.operand(node, 0)
    let image = translation.graph[input].shape
    try requireImage(node, image)
    try node.require(node.attributes["kernel_shape"] != nil, "'kernel_shape' is missing")
    let size = try node.integers("kernel_shape", count: 2, in: 1...largestWindow, default: [])
    return (input, size, try Windowing(node, kernel: size, image: image))
  }

  /// The mean over height and width of an image is a global pool.
  private static func reduceMean(
    _ node: ONNXNode, _ translation: inout ONNXTranslation
  ) throws(ImportError.Problem) -> ONNXValue {
    let input = try translation.operand(node, 0)
    let shape = translation.graph[input].shape
    let given = try translation.integers(node, attribute: "axes", orInput: 1, since: 18) ?? []
    if given.isEmpty, try node.flag("noop_with_empty_axes") { return try translation.value(node, Identity(), [input]) }
    let axes = try node.axes(given.isEmpty ? Array(0..<shape.rank) : given, rank: shape.rank)
    var batch = translation.batch(of: input)
    if let place = batch {
      try node.require(!axes.contains(place.axis), "takes the mean over the batch, which is not supported")
      batch?.axis -= axes.count { $0 < place.axis }
    }
    let operation: any Operator = shape.rank == 4 && axes == [2, 3] ? GlobalAveragePool() : Mean(axes: axes)
    if try node.flag("keepdims", default: true) { return try translation.value(node, operation, [input]) }
    let mean = try translation.add(node, operation, [input], part: operation is Mean ? "mean" : "pool")
    if operation is GlobalAveragePool { return try translation.value(node, Flatten(axis: 1), [mean]) }
    let kept = shape.dimensions.indices.filter { !axes.contains($0) }.map { shape[$0] }
    return .node(try translation.reshaped(node, mean, to: kept, batch: batch))
  }

  static let largestWindow = 1 << 15

  private static func requireImage(_ node: ONNXNode, _ shape: Shape) throws(ImportError.Problem) {
    try node.require(
      shape.rank == 4, "its input has the shape \(shape); only images [batch, channels, height, width] are supported")
  }
}

/// The strides, padding and dilations of a node, with `auto_pad` worked out for its image.
struct Windowing {
  var strides: [Int]
  var padding: [Int]
  var dilations: [Int]

  init(_ node: ONNXNode, kernel: [Int], image: Shape) throws(ImportError.Problem) {
    let limit = ONNXOperators.largestWindow
    strides = try node.integers("strides", count: 2, in: 1...limit, default: [1, 1])
    dilations = try node.integers("dilations", count: 2, in: 1...limit, default: [1, 1])
    padding = try node.integers("pads", count: 4, in: 0...limit, default: [0, 0, 0, 0])
    switch try node.string("auto_pad", default: "NOTSET") {
    case "NOTSET", "": break
    case "VALID": padding = [0, 0, 0, 0]
    case "SAME_UPPER": pad(image, kernel, more: 1)
    case "SAME_LOWER": pad(image, kernel, more: 0)
    case let other: throw node.problem("'auto_pad' is '\(other)', expected NOTSET, SAME_UPPER, SAME_LOWER or VALID")
    }
  }

  /// So that the output has a pixel for each stride; an odd one goes after the image, or before it where `more` is 0.
  private mutating func pad(_ image: Shape, _ kernel: [Int], more after: Int) {
    for axis in 0..<2 {
      let (size, stride) = (image[axis + 2], strides[axis])
      let steps = (size + stride - 1) / stride
      let total = max((steps - 1) * stride + dilations[axis] * (kernel[axis] - 1) + 1 - size, 0)
      padding[axis] = after == 1 ? total / 2 : total - total / 2
      padding[axis + 2] = total - padding[axis]
    }
  }
}
