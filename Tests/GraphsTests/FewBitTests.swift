import Foundation
import Graphs
import TestSupport
import Tensors
import Testing

/// What PyTorch computed: `fixtures/make/activation_cases.py`.
private struct Expected: Decodable {
  struct Signs: Decodable {
    var x: [Float]
    var upstream: [Float]
    var y: [Float]
    var gradients: [Gradient]
  }
  struct Gradient: Decodable {
    var estimator: String
    var progress: Float
    var gradient: [Float]
  }
  struct Step: Decodable, CustomTestStringConvertible {
    var bits: Int
    var isSigned: Bool
    var spread: Float?
    var shape: [Int]
    var step: Float
    var x: [Float]
    var upstream: [Float]
    var y: [Float]
    var gradient: [Float]
    var stepGradient: Float
    var testDescription: String { "\(bits) bits, signed \(isSigned), spread \(spread.map { "\($0)" } ?? "none")" }
    var operation: Quantize {
      Quantize(bits: bits, isSigned: isSigned, estimator: spread.map { .smooth(spread: $0) } ?? .straightThrough)
    }
  }
  var signs: Signs
  var steps: [Step]

  static let all: Expected = {
    let data = try! Data(contentsOf: URL(fileURLWithPath: Project.path("fixtures/activations/torch.json")))
    return try! JSONDecoder().decode(Expected.self, from: data)
  }()
}

/// Activations of few bits against PyTorch, and at the edges.
struct FewBitTests {
  private func backward(_ operation: some Operator, _ inputs: [Tensor], _ upstream: Tensor, _ progress: Float)
    -> [Tensor?]
  {
    let moment = Moment(phase: .training, progress: progress)
    let evaluation = operation.forward(inputs, at: moment)
    return operation.backward(upstream, from: evaluation, inputs: inputs, needed: inputs.map { _ in true }, at: moment)
  }

  @Test func signsAgreeWithPyTorch() {
    let signs = Expected.all.signs
    let x = Tensor([signs.x.count], scalars: signs.x)
    #expect(SignActivation().forward([x], at: .inference).output.scalars == signs.y)
    #expect(signs.gradients.count == 6)
    for expected in signs.gradients {
      let estimator: SignEstimator =
        switch expected.estimator {
        case "straight-through": .straightThrough
        case "approximate": .approximate
        default: .errorDecay(from: 0.1, to: 10)
        }
      let upstream = Tensor(x.shape, scalars: signs.upstream)
      let found = backward(SignActivation(estimator: estimator), [x], upstream, expected.progress)[0]!
      let wanted = Tensor(x.shape, scalars: expected.gradient)
      #expect(found.largestDifference(to: wanted) < 3e-6, "\(expected.estimator) at \(expected.progress)")
    }
  }

  @Test(arguments: Expected.all.steps) fileprivate func stepsAgreeWithPyTorch(_ expected: Expected.Step) throws {
    let shape = Shape(expected.shape)
    let inputs = [Tensor(shape, scalars: expected.x), Tensor([1], scalars: [expected.step])]
    let y = expected.operation.forward(inputs, at: .inference).output
    #expect(y.largestDifference(to: Tensor(shape, scalars: expected.y)) < 1e-5)
    let found = backward(expected.operation, inputs, Tensor(shape, scalars: expected.upstream), 1)
    // The smooth slope is a table with straight lines between its samples.
    let tolerance: Float = expected.spread == nil ? 1e-6 : 3e-3
    #expect(try #require(found[0]).largestDifference(to: Tensor(shape, scalars: expected.gradient)) < tolerance)
    let step = try #require(found[1]).scalars[0]
    #expect(abs(step - expected.stepGradient) < 20 * tolerance * max(1, abs(expected.stepGradient)))
  }

  @Test func halvesGoToTheEvenNumber() {
    let operation = Quantize(bits: 3, isSigned: true)
    let x = Tensor([9], scalars: [-9, -2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 2.51, 99])
    let y = operation.forward([x, Tensor([1], scalars: [1])], at: .inference).output
    #expect(y.scalars == [-4, -2, -2, 0, 0, 2, 2, 3, 3])
    // The division is by the step: 0.3 / 0.1 is 3 with a rounding of its own.
    let tenths = Tensor([3], scalars: [0.25, 0.3, 0.35])
    let levels = Quantize(bits: 8, isSigned: true).forward([tenths, Tensor([1], scalars: [0.1])], at: .inference).output
      .scalars
    #expect(levels == [0.25, 0.3, 0.35].map { Float(0.1) * ($0 / Float(0.1)).rounded(.toNearestOrEven) })
  }

  @Test func aStepThatFellToNothingStaysUsable() {
    let x = Tensor([3], scalars: [-1, 0, 1])
    for step: Float in [0, -0.5, 1e-12] {
      let inputs = [x, Tensor([1], scalars: [step])]
      let operation = Quantize(bits: 4, isSigned: false)
      #expect(operation.forward(inputs, at: .inference).output.scalars == [0, 0, 15 * 1e-8])
      #expect(backward(operation, inputs, Tensor([3], repeating: 1), 1).allSatisfy { $0!.isFiniteEverywhere })
    }
  }

  @Test func fewBitsBeginWithTheirStart() {
    let x = Tensor.random([2, 5], seed: 1)
    let step = Tensor([1], scalars: [0.25])
    let operation = Quantize(bits: 2, isSigned: true, start: 0.5)
    let upstream = Tensor.random([2, 5], seed: 2)
    #expect(operation.forward([x, step], at: Moment(phase: .training, progress: 0.4)).output == x)
    #expect(backward(operation, [x, step], upstream, 0.4) == [upstream, nil])
    #expect(operation.forward([x, step], at: Moment(phase: .training, progress: 0.5)).output != x)
    #expect(backward(operation, [x, step], upstream, 0.5)[1] != nil)
    let sign = SignActivation(start: 0.5, estimator: .errorDecay(from: 0.1, to: 10))
    let always = SignActivation(estimator: .errorDecay(from: 0.1, to: 10))
    #expect(backward(sign, [x], upstream, 0.75) == backward(always, [x], upstream, 0.5))
  }

  @Test func theStepBeginsWithWhatIsRead() throws {
    var graph = Graph()
    let x = graph.addInput("x", [1, 4])
    let step = graph.addConstant("step", Tensor([1], repeating: 1))
    let few = try graph.add("few", Quantize(bits: 4, isSigned: false), [x, step])
    let other = graph.addConstant("other", Tensor([1], repeating: 1))
    graph.outputs = [try graph.add("again", Quantize(bits: 2, isSigned: true), [few, other])]
    let images = Tensor([2, 4], scalars: [1, -2, 3, 0, 0, 0, 1, 1])
    let measured = graph.measured(on: ["x": images])
    // 2 · mean|x| / √maximum, of what comes in before anything is of few bits.
    #expect(measured.node("step")?.constant?.tensor.scalars == [2 * 1 / Float(15).squareRoot()])
    #expect(measured.node("other")?.constant?.tensor.scalars == [2])
    let dark = graph.measured(on: ["x": Tensor([2, 4], repeating: 0)])
    #expect(dark.node("step")?.constant?.tensor.scalars == [1])
  }

  /// Long enough for many blocks: one thread and all of them agree to the last bit.
  @Test func theStepsGradientDoesNotDependOnTheLayout() {
    let x = Tensor.random([4, 8, 40, 40], seed: 3)
    let upstream = Tensor.random(x.shape, seed: 4)
    let step = Tensor([1], scalars: [0.1])
    let operation = Quantize(bits: 4, isSigned: true, estimator: .smooth(spread: 0.3))
    let plain = backward(operation, [x, step], upstream, 1)
    let turned = backward(operation, [x.inLayout(.channelsLast), step], upstream.inLayout(.channelsLast), 1)
    #expect(plain == turned)
  }
}

extension Tensor {
  fileprivate var isFiniteEverywhere: Bool { scalars.allSatisfy(\.isFinite) }
}
