import Tensors

/// Convolution by the kernel that fits its weight and its input.
struct ConvolutionOperation: LayerOperation {
  private let prepared: PreparedConvolution
  private let groups: Int

  init(
    _ context: LayerContext, _ window: Window, dilations: [Int], groups: Int, _ weight: PackedWeight, bias: [Float]?
  ) {
    let geometry = ConvolutionGeometry(
      input: context.inputs[0], output: context.output, window: window, dilations: dilations, groups: groups)
    self.groups = groups
    prepared = PreparedConvolution(geometry, weight, bias: bias, kernel: weight.kernel(context))
  }

  func run(_ inputs: [PackedValue]) -> PackedValue {
    let shape = Shape([inputs[0].shape[0]] + prepared.geometry.output)
    return .floats(
      Tensor(shape, layout: .channelsLast) { target in
        guard let output = target.baseAddress, shape[0] > 0 else { return }
        inputs[0].withOperand(of: prepared.kernel, groups: groups) {
          prepared.run(images: shape[0], input: $0, output: output)
        }
      })
  }
}

/// A dense layer, over the last axis.
struct DenseOperation: LayerOperation {
  private let prepared: PreparedConvolution

  init(_ context: LayerContext, _ weight: PackedWeight, bias: [Float]?) {
    let geometry = ConvolutionGeometry(rows: 1, inputs: weight.shape[1], outputs: weight.shape[0])
    var context = context
    if context.inputs[0].count != 1 {
      context = LayerContext(
        inputs: context.inputs, output: context.output, readsBits: false, instructionSet: context.instructionSet)
    }
    prepared = PreparedConvolution(geometry, weight, bias: bias, kernel: weight.kernel(context))
  }

  func run(_ inputs: [PackedValue]) -> PackedValue {
    let input = inputs[0].shape.rank == 4 ? .floats(inputs[0].tensor.inLayout(.rowMajor)) : inputs[0]
    let shape = Shape(input.shape.dimensions.dropLast() + [prepared.geometry.output[0]])
    let rows = shape.dimensions.dropLast().reduce(1, *)
    return .laidOut(
      Tensor(shape) { target in
        guard let output = target.baseAddress, rows > 0 else { return }
        input.withOperand(of: prepared.kernel, groups: 1) { prepared.run(rows: rows, input: $0, output: output) }
      })
  }
}

extension PackedWeight {
  fileprivate func kernel(_ context: LayerContext) -> Kernel {
    switch self {
    case .float: .best(.floatFloat, context.instructionSet)
    case .binary: .best(context.readsBits ? .binaryBinary : .binaryFloat, context.instructionSet)
    case .coded(let weight) where weight.alphabet.isBinary:
      .best(context.readsBits ? .binaryBinary : .binaryFloat, context.instructionSet)
    case .coded: .best(context.readsBits ? .codedBinary : .codedFloat, context.instructionSet)
    }
  }
}

extension PackedValue {
  /// The bytes that a kernel reads: words of bits, or floats.
  fileprivate func withOperand(of kernel: Kernel, groups: Int, _ body: (UnsafeRawPointer) -> Void) {
    if kernel.operands.readsBits {
      let words = words(groups: groups)
      withExtendedLifetime(words) { if let start = words.start { body(start) } }
    } else {
      tensor.withUnsafeFloats { if let start = $0.baseAddress { body(start) } }
    }
  }
}
