import Graphs
import Tensors
import Testing

/// Inputs that do not fit, with what is said about them.
struct MisfitCase: CustomTestStringConvertible, Sendable {
  var operation: any Operator
  var inputs: [Shape]
  var message: String
  var testDescription: String { "\(operation.label): \(message)" }

  init(_ operation: any Operator, _ inputs: [Shape], _ message: String) {
    self.operation = operation
    self.inputs = inputs
    self.message = message
  }
}

private let image: Shape = [1, 3, 8, 8]
private let kernel: Shape = [4, 3, 3, 3]
private let steps = "sizes, strides and dilations must be from 1 to 1048576"
private let entries = "a window needs 2 sizes, 2 strides, 2 dilations and 4 paddings"

private let convolutions: [MisfitCase] = [
  .init(Convolution(), [], "takes 2 to 3 inputs, not 0"),
  .init(Convolution(), [image], "takes 2 to 3 inputs, not 1"),
  .init(Convolution(), [image, kernel, [4], [4]], "takes 2 to 3 inputs, not 4"),
  .init(
    Convolution(), [[1, 3, 8], kernel],
    "the image must have 4 axes, not 3: only two-dimensional convolution is supported"),
  .init(
    Convolution(), [[], kernel], "the image must have 4 axes, not 0: only two-dimensional convolution is supported"),
  .init(Convolution(), [image, [4, 3]], "the kernel must have 4 axes, not 2"),
  .init(Convolution(), [[1, 3, 0, 8], kernel], "the image [1, 3, 0, 8] is empty"),
  .init(Convolution(), [[1, 0, 8, 8], [4, 0, 3, 3]], "the image [1, 0, 8, 8] is empty"),
  .init(Convolution(), [image, [0, 3, 3, 3]], "the kernel [0, 3, 3, 3] is empty"),
  .init(Convolution(groups: 0), [image, kernel], "4 output channels do not divide into 0 groups"),
  .init(Convolution(groups: .min), [image, kernel], "4 output channels do not divide into \(Int.min) groups"),
  .init(Convolution(groups: 3), [image, [4, 1, 3, 3]], "4 output channels do not divide into 3 groups"),
  .init(Convolution(), [image, [4, 2, 3, 3]], "the image has 3 channels, the kernel wants 1 groups of 2"),
  .init(Convolution(groups: 2), [image, kernel], "the image has 3 channels, the kernel wants 2 groups of 3"),
  .init(Convolution(), [image, kernel, [3]], "the bias is [3], not [4]"),
  .init(Convolution(), [image, kernel, [4, 1]], "the bias is [4, 1], not [4]"),
  .init(Convolution(strides: [1]), [image, kernel], entries),
  .init(Convolution(strides: []), [image, kernel], entries),
  .init(Convolution(padding: [1, 1]), [image, kernel], entries),
  .init(Convolution(dilations: [1, 1, 1]), [image, kernel], entries),
  .init(Convolution(strides: [0, 1]), [image, kernel], steps),
  .init(Convolution(strides: [1, .max]), [image, kernel], steps),
  .init(Convolution(dilations: [-1, 1]), [image, kernel], steps),
  .init(Convolution(dilations: [1, .min]), [image, kernel], steps),
  .init(Convolution(), [[1, 1, 8, 8], [1, 1, 1 << 21, 1]], steps),
  .init(Convolution(padding: [0, 0, -1, 0]), [image, kernel], "padding must be from 0 to 1048576"),
  .init(Convolution(padding: [.max, 0, .max, 0]), [image, kernel], "padding must be from 0 to 1048576"),
  .init(
    Convolution(), [[1, 3, 2, 8], kernel], "the kernel [4, 3, 3, 3] does not fit into the padded image [1, 3, 2, 8]"),
  .init(
    Convolution(dilations: [1 << 20, 1]), [image, kernel],
    "the kernel [4, 3, 3, 3] does not fit into the padded image [1, 3, 8, 8]"),
  .init(Convolution(), [[1 << 24, 1, 1, 1 << 20], [1 << 20, 1, 1, 1]], "the output is too large"),
]

private let channel: [Shape] = [[3], [3], [3], [3]]
private let notFinite: [Float] = [0, -1, .infinity, .nan]
private let batchNorms: [MisfitCase] =
  [
    .init(BatchNorm(), [image], "takes 5 inputs, not 1"),
    .init(BatchNorm(), [image] + channel + [image], "takes 5 inputs, not 6"),
    .init(BatchNorm(addsSkip: true), [image] + channel, "takes 6 inputs, not 5"),
    .init(BatchNorm(), [[1, 3, 8]] + channel, "the input must have 2 or 4 axes, not 3"),
    .init(BatchNorm(), [[1, 0]] + [[0], [0], [0], [0]], "the input [1, 0] is empty"),
    .init(BatchNorm(), [image, [4], [3], [3], [3]], "the scale is [4], not [3]"),
    .init(BatchNorm(), [image, [3], [1, 3], [3], [3]], "the shift is [1, 3], not [3]"),
    .init(BatchNorm(), [image, [3], [3], [], [3]], "the mean is [], not [3]"),
    .init(BatchNorm(), [image, [3], [3], [3], [2]], "the variance is [2], not [3]"),
    .init(
      BatchNorm(addsSkip: true), [image] + channel + [[3, 3, 8, 8]],
      "the shapes [1, 3, 8, 8] and [3, 3, 8, 8] that are added differ"),
  ] + notFinite.map { .init(BatchNorm(epsilon: $0), [image] + channel, "epsilon must be above 0") }

private let products: [MisfitCase] = [
  .init(Add(), [image], "takes 2 inputs, not 1"),
  .init(Add(), [[2, 3], [2, 4]], "the shapes [2, 3] and [2, 4] do not go together"),
  .init(
    Add(), [[1 << 40, 1], [1, 1 << 40]],
    "the shapes [1099511627776, 1] and [1, 1099511627776] do not go together"),
  .init(Dense(), [[1, 3]], "takes 2 to 3 inputs, not 1"),
  .init(Dense(), [[1, 3], [4, 3, 1]], "the weight must have 2 axes, not 3"),
  .init(Dense(), [[], [4, 3]], "the input is a single number"),
  .init(Dense(), [[1, 3], [4, 5]], "the input has 3 features, the weight wants 5"),
  .init(Dense(), [[1, 0], [4, 0]], "the weight [4, 0] is empty"),
  .init(Dense(), [[1, 3], [4, 3], [1, 4]], "the bias is [1, 4], not [4]"),
  .init(Dense(), [[1 << 40, 1], [1 << 24, 1]], "the output is too large"),
]

private let pools: [MisfitCase] = [
  .init(MaxPool(size: [2, 2]), [], "takes 1 inputs, not 0"),
  .init(MaxPool(size: [2, 2]), [[3, 8, 8]], "the image must have 4 axes, not 3"),
  .init(MaxPool(size: [2, 2]), [[1, 3, 8, 0]], "the image [1, 3, 8, 0] is empty"),
  .init(MaxPool(size: []), [image], entries),
  .init(MaxPool(size: [0, 2]), [image], steps),
  .init(MaxPool(size: [2, 2], strides: [.min, 2]), [image], steps),
  .init(MaxPool(size: [2, 2], padding: [-1, 0, 0, 0]), [image], "padding must be from 0 to 1048576"),
  .init(MaxPool(size: [9, 2]), [image], "the window [9, 2] does not fit into the padded image [1, 3, 8, 8]"),
  .init(
    MaxPool(size: [2, 2], padding: [0, 0, 0, 2]), [image],
    "padding [0, 0, 0, 2] leaves windows that see nothing of the image"),
  .init(
    MaxPool(size: [1, 2], padding: [1, 0, 0, 0]), [image],
    "padding [1, 0, 0, 0] leaves windows that see nothing of the image"),
  .init(AveragePool(size: [2, 2, 2]), [image], entries),
  .init(AveragePool(size: [2, 2], padding: [1, 1, 1, 1]), [[1 << 31, 1 << 31, 1, 1]], "the output is too large"),
  .init(AveragePool(size: [2, 9]), [image], "the window [2, 9] does not fit into the padded image [1, 3, 8, 8]"),
  .init(GlobalAveragePool(), [[1, 3]], "the image must have 4 axes, not 2"),
  .init(GlobalAveragePool(), [[1, 3, 0, 2]], "the image [1, 3, 0, 2] is empty"),
]

private let movements: [MisfitCase] = [
  .init(Pad(before: [1], after: [0]), [[.max]], "the input [\(Int.max)] is too large"),
  .init(MaxPool(size: [1, 1]), [[1, 1, .max, 1]], "the image [1, 1, \(Int.max), 1] is too large"),
  .init(Concat(axis: 0), [], "takes 1 to 65536 inputs, not 0"),
  .init(Concat(axis: -1), [image], "axis -1 is outside the 4 axes"),
  .init(Concat(axis: .max), [image], "axis \(Int.max) is outside the 4 axes"),
  .init(Concat(axis: 1), [[1, 3, 8], [1, 3, 9]], "the shapes [1, 3, 8] and [1, 3, 9] differ in more than axis 1"),
  .init(Concat(axis: 1), [[1, 3], [1, 3, 1]], "the shapes [1, 3] and [1, 3, 1] differ in more than axis 1"),
  .init(Concat(axis: 0), [[1 << 62], [1 << 62], [1]], "the output is too large"),
  .init(Flatten(axis: -1), [image], "axis -1 is outside the 4 axes"),
  .init(Flatten(axis: 5), [image], "axis 5 is outside the 4 axes"),
  .init(Pad(before: [], after: []), [image], "an amount is wanted for each of the 4 axes"),
  .init(Pad(before: [0], after: [0, 0]), [[1]], "an amount is wanted for each of the 1 axes"),
  .init(Pad(before: [0, -1], after: [0, 0]), [[1, 2]], "amounts must be from 0 to 1048576"),
  .init(Pad(before: [0, .max], after: [0, .max]), [[1, 2]], "amounts must be from 0 to 1048576"),
  .init(Pad(before: [1 << 20, 1 << 20], after: [0, 1 << 20]), [[1 << 20, 1 << 42]], "the output is too large"),
  .init(Reshape(dimensions: [5, -1]), [[2, 3]], "[2, 3] cannot take the shape [5, -1]"),
  .init(Reshape(dimensions: [-1, -1]), [[2, 3]], "[2, 3] cannot take the shape [-1, -1]"),
  .init(Reshape(dimensions: [.min]), [[2, 3]], "[2, 3] cannot take the shape [\(Int.min)]"),
  .init(Reshape(dimensions: [1, 2, 0]), [[2, 3]], "[2, 3] cannot take the shape [1, 2, 0]"),
  .init(Reshape(dimensions: [.max, .max]), [[2, 3]], "[2, 3] cannot take the shape [\(Int.max), \(Int.max)]"),
  .init(Reshape(dimensions: [0, -1]), [[0, 3]], "[0, 3] cannot take the shape [0, -1]"),
  .init(Reshape(dimensions: []), [[2, 3]], "[2, 3] cannot take the shape []"),
  .init(
    Slice(starts: [0], steps: [1], counts: []), [[3]], "a start, a step and a count are wanted for each of the 1 axes"),
  .init(Slice(starts: [1], steps: [1], counts: [3]), [[3]], "axis 0 has 3 elements; 3 from 1 by 1 lie outside"),
  .init(Slice(starts: [1], steps: [-1], counts: [3]), [[3]], "axis 0 has 3 elements; 3 from 1 by -1 lie outside"),
  .init(Slice(starts: [3], steps: [1], counts: [1]), [[3]], "axis 0 has 3 elements; 1 from 3 by 1 lie outside"),
  .init(Slice(starts: [0], steps: [0], counts: [2]), [[3]], "the step of axis 0 is 0"),
  .init(Slice(starts: [-1], steps: [1], counts: [1]), [[3]], "start, step or count of axis 0 is out of range"),
  .init(Slice(starts: [0], steps: [.min], counts: [1]), [[3]], "start, step or count of axis 0 is out of range"),
  .init(Slice(starts: [.max], steps: [1], counts: [1]), [[3]], "start, step or count of axis 0 is out of range"),
  .init(Slice(starts: [0], steps: [1], counts: [.max]), [[3]], "start, step or count of axis 0 is out of range"),
  .init(Slice(starts: [0], steps: [1], counts: [-2]), [[3]], "start, step or count of axis 0 is out of range"),
  .init(Transpose(permutation: [0, 0]), [[2, 3]], "[0, 0] does not name each of the 2 axes once"),
  .init(Transpose(permutation: [0, .max]), [[2, 3]], "[0, \(Int.max)] does not name each of the 2 axes once"),
  .init(Transpose(permutation: []), [[2]], "[] does not name each of the 1 axes once"),
]

private let others: [MisfitCase] = [
  .init(Clip(minimum: .nan, maximum: 1), [[2]], "a bound is not a number"),
  .init(Clip(minimum: 0, maximum: 1), [[2], [2]], "takes 1 inputs, not 2"),
  .init(Identity(), [], "takes 1 inputs, not 0"),
  .init(Relu(), [[2], [2]], "takes 1 inputs, not 2"),
  .init(Sign(), [], "takes 1 inputs, not 0"),
  .init(SignActivation(), [], "takes 1 inputs, not 0"),
  .init(
    SignActivation(estimator: .errorDecay(from: 0, to: 1)), [[2]], "the sharpness must be above 0"),
  .init(Quantize(bits: 1, isSigned: false), [[2], [1]], "it has from 2 to 8 bits, not 1"),
  .init(Quantize(bits: 9, isSigned: true), [[2], [1]], "it has from 2 to 8 bits, not 9"),
  .init(Quantize(bits: 4, isSigned: true), [[2], [2]], "one step is wanted, not [2]"),
  .init(Quantize(bits: 4, isSigned: true), [[2]], "takes 2 inputs, not 1"),
  .init(
    Quantize(bits: 4, isSigned: true, estimator: .smooth(spread: 0)), [[2], [1]],
    "the spread must be from 0.05 to 2, not 0.0"),
  .init(LearnedShift(), [[1, 3], [2, 3]], "the shift [2, 3] does not repeat to [1, 3]"),
  .init(Softmax(axis: 4), [image], "axis 4 is outside the 4 axes"),
  .init(Softmax(axis: 0), [[]], "axis 0 is outside the 0 axes"),
  .init(Threshold(flipped: []), [[3], [3]], "the input must have a batch and channels"),
  .init(Threshold(flipped: [true]), [[1, 3], [3]], "a threshold is wanted for each channel"),
  .init(Threshold(flipped: [true, true, true]), [[1, 3], [2]], "a threshold is wanted for each channel"),
]

struct ShapeErrorTests {
  @Test(arguments: convolutions + batchNorms + products + pools + movements + others)
  func whatDoesNotFitIsNamed(_ misfit: MisfitCase) throws {
    var graph = Graph()
    let inputs = misfit.inputs.enumerated().map { graph.addInput("input \($0.offset)", $0.element) }
    let nodes = graph.nodes.count
    let error = #expect(throws: ShapeError.self) { try graph.add("x", misfit.operation, inputs) }
    let name = type(of: misfit.operation).name
    #expect(error?.description == "node 'x' (\(name)): \(misfit.message)")
    #expect(graph.nodes.count == nodes)
    #expect(ShapeError(name, misfit.message).description == "\(name): \(misfit.message)")
  }

  /// A shape rule throws or gives a shape, whatever it gets.
  @Test(arguments: operatorCases)
  func noInputTraps(_ example: OperatorCase) {
    var generator = SplitMix64(seed: 11)
    let sizes = [0, 1, 1, 2, 3, 3, 8, 1 << 20, 1 << 24, 1 << 47, 1 << 62, Int.max]
    func shape() -> Shape {
      let dimensions = (0..<generator.below(6)).map { _ in sizes[generator.below(sizes.count)] }
      return Shape.count(of: dimensions) == nil ? [] : Shape(dimensions)
    }
    var refused = 0
    for _ in 0..<500 {
      // Either all at random, or what fits with one input replaced.
      var inputs = example.inputs.map(\.shape)
      if generator.below(2) == 0 {
        inputs = (0..<generator.below(7)).map { _ in shape() }
      } else {
        inputs[generator.below(inputs.count)] = shape()
      }
      do {
        _ = try example.operation.shape(of: inputs).strides
      } catch {
        refused += 1
      }
    }
    #expect(refused > 0)
    #expect(throws: ShapeError.self) { try example.operation.shape(of: []) }
    #expect(throws: ShapeError.self) { try example.operation.shape(of: Array(repeating: [1], count: 65537)) }
  }

  @Test func noWindowTraps() {
    var generator = SplitMix64(seed: 12)
    let numbers = [Int.min, -1, 0, 1, 1, 1, 2, 3, 1 << 20, 1 << 40, Int.max]
    func pair(_ count: Int) -> [Int] { (0..<count).map { _ in numbers[generator.below(numbers.count)] } }
    var accepted = 0
    for _ in 0..<20_000 {
      let (strides, padding, dilations) = (pair(2), pair(4), pair(2))
      let image: Shape = [1, 2, 1 << generator.below(24), 1 << generator.below(24)]
      let kernel: Shape = [2, 2, 1 + generator.below(4), 1 << generator.below(22)]
      let convolution = Convolution(strides: strides, padding: padding, dilations: dilations)
      let maximum = MaxPool(size: pair(2), strides: strides, padding: padding, dilations: dilations, roundsUp: true)
      if (try? convolution.shape(of: [image, kernel])) != nil { accepted += 1 }
      if (try? maximum.shape(of: [image])) != nil { accepted += 1 }
    }
    #expect(accepted > 0)
  }
}
