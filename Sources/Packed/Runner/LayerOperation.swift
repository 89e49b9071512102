import Tensors

/// A layer made ready to run: what it needs of its weights lies as its loops read it.
protocol LayerOperation: Sendable {
  /// The layer's value for a batch. The inputs have the shapes that were checked.
  func run(_ inputs: [PackedValue]) -> PackedValue
}

/// What preparing a layer may know.
struct LayerContext {
  /// Shapes of the inputs, without the batch.
  let inputs: [[Int]]
  /// Without the batch.
  let output: [Int]
  /// Whether the first input comes as bits.
  let readsBits: Bool
  let instructionSet: InstructionSet
}

extension PackedLayer.Kind {
  /// The layer made ready. Closed on purpose: whoever adds a kind finds every place to fill in.
  func operation(_ context: LayerContext) -> any LayerOperation {
    switch self {
    case .convolution(let window, let dilations, let groups, let weight, let bias):
      ConvolutionOperation(context, window, dilations: dilations, groups: groups, weight, bias: bias)
    case .dense(let weight, let bias): DenseOperation(context, weight, bias: bias)
    case .affine(let scale, let shift, let relu): AffineOperation(scale: scale, shift: shift, relu: relu)
    case .add: AddOperation()
    case .relu: ElementwiseOperation(minimum: 0, maximum: .infinity)
    case .clip(let minimum, let maximum): ElementwiseOperation(minimum: minimum, maximum: maximum)
    case .leak(let slopes): LeakOperation(slopes: slopes)
    case .quantize(let step, let minimum, let maximum):
      QuantizeOperation(step: step, minimum: Float(minimum), maximum: Float(maximum))
    case .sign: SignOperation()
    case .threshold(let thresholds, let flipped): ThresholdOperation(thresholds: thresholds, flipped: flipped)
    case .maxPool(let window): MaxPoolOperation(window: window, output: context.output)
    case .averagePool(let window, let countsPadding):
      AveragePoolOperation(window: window, countsPadding: countsPadding, output: context.output)
    case .globalAveragePool: GlobalAveragePoolOperation()
    case .pad(let before, _, let value): PadOperation(before: before, value: value, output: context.output)
    case .slice(let starts, let steps, let counts): SliceOperation(starts: starts, steps: steps, counts: counts)
    case .concat(let axis): ConcatOperation(axis: axis, output: context.output)
    case .reshape(let shape): ReshapeOperation(shape: shape)
    case .transpose(let axes): TransposeOperation(axes: axes)
    case .softmax(let axis): SoftmaxOperation(axis: axis)
    }
  }

  /// Whether the layer's value comes as bits, given whether its first input does.
  func givesBits(input: [Int], output: [Int], readsBits: Bool) -> Bool {
    let fits = output.count == 1 || output.count == 3
    return switch self {
    case .sign, .threshold: fits
    case .maxPool: readsBits
    case .reshape: readsBits && fits && ReshapeOperation.keepsPixels(input, output)
    default: false
    }
  }
}
