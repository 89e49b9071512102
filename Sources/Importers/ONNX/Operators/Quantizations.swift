import Compute
import Graphs
import Tensors

extension ONNXOperators {
  /// Operators between numbers and whole numbers of few bits. At run time both are `Float`: sums of products are exact
  /// up to 2²⁴, and rounded like those of floats above it.
  static let quantizations: [String: Handler] = [
    "QuantizeLinear": quantize,
    "DequantizeLinear": { (node, translation) throws(ImportError.Problem) in
      let input = try translation.operand(node, 0)
      return .node(try dequantized(node, &translation, input, scale: 1, zero: 2, axis: try axis(node)))
    },
    "DynamicQuantizeLinear": dynamicQuantize,
    "MatMulInteger": { (node, translation) throws(ImportError.Problem) in
      let a = try centred(node, &translation, try translation.operand(node, 0), 2, axis: -2)
      let b = try centred(node, &translation, try translation.operand(node, 1), 3, axis: -1)
      return .node(try matrixProduct(node, &translation, a, b, type: ONNXElementType(6)))
    },
    "ConvInteger": { (node, translation) throws(ImportError.Problem) in
      let x = try centred(node, &translation, try translation.operand(node, 0), 2, axis: 1)
      let weight = try centred(node, &translation, try translation.operand(node, 1), 3, axis: 0)
      return try convolution(node, &translation, [x, weight])
    },
    "QLinearMatMul": { (node, translation) throws(ImportError.Problem) in
      let a = try dequantized(node, &translation, try translation.operand(node, 0), scale: 1, zero: 2, axis: -2)
      let b = try dequantized(node, &translation, try translation.operand(node, 3), scale: 4, zero: 5, axis: -1)
      let product = try matrixProduct(node, &translation, a, b, type: .float)
      return try quantized(node, &translation, product, scale: 6, zero: 7)
    },
    "QLinearConv": quantizedConvolution,
  ]

  private static func axis(_ node: ONNXNode) throws(ImportError.Problem) -> Int { try node.integer("axis", default: 1) }

  /// Scales or zeros laid along the axis that they belong to: one for all, one each, or one for each block of them.
  private static func laid(
    _ node: ONNXNode, _ translation: inout ONNXTranslation, _ index: Int, over shape: Shape, axis: Int
  ) throws(ImportError.Problem) -> Graph.Node.ID {
    let id = try translation.operand(node, index)
    let own = translation.graph[id].shape
    if own.count == 1 { return try translation.reshaped(node, id, to: [], part: "one") }
    let axis = try node.axis(axis, rank: shape.rank)
    if own.rank == 1 {
      try node.require(own[0] == shape[axis], "input \(index) has \(own[0]) numbers, but axis \(axis) \(shape[axis])")
      return try translation.reshaped(
        node, id, to: own.dimensions + Array(repeating: 1, count: shape.rank - axis - 1), part: "column")
    }
    let block = try node.integer("block_size", default: 0)
    try node.require(
      own.rank == shape.rank && (1...1 << 30).contains(block) && own[axis] == (shape[axis] + block - 1) / block
        && (0..<shape.rank).allSatisfy { $0 == axis || own[$0] == shape[$0] },
      "input \(index) has the shape \(own), which does not fit \(shape) in blocks of \(block)")
    let places = try translation.numbers(node, "blocks", [shape[axis]], (0..<shape[axis]).map { $0 / block })
    return try translation.step(node, Gather(axis: axis), [id, places])
  }

  private static func centred(
    _ node: ONNXNode, _ translation: inout ONNXTranslation, _ id: Graph.Node.ID, _ zero: Int, axis: Int
  ) throws(ImportError.Problem) -> Graph.Node.ID {
    let type = ONNXElementType(6)
    guard translation.optional(node, zero) != nil else {
      return try translation.step(node, Identity(), [id], type: type)
    }
    let shape = translation.graph[id].shape
    let zeros = try laid(node, &translation, zero, over: shape, axis: axis)
    return try translation.step(node, Subtract(), [id, zeros], type: type)
  }

  private static func dequantized(
    _ node: ONNXNode, _ translation: inout ONNXTranslation, _ id: Graph.Node.ID, scale: Int, zero: Int, axis: Int
  ) throws(ImportError.Problem) -> Graph.Node.ID {
    let shape = translation.graph[id].shape
    var x = id
    if translation.optional(node, zero) != nil {
      x = try translation.step(
        node, Subtract(), [x, try laid(node, &translation, zero, over: shape, axis: axis)], type: .float)
    }
    return try translation.step(
      node, Multiply(), [x, try laid(node, &translation, scale, over: shape, axis: axis)], type: .float)
  }

  private static func quantize(
    _ node: ONNXNode, _ translation: inout ONNXTranslation
  ) throws(ImportError.Problem) -> ONNXValue {
    try quantized(node, &translation, try translation.operand(node, 0), scale: 1, zero: 2)
  }

  /// Rounded multiples of the scale, moved by the zero, within the type of that.
  private static func quantized(
    _ node: ONNXNode, _ translation: inout ONNXTranslation, _ id: Graph.Node.ID, scale: Int, zero: Int
  ) throws(ImportError.Problem) -> ONNXValue {
    let shape = translation.graph[id].shape
    let axis = try axis(node)
    let named = try node.integer("output_dtype", default: 0)
    var type = named == 0 ? ONNXElementType(2) : ONNXElementType(named)
    if let zeros = translation.optional(node, zero) { type = translation.type(of: zeros) }
    guard let range = type.range else { throw node.problem("makes \(type.name), which is not supported") }
    let scales = try laid(node, &translation, scale, over: shape, axis: axis)
    var x = try translation.applying(node, .round, try translation.step(node, Divide(), [id, scales]))
    if translation.optional(node, zero) != nil {
      x = try translation.step(node, Add(), [x, try laid(node, &translation, zero, over: shape, axis: axis)])
    }
    let clip = Clip(minimum: Float(range.lowerBound), maximum: Float(range.upperBound))
    return try translation.value(node, clip, [x], type: type)
  }

  /// To 0 to 255, with the scale and the zero that the numbers themselves ask for.
  private static func dynamicQuantize(
    _ node: ONNXNode, _ translation: inout ONNXTranslation
  ) throws(ImportError.Problem) -> ONNXValue {
    let input = try translation.operand(node, 0)
    let axes = Array(0..<translation.graph[input].shape.rank)
    let nought = try translation.number(node, 0)
    var ends: [Graph.Node.ID] = []
    for (reduction, combination) in [(Reduction.largest, Combination.larger), (.smallest, .smaller)] {
      let end = try translation.step(node, Reduce(reduction, axes: axes), [input])
      let one = try translation.reshaped(node, end, to: [], part: "one")
      ends.append(try translation.step(node, Combine(combination), [one, nought]))
    }
    let scale = try translation.scaled(node, try translation.step(node, Subtract(), ends), by: 1 / 255)
    let places = try translation.step(node, Divide(), [ends[1], scale])
    let within = Clip(minimum: 0, maximum: 255)
    let minus = try translation.applying(node, .round, try translation.scaled(node, places, by: -1))
    let byte = ONNXElementType(2)
    let zero = try translation.step(node, within, [minus], type: byte)
    let steps = try translation.applying(node, .round, try translation.step(node, Divide(), [input, scale]))
    translation.give(laterOutputs: [.node(scale), .node(zero)])
    let moved = try translation.step(node, Add(), [steps, zero])
    return try translation.value(node, within, [moved], type: byte)
  }

  private static func quantizedConvolution(
    _ node: ONNXNode, _ translation: inout ONNXTranslation
  ) throws(ImportError.Problem) -> ONNXValue {
    var inputs = [
      try dequantized(node, &translation, try translation.operand(node, 0), scale: 1, zero: 2, axis: 1),
      try dequantized(node, &translation, try translation.operand(node, 3), scale: 4, zero: 5, axis: 0),
    ]
    if translation.optional(node, 8) != nil {
      // Its scale is that of the products.
      let channels = translation.graph[inputs[1]].shape[0]
      let bias = try translation.operand(node, 8)
      let scales = [
        try laid(node, &translation, 1, over: [channels], axis: 0),
        try laid(node, &translation, 4, over: [channels], axis: 0),
      ]
      let factor = try translation.step(node, Multiply(), scales)
      inputs.append(try translation.step(node, Multiply(), [bias, factor], type: .float))
    }
    guard case .node(let result) = try convolution(node, &translation, inputs) else { throw node.problem("is empty") }
    return try quantized(node, &translation, result, scale: 6, zero: 7)
  }
}
