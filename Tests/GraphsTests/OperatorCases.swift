import Compute
import Graphs
import TestSupport
import Tensors
import Testing

/// An operator with inputs to try it on: a batch of three, away from kinks.
struct OperatorCase: CustomTestStringConvertible, Sendable {
  var operation: any Operator
  var inputs: [Tensor]
  /// The inputs whose first axis is the batch, in the output too; none where the operator moves that axis.
  var batched = [0]
  /// The inputs that have a gradient which finite differences can find.
  var sloped = [0]
  /// The parameters whose gradient is an estimate, for the operator has no slope there.
  var estimated: [Int] = []

  var testDescription: String { "\(operation.label) of \(inputs.map { "\($0.shape)" }.joined(separator: ", "))" }

  init(
    _ operation: any Operator, _ inputs: [Tensor], batched: [Int] = [0], sloped: [Int] = [0], estimated: [Int] = []
  ) {
    self.operation = operation
    self.inputs = inputs
    self.batched = batched
    self.sloped = sloped
    self.estimated = estimated
  }
}

extension Tensor {
  /// The same numbers, none of them nearer than 0.1 to one of these.
  func away(from kinks: Float...) -> Tensor {
    map { x in kinks.contains { abs(x - $0) < 0.1 } ? x + 0.2 : x }
  }

  /// Different numbers, 0.1 apart, in a random order.
  static func distinct(_ shape: Shape, seed: UInt64) -> Tensor {
    var generator = SplitMix64(seed: seed)
    return Tensor(shape, scalars: generator.permutation(shape.count).map { Float($0) * 0.1 - 2 })
  }
}

private func random(_ dimensions: Int..., seed: UInt64 = 1) -> Tensor { .random(Shape(dimensions), seed: seed) }

/// Inputs for a batch norm whose output before the rectifier stays away from 0, in training and in inference.
func batchNormInputs(_ shape: Shape, addsSkip: Bool, away ceiling: Float? = nil) -> [Tensor] {
  let channels = Shape([shape[1]])
  let plain = BatchNorm(addsSkip: addsSkip)
  for seed in 1...10_000 {
    let seed = UInt64(seed) * 10
    var inputs = [Tensor.random(shape, seed: seed)]
    inputs.append(Tensor.random(channels, seed: seed + 1).away(from: 0))
    inputs.append(Tensor.random(channels, seed: seed + 2))
    inputs.append(Tensor.random(channels, seed: seed + 3).map { $0 * 0.3 })
    inputs.append(Tensor.random(channels, seed: seed + 4).map { 0.8 + $0 * 0.5 })
    if addsSkip { inputs.append(.random(shape, seed: seed + 5)) }
    let moments = [Moment.inference, Moment(phase: .training, progress: 0)]
    let far = moments.allSatisfy {
      plain.forward(inputs, at: $0).output.scalars.allSatisfy { abs($0) > 0.05 && abs($0 - (ceiling ?? 9)) > 0.05 }
    }
    if far { return inputs }
  }
  preconditionFailure("no inputs away from the kink")
}

private let batchNorms: [OperatorCase] = [Shape([3, 2, 2, 2]), [3, 2]].flatMap { shape in
  [false, true].flatMap { skip in
    [(false, nil), (true, nil), (true, 0.7)].map { (relu: Bool, ceiling: Float?) in
      OperatorCase(
        BatchNorm(epsilon: 1e-3, addsSkip: skip, relu: relu, ceiling: ceiling),
        batchNormInputs(shape, addsSkip: skip, away: ceiling),
        batched: skip ? [0, 5] : [0], sloped: skip ? [0, 1, 2, 5] : [0, 1, 2])
    }
  }
}

private let convolutions: [OperatorCase] = [
  .init(Convolution(), [random(3, 2, 4, 4), random(3, 2, 3, 3, seed: 2)], sloped: [0, 1]),
  .init(
    Convolution(strides: [2, 1], padding: [1, 0, 2, 1], dilations: [1, 2], groups: 2),
    [random(3, 4, 5, 6), random(6, 2, 3, 2, seed: 2), random(6, seed: 3)], sloped: [0, 1, 2]),
  .init(
    Convolution(padding: [1, 1, 1, 1], groups: 3), [random(3, 3, 4, 3), random(3, 1, 3, 3, seed: 2)], sloped: [0, 1]),
]

private let pools: [OperatorCase] = [
  .init(MaxPool(size: [2, 2], strides: [2, 2]), [.distinct([3, 2, 4, 5], seed: 1)]),
  .init(MaxPool(size: [3, 2], strides: [2, 1], padding: [1, 1, 1, 0]), [.distinct([3, 2, 4, 4], seed: 2)]),
  .init(
    MaxPool(size: [2, 2], strides: [2, 2], dilations: [2, 1], roundsUp: true), [.distinct([3, 1, 6, 5], seed: 3)]),
  .init(AveragePool(size: [2, 3], strides: [2, 2], padding: [0, 1, 1, 1]), [random(3, 2, 5, 5)]),
  .init(AveragePool(size: [2, 2], padding: [1, 1, 1, 1], countsPadding: true), [random(3, 2, 3, 4)]),
  .init(AveragePool(size: [2, 2], strides: [2, 2], roundsUp: true), [random(3, 2, 5, 5)]),
  .init(GlobalAveragePool(), [random(3, 4, 3, 5)]),
]

private let movements: [OperatorCase] = [
  .init(Flatten(), [random(3, 2, 3, 2)]),
  .init(Flatten(axis: 0), [random(3, 4)], batched: []),
  .init(Flatten(axis: 2), [random(3, 1, 4, 2)]),
  .init(Reshape(dimensions: [0, -1]), [random(3, 2, 3, 2)]),
  .init(Reshape(dimensions: [-1, 2, 0, 2]), [random(3, 2, 3, 2)]),
  .init(Reshape(dimensions: [2, 18]), [random(3, 2, 3, 2)], batched: []),
  .init(Transpose(permutation: [0, 2, 3, 1]), [random(3, 2, 3, 4)]),
  .init(Transpose(permutation: [3, 1, 0, 2]), [random(3, 2, 3, 4)], batched: []),
  .init(Pad(before: [0, 1, 0, 2], after: [0, 0, 3, 1], value: 0.5), [random(3, 2, 2, 2)]),
  .init(Pad(before: [1, 0], after: [0, 2]), [random(3, 2)], batched: []),
  .init(Slice(starts: [0, 1, 3, 0], steps: [1, 1, -2, 3], counts: [-1, 2, 2, 2]), [random(3, 3, 4, 5)]),
  .init(Slice(starts: [2, 0], steps: [-1, 1], counts: [3, 0]), [random(3, 3)], batched: []),
  .init(
    Concat(axis: 1), [random(3, 2, 2, 2), random(3, 1, 2, 2, seed: 2), random(3, 3, 2, 2, seed: 3)],
    batched: [0, 1, 2], sloped: [0, 1, 2]),
  .init(Concat(axis: 1), [random(1, 1, 4, seed: 2), random(3, 2, 4)], batched: [1], sloped: [0, 1]),
  .init(Concat(axis: 0), [random(3, 2), random(1, 2, seed: 2)], batched: [], sloped: [0, 1]),
]

private let functions: [OperatorCase] = ScalarFunction.samples.map { function in
  switch function {
  case .logarithm, .squareRoot, .power, .reciprocal:
    OperatorCase(Pointwise(function), [random(3, 2, 3, 2).map { $0 * 0.5 + 1 }])
  case .arcHyperbolicCosine: OperatorCase(Pointwise(function), [random(3, 2, 3, 2).map { $0 * 0.5 + 2 }])
  case .arcSine, .arcCosine, .arcHyperbolicTangent, .tangent:
    OperatorCase(Pointwise(function), [random(3, 2, 3, 2).map { $0 * 0.6 }])
  case _ where function.isStaircase:
    OperatorCase(Pointwise(function), [random(3, 2, 3, 2).map { $0 * 4 }], sloped: [])
  default: OperatorCase(Pointwise(function), [random(3, 2, 3, 2).map { $0 * 4 }.away(from: -3, -2.5, 0, 2.5, 3)])
  }
}

private let combinations: [OperatorCase] = [any Operator](arrayLiteral: Add(), Subtract(), Multiply(), Divide()).flatMap
{
  operation in
  let far = { (x: Tensor) in x.map { $0 < 0 ? $0 - 1 : $0 + 1 } }
  return [
    OperatorCase(
      operation, [random(3, 2, 2, 3), far(random(3, 2, 2, 3, seed: 2))], batched: [0, 1], sloped: [0, 1]),
    OperatorCase(operation, [random(3, 2, 2, 3), far(random(2, 1, 1, seed: 2))], sloped: [0, 1]),
    OperatorCase(operation, [random(3, 4, 2, 3), far(random(3, 4, 1, 1, seed: 2))], batched: [0, 1], sloped: [0, 1]),
    OperatorCase(operation, [random(1, 4, 1, seed: 2), far(random(3, 2, 1, 3))], batched: [1], sloped: [0, 1]),
    OperatorCase(operation, [random(3, 5, 20), far(random(20, seed: 2))], sloped: [0, 1]),
    OperatorCase(operation, [random(3, 5, 2), far(Tensor(scalar: 0.3))], sloped: [0, 1]),
  ]
}

private let kinds: [OperatorCase] = Combination.allCases.map { combination in
  switch combination {
  case .larger, .smaller:
    OperatorCase(
      Combine(combination), [.distinct([3, 2, 4], seed: 1), .distinct([2, 4], seed: 2).map { $0 + 0.05 }],
      sloped: [0, 1])
  case .raised:
    OperatorCase(
      Combine(combination), [random(3, 2, 4).map { $0 * 0.5 + 1.2 }, random(3, 2, 1, seed: 2)], batched: [0, 1],
      sloped: [0, 1])
  default:
    OperatorCase(
      Combine(combination), [random(3, 2, 4).map { ($0 * 5).rounded() }, Tensor([4], scalars: [1, 2, -3, 4])],
      sloped: [])
  }
}

private let places = Tensor([3, 2, 2], scalars: [0, 3, 1, 2, -1, 0, 2, 2, 3, 1, 0, 0])

private let alongAxes: [OperatorCase] = [
  .init(Reduce(.largest, axes: [1]), [.distinct([3, 4, 2], seed: 1)]),
  .init(Reduce(.smallest, axes: [2, 3]), [.distinct([3, 2, 3, 2], seed: 2)]),
  .init(Reduce(.product, axes: [1]), [random(3, 4, 2)], sloped: []),
  .init(Sum(axes: [1, 3]), [random(3, 4, 2, 2)]),
  .init(Sum(axes: []), [random(3, 4)]),
  .init(Order(axis: 1, descending: true), [random(3, 5, 2)], sloped: []),
  .init(Order(axis: 2, descending: false), [Tensor([3, 1, 2], scalars: [1, 1, .nan, 0, 2, -2])], sloped: []),
  .init(GatherElements(axis: 2), [random(3, 2, 4), places], batched: [0, 1]),
  .init(
    ScatterElements(axis: 2),
    [
      random(3, 1, 4), Tensor([3, 1, 2], scalars: [0, 3, 1, -2, -1, 0]),
      random(3, 1, 2, seed: 2),
    ], batched: [0, 1, 2], sloped: [0, 2]),
  .init(
    ScatterElements(axis: 2, .adding), [random(3, 2, 4), places, random(3, 2, 2, seed: 2)], batched: [0, 1, 2],
    sloped: [0, 2]),
  .init(
    ScatterElements(axis: 2, .smallest), [random(3, 2, 4), places, random(3, 2, 2, seed: 2)], batched: [0, 1, 2],
    sloped: []),
  .init(
    Resample(axis: 2),
    [random(3, 2, 3, 2), Tensor([4, 2], scalars: [0, 1, 1, 2, 2, 2, 0, 2]), random(4, 2, seed: 2)]),
  .init(TransposedConvolution(), [random(3, 2, 3, 4), random(2, 3, 3, 2, seed: 2)], sloped: [0, 1]),
  .init(
    TransposedConvolution(strides: [2, 3], padding: [1, 0, 0, 2], dilations: [2, 1], groups: 2, extra: [1, 0]),
    [random(3, 4, 3, 2), random(4, 3, 3, 2, seed: 2), random(6, seed: 3)], sloped: [0, 1, 2]),
]

private let recurrent: [OperatorCase] = [
  (Recurrent.Cell.plain, 1, 2), (.lstm, 4, 4), (.gru, 3, 2), (.gruResetAfter, 3, 2),
].flatMap { cell, gates, width in
  [false, true].map { isReversed in
    OperatorCase(
      Recurrent(cell, isReversed: isReversed),
      [
        random(4, 3, 5), random(gates * 2, 5, seed: 2), random(gates * 2, 2, seed: 3), random(gates * 4, seed: 4),
        random(isReversed ? 1 : 3, width, seed: 5),
      ], batched: [], sloped: [])
  }
}

private let products: [OperatorCase] = [
  .init(MatrixMultiply(), [random(3, 4, 5), random(3, 5, 2, seed: 2)], batched: [0, 1], sloped: [0, 1]),
  .init(MatrixMultiply(), [random(3, 2, 4, 5), random(3, 2, 5, 2, seed: 2)], batched: [0, 1], sloped: [0, 1]),
  .init(MatrixMultiply(), [random(3, 2, 4, 5), random(2, 5, 3, seed: 2)], sloped: [0, 1]),
  .init(MatrixMultiply(), [random(4, 5), random(3, 5, 2, seed: 2)], batched: [1], sloped: [0, 1]),
]

private let lookups: [OperatorCase] = [
  .init(Gather(), [random(5, 4), Tensor([3, 2], scalars: [0, 4, 2, 2, 1, 0])], batched: [1]),
  .init(Gather(axis: 1), [random(3, 4, 2), Tensor([3], scalars: [3, 0, 3])]),
  .init(IsNotANumber(), [random(3, 4).map { $0 > 0.5 ? .nan : $0 }], sloped: []),
  .init(
    Choose(), [random(3, 2, 2, 2).map { $0 > 0 ? 1 : 0 }, random(3, 2, 2, 2, seed: 2), random(2, 1, 1, seed: 3)],
    batched: [0, 1], sloped: [1, 2]),
  .init(
    Choose(), [Tensor([2], scalars: [0, 1]), Tensor(scalar: 3), random(3, 4, 2, seed: 3)], batched: [2], sloped: [1, 2]),
  .init(LearnedLeak(), [random(3, 4, 2, 2).away(from: 0), random(4, 1, 1, seed: 2)], sloped: [0, 1]),
]

private let fewBits: [OperatorCase] = [
  .init(SignActivation(), [random(3, 2, 3, 2)], sloped: []),
  .init(SignActivation(estimator: .approximate), [random(3, 2, 3, 2)], sloped: []),
  .init(SignActivation(estimator: .errorDecay(from: 0.1, to: 10)), [random(3, 33)], sloped: []),
  .init(
    Quantize(bits: 4, isSigned: true), [random(3, 5, 3, 4).map { $0 * 8 }, Tensor([1], scalars: [0.5])], sloped: [],
    estimated: [1]),
  .init(
    Quantize(bits: 2, isSigned: false, estimator: .smooth(spread: 0.3)), [random(3, 17), Tensor(scalar: 0.3)],
    sloped: [], estimated: [1]),
  .init(LearnedShift(), [random(3, 4, 2, 2), random(4, 1, 1, seed: 2)], sloped: [0, 1]),
  .init(LearnedShift(), [random(3, 4), random(4, seed: 2)], sloped: [0, 1]),
]

let operatorCases: [OperatorCase] =
  batchNorms + convolutions + pools + movements + functions + combinations + kinds + alongAxes + recurrent + products
  + lookups
  + fewBits + [
    .init(Clip(minimum: -0.4, maximum: 0.6), [random(3, 2, 3, 2).away(from: -0.4, 0.6)]),
    .init(Dense(), [random(3, 5), random(4, 5, seed: 2)], sloped: [0, 1]),
    .init(Dense(), [random(3, 2, 1, 3), random(4, 3, seed: 2), random(4, seed: 3)], sloped: [0, 1, 2]),
    .init(Identity(), [random(3, 2, 2, 2)]),
    .init(LayerNorm(epsilon: 1e-3), [random(3, 2, 19), random(19, seed: 2), random(19, seed: 3)], sloped: [0, 1, 2]),
    .init(LayerNorm(), [random(3, 2, 3, 4), random(3, 4, seed: 2), random(3, 4, seed: 3)], sloped: [0, 1, 2]),
    .init(Mean(axes: [1]), [random(3, 5, 2)]),
    .init(Mean(axes: [2, 3]), [random(3, 2, 2, 3)]),
    .init(Mean(axes: [0, 2]), [random(3, 5, 2)], batched: []),
    .init(Relu(), [random(3, 2, 3, 2).away(from: 0)]),
    .init(Sign(), [random(3, 2, 3, 2)], sloped: []),
    .init(Softmax(axis: 1), [random(3, 5)]),
    .init(Softmax(axis: 2), [random(3, 2, 4, 2)]),
    .init(Softmax(axis: 2), [random(3, 2, 35)]),
    .init(
      Threshold(flipped: [false, true]),
      [random(3, 2, 2, 3).map { ($0 * 4).rounded() }, Tensor([2], scalars: [1, -1])],
      sloped: []),
  ]
