import Compute
import Graphs
import Tensors

extension KerasLayers {
  static let convolutions: [String: Handler] = [
    "Conv2D": { (step, translation) throws(ImportError.Problem) in
      try convolution(step, &translation, ConvolutionShape(step, rank: 2))
    },
    "Convolution2D": { (step, translation) throws(ImportError.Problem) in
      try convolution(step, &translation, ConvolutionShape(step, rank: 2))
    },
    "Conv1D": { (step, translation) throws(ImportError.Problem) in
      try convolution(step, &translation, ConvolutionShape(step, rank: 1))
    },
    "Convolution1D": { (step, translation) throws(ImportError.Problem) in
      try convolution(step, &translation, ConvolutionShape(step, rank: 1))
    },
    "DepthwiseConv2D": { (step, translation) throws(ImportError.Problem) in
      try depthwise(step, &translation, ConvolutionShape(step, rank: 2))
    },
    "DepthwiseConv1D": { (step, translation) throws(ImportError.Problem) in
      try depthwise(step, &translation, ConvolutionShape(step, rank: 1))
    },
    "SeparableConv2D": { (step, translation) throws(ImportError.Problem) in
      try separable(step, &translation, ConvolutionShape(step, rank: 2))
    },
    "SeparableConvolution2D": { (step, translation) throws(ImportError.Problem) in
      try separable(step, &translation, ConvolutionShape(step, rank: 2))
    },
    "SeparableConv1D": { (step, translation) throws(ImportError.Problem) in
      try separable(step, &translation, ConvolutionShape(step, rank: 1))
    },
    "Conv2DTranspose": transposed,
    "Convolution2DTranspose": transposed,
  ]

  private static func convolution(
    _ step: KerasStep, _ translation: inout KerasTranslation, _ shape: ConvolutionShape
  ) throws(ImportError.Problem) -> [KerasTensor] {
    let image = try translation.spatial(try step.input(), step, shape)
    let channels = translation.graph[image].shape[1]
    let filters = try step.integer("filters", "nb_filter")
    let groups = try step.integer("groups", default: 1)
    try step.require(groups >= 1 && channels % groups == 0, "\(channels) channels do not divide into \(groups) groups")
    let kernel = try translation.kernel(step, shape, inputs: channels / groups, outputs: filters)
    let bias = try translation.bias(step, filters, index: 1)
    let convolution = try shape.convolution(of: translation.graph[image].shape, groups: groups, step)
    let id = try translation.add(step, convolution, [image, kernel] + bias)
    return [try translation.activated(step, KerasTensor(node: id, layout: shape.layout))]
  }

  /// Kernel `[height, width, channels, multiplier]`: as many filters for each channel.
  private static func depthwise(
    _ step: KerasStep, _ translation: inout KerasTranslation, _ shape: ConvolutionShape
  ) throws(ImportError.Problem) -> [KerasTensor] {
    let image = try translation.spatial(try step.input(), step, shape)
    let channels = translation.graph[image].shape[1]
    let multiplier = try step.integer("depth_multiplier", default: 1)
    let variable = KerasVariable("depthwise_kernel", "kernel", index: 0)
    let kernel = try translation.depthwiseKernel(step, shape, variable, channels, multiplier)
    let bias = try translation.bias(step, channels * multiplier, index: 1)
    let convolution = try shape.convolution(of: translation.graph[image].shape, groups: channels, step)
    let id = try translation.add(step, convolution, [image, kernel] + bias)
    return [try translation.activated(step, KerasTensor(node: id, layout: shape.layout))]
  }

  private static func separable(
    _ step: KerasStep, _ translation: inout KerasTranslation, _ shape: ConvolutionShape
  ) throws(ImportError.Problem) -> [KerasTensor] {
    let image = try translation.spatial(try step.input(), step, shape)
    let channels = translation.graph[image].shape[1]
    let multiplier = try step.integer("depth_multiplier", default: 1)
    let filters = try step.integer("filters", "nb_filter")
    let kernel = try translation.depthwiseKernel(
      step, shape, KerasVariable("depthwise_kernel", index: 0), channels, multiplier)
    let convolution = try shape.convolution(of: translation.graph[image].shape, groups: channels, step)
    let deep = try translation.add(step, convolution, [image, kernel], part: "depthwise")
    let point = try translation.weight(
      step, KerasVariable("pointwise_kernel", index: 1),
      Array(repeating: 1, count: shape.rank) + [channels * multiplier, filters]
    ) {
      $0.reshaped([channels * multiplier, filters]).transposed([1, 0]).reshaped([filters, channels * multiplier, 1, 1])
    }
    let bias = try translation.bias(step, filters, index: 2)
    let id = try translation.add(step, Convolution(), [deep, point] + bias)
    return [try translation.activated(step, KerasTensor(node: id, layout: shape.layout))]
  }

  /// The transposed convolution: zeros are put between the pixels, and the kernel is turned round.
  ///
  ///     out = (in − 1) · stride + (size − 1) · dilation + 1 + output padding, less what "same" cuts off
  private static func transposed(
    _ step: KerasStep, _ translation: inout KerasTranslation
  ) throws(ImportError.Problem) -> [KerasTensor] {
    let shape = try ConvolutionShape(step, rank: 2)
    let input = try translation.spatial(try step.input(), step, shape)
    let image = translation.graph[input].shape
    let filters = try step.integer("filters", "nb_filter")
    let kernel = try translation.weight(step, KerasVariable("kernel", "W", index: 0), shape.size + [filters, image[1]])
    {
      $0.transposed([2, 3, 0, 1]).turned()
    }
    let amounts = try shape.transposedPadding(of: [image[2], image[3]], step)
    let spread = try translation.spread(input, by: shape.strides, step)
    let padded = try translation.padded(
      spread, before: amounts.map(\.before), after: amounts.map(\.after), step)
    let bias = try translation.bias(step, filters, index: 1)
    let id = try translation.add(step, Convolution(dilations: shape.dilations), [padded, kernel] + bias)
    return [try translation.activated(step, KerasTensor(node: id, layout: shape.layout))]
  }
}

/// How a window moves, as a Keras layer says it; for one axis as for an image of one row.
struct ConvolutionShape {
  let rank: Int
  /// Height, width.
  var size: [Int]
  var strides: [Int]
  var dilations: [Int]
  let padding: String
  let hasChannelsFirst: Bool

  init(_ step: KerasStep, rank: Int) throws(ImportError.Problem) {
    self.rank = rank
    var own: [Int]
    if rank == 2, step.layer.config["nb_row"] != nil {
      own = [try step.integer("nb_row"), try step.integer("nb_col")]
      try step.require(own.allSatisfy { (1...4096).contains($0) }, "the kernel \(own) is impossible")
    } else {
      own = try step.sizes(["kernel_size", "filter_length"], count: rank)
    }
    strides = try step.sizes(["strides", "subsample", "subsample_length"], count: rank, default: 1)
    dilations = try step.sizes(["dilation_rate", "atrous_rate"], count: rank, default: 1)
    padding = try step.string("padding", "border_mode", default: "valid")
    hasChannelsFirst = try step.hasChannelsFirst()
    size = own
    if rank == 1 { (size, strides, dilations) = ([1] + size, [1] + strides, [1] + dilations) }
  }

  /// A window of pooling, which moves by its own size where nothing else is said.
  init(pool step: KerasStep, rank: Int) throws(ImportError.Problem) {
    self.rank = rank
    size = try step.sizes(["pool_size", "pool_length"], count: rank, default: 2)
    strides = step.value(["strides", "stride"]) == nil ? size : try step.sizes(["strides", "stride"], count: rank)
    dilations = [1, 1]
    padding = try step.string("padding", "border_mode", default: "valid")
    hasChannelsFirst = try step.hasChannelsFirst()
    if rank == 1 { (size, strides) = ([1] + size, [1] + strides) }
  }

  var layout: KerasTensor.Layout { hasChannelsFirst ? .plain : rank == 2 ? .image : .sequence }

  /// Top, left, bottom, right. "same" divides what is missing in two, the larger half at the end.
  func padding(of image: Shape, _ step: KerasStep) throws(ImportError.Problem) -> [Int] {
    switch padding {
    case "valid": return [0, 0, 0, 0]
    case "same":
      let missing = (0..<2).map { axis in
        let length = image[axis + 2]
        let reach = (size[axis] - 1) * dilations[axis] + 1
        return max(((length + strides[axis] - 1) / strides[axis] - 1) * strides[axis] + reach - length, 0)
      }
      return missing.map { $0 / 2 } + missing.map { $0 - $0 / 2 }
    case "causal" where rank == 1: return [0, (size[1] - 1) * dilations[1], 0, 0]
    default: throw step.problem("'padding' is '\(padding)', expected valid or same")
    }
  }

  func convolution(of image: Shape, groups: Int, _ step: KerasStep) throws(ImportError.Problem) -> Convolution {
    Convolution(strides: strides, padding: try padding(of: image, step), dilations: dilations, groups: groups)
  }

  /// What a transposed convolution adds around the pixels, each axis; negative where it takes away.
  func transposedPadding(
    of image: [Int], _ step: KerasStep
  ) throws(ImportError.Problem) -> [(before: Int, after: Int)] {
    try step.require(["valid", "same"].contains(padding), "'padding' is '\(padding)', expected valid or same")
    let wanted = step.value(["output_padding"])
    let given = wanted.map { $0.integer.map { [$0, $0] } ?? $0.array?.compactMap(\.integer) ?? [] }
    try step.require(
      given.map { $0.count == 2 && $0.allSatisfy { (0..<4096).contains($0) } } ?? true,
      "'output_padding' is \(wanted?.words ?? ""), expected 2 whole numbers")
    return (0..<2).map { axis in
      let reach = (size[axis] - 1) * dilations[axis] + 1
      let whole = (image[axis] - 1) * strides[axis] + reach
      let output =
        switch (padding, given) {
        case ("valid", nil): whole + max(strides[axis] - reach, 0)
        case ("valid", let given?): whole + given[axis]
        case (_, nil): image[axis] * strides[axis]
        case (_, let given?): whole - reach / 2 * 2 + given[axis]
        }
      // The convolution that follows takes reach − 1 away.
      let before = reach - 1 - max(whole - output, 0) / 2
      return (before, output + reach - 1 - before - ((image[axis] - 1) * strides[axis] + 1))
    }
  }
}

extension KerasTranslation {
  /// The input of a layer with windows, as an image of the graph.
  mutating func spatial(
    _ tensor: KerasTensor, _ step: KerasStep, _ shape: ConvolutionShape
  ) throws(ImportError.Problem) -> Graph.Node.ID {
    try spatial(tensor, step, rank: shape.rank, hasChannelsFirst: shape.hasChannelsFirst)
  }

  mutating func spatial(
    _ tensor: KerasTensor, _ step: KerasStep, rank: Int, hasChannelsFirst: Bool
  ) throws(ImportError.Problem) -> Graph.Node.ID {
    let id: Graph.Node.ID
    if hasChannelsFirst {
      try step.require(rank == 2, "'data_format' is channels_first, which is supported for images only")
      id = try plain(tensor, step.name)
    } else {
      id = try rank == 2 ? image(tensor, step) : sequence(tensor, step)
    }
    let shape = graph[id].shape
    try step.require(shape.rank == 4, "takes an image of 4 axes, not \(shape)")
    try step.require(shape.dimensions.allSatisfy { $0 <= Self.longestAxis }, "its input \(shape) is too large")
    return id
  }

  /// The kernel of a convolution: `[height, width, in, out]` in files, but `[out, in, height, width]` where Keras 1 has
  /// the channels first. Theano slides the kernel turned round.
  fileprivate mutating func kernel(
    _ step: KerasStep, _ shape: ConvolutionShape, inputs: Int, outputs: Int
  ) throws(ImportError.Problem) -> Graph.Node.ID {
    let variable = KerasVariable("kernel", "W", index: 0)
    let size = shape.rank == 1 ? [shape.size[1]] : shape.size
    let isOld = version < 2 && shape.hasChannelsFirst
    let isTurned = backend == "theano" || (backend.isEmpty && isOld)
    if isTurned && backend.isEmpty {
      warn("the file does not name its backend; its kernels are read as Theano's, turned round")
    }
    let stored = isOld ? [outputs, inputs] + shape.size : size + [inputs, outputs]
    return try weight(step, variable, stored) { tensor in
      let kernel =
        isOld ? tensor : tensor.reshaped(Shape(shape.size + [inputs, outputs])).transposed([3, 2, 0, 1])
      return isTurned ? kernel.turned() : kernel
    }
  }

  fileprivate mutating func depthwiseKernel(
    _ step: KerasStep, _ shape: ConvolutionShape, _ variable: KerasVariable, _ channels: Int, _ multiplier: Int
  ) throws(ImportError.Problem) -> Graph.Node.ID {
    try step.require((1...65536).contains(multiplier), "'depth_multiplier' is \(multiplier)")
    let size = shape.rank == 1 ? [shape.size[1]] : shape.size
    return try weight(step, variable, size + [channels, multiplier]) { tensor in
      tensor.reshaped(Shape(shape.size + [channels, multiplier])).transposed([2, 3, 0, 1])
        .reshaped(Shape([channels * multiplier, 1] + shape.size))
    }
  }

  /// The bias, or nothing where the layer has none.
  mutating func bias(_ step: KerasStep, _ count: Int, index: Int) throws(ImportError.Problem) -> [Graph.Node.ID] {
    guard try step.boolean("use_bias", "bias", default: true) else { return [] }
    return [try weight(step, KerasVariable("bias", "b", index: index), [count])]
  }

  /// Zeros between the pixels: `[…, height, width]` to `[…, (height − 1) · stride + 1, …]`.
  fileprivate mutating func spread(
    _ input: Graph.Node.ID, by strides: [Int], _ step: KerasStep
  ) throws(ImportError.Problem) -> Graph.Node.ID {
    guard strides != [1, 1] else { return input }
    let shape = graph[input].shape
    let apart = try add(
      step, Reshape(dimensions: [0, shape[1], shape[2], 1, shape[3], 1]), [input], part: "apart")
    let zeros = Pad(
      before: [0, 0, 0, 0, 0, 0], after: [0, 0, 0, strides[0] - 1, 0, strides[1] - 1])
    let filled = try add(step, zeros, [apart], part: "zeros")
    let sizes = [shape[2] * strides[0], shape[3] * strides[1]]
    let joined = try add(step, Reshape(dimensions: [0, shape[1]] + sizes), [filled], part: "spread")
    let cut = Slice(
      starts: [0, 0, 0, 0], steps: [1, 1, 1, 1],
      counts: [-1, -1, sizes[0] - strides[0] + 1, sizes[1] - strides[1] + 1])
    return try add(step, cut, [joined], part: "cut")
  }

  /// Rows and columns of zeros around an image; negative amounts take some away.
  mutating func padded(
    _ input: Graph.Node.ID, before: [Int], after: [Int], _ step: KerasStep
  ) throws(ImportError.Problem) -> Graph.Node.ID {
    var id = input
    if (before + after).contains(where: { $0 < 0 }) {
      let shape = graph[id].shape
      let starts = before.map { max(-$0, 0) }
      let counts = (0..<2).map { shape[$0 + 2] - starts[$0] - max(-after[$0], 0) }
      try step.require(counts.allSatisfy { $0 > 0 }, "takes all of the image \(shape) away")
      id = try add(
        step, Slice(starts: [0, 0] + starts, steps: [1, 1, 1, 1], counts: [-1, -1] + counts), [id], part: "crop")
    }
    guard (before + after).contains(where: { $0 > 0 }) else { return id }
    let pad = Pad(before: [0, 0] + before.map { max($0, 0) }, after: [0, 0] + after.map { max($0, 0) })
    return try add(step, pad, [id], part: "pad")
  }
}

extension Tensor {
  /// A kernel `[out, in, height, width]` with rows and columns in the other order.
  func turned() -> Tensor {
    let pixels = shape[2] * shape[3]
    return Tensor(shape) { target in
      inLayout(.rowMajor).withUnsafeFloats { source in
        for start in stride(from: 0, to: source.count, by: max(pixels, 1)) {
          for pixel in 0..<pixels { target[start + pixel] = source[start + pixels - 1 - pixel] }
        }
      }
    }
  }
}
