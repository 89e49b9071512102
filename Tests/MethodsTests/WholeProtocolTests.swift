import Compute
import Graphs
import TestSupport
import Tensors
import Testing

import Methods

/// A method that uses all that the protocol offers: a trained level for each channel, a penalty, and settling.
private struct LearnedLevel: Method {
  static let name = "learned-level"
  static let summary = "sign times a trained level"
  static let paper = ""
  var alphabet: Alphabet { .binary }
  init() {}

  func companions(for latent: Tensor, seed: UInt64) -> [Tensor] {
    [Tensor([latent.shape[0]], repeating: 0.5)]
  }

  func code(_ latent: Tensor, companions: [Tensor], at moment: Moment) -> CodedTensor {
    CodedTensor(
      latent.shape, .binary, symbols: latent.scalars.map { $0 >= 0 ? 1 : -1 },
      levels: companions[0].scalars.map { abs($0) })
  }

  /// Softer while training goes: half of the latent weight at its beginning, none at its end.
  func relax(_ latent: Tensor, companions: [Tensor], at moment: Moment) -> Tensor {
    let share = (1 - moment.progress) / 2
    return code(latent, companions: companions, at: moment).decoded().zip(latent) { $0 * (1 - share) + $1 * share }
  }

  func backward(_ gradient: Tensor, latent: Tensor, companions: [Tensor], at moment: Moment) -> [Tensor?] {
    let signs = latent.map { $0 >= 0 ? 1 : -1 }
    let row = latent.count / latent.shape[0]
    let products = gradient.zip(signs, *).scalars
    let sums = (0..<latent.shape[0]).map { channel in products[channel * row..<(channel + 1) * row].reduce(0, +) }
    return [gradient, Tensor([latent.shape[0]], scalars: sums)]
  }

  func penalty(_ latent: Tensor, companions: [Tensor], at moment: Moment) -> [Tensor?] {
    [latent.map { 0.01 * $0 }, nil]
  }

  func settle(_ latent: inout Tensor, companions: inout [Tensor], at moment: Moment) {
    latent = latent.clipped(-1, 1)
    companions[0] = companions[0].clipped(0.25, 4)
  }
}

struct WholeProtocolTests {
  private func graph() throws -> Graph {
    var graph = Graph()
    let x = graph.addInput("x", [1, 6])
    let weight = graph.addConstant("w", Tensor.random([3, 6], seed: 1))
    graph.outputs = [try graph.add("dense", Dense(), [x, weight])]
    return try AttachMethod(LearnedLevel(), layers: ["dense"]).rewrite(graph)
  }

  @Test func companionsAreInputsOfTheCoding() throws {
    let graph = try graph()
    let coding = try #require(graph.nodes.first { $0.operation is any WeightCoding })
    #expect(coding.inputs.map { graph[$0].name } == ["w", "w.companion0"])
    #expect(coding.operation?.parameterInputs == [0, 1])
  }

  @Test func theWeightHardensAsTrainingGoes() throws {
    let graph = try graph()
    let x = Tensor.random([4, 6], seed: 2)
    let frozen = try Freeze().rewrite(graph)
    let output = graph.outputs[0]
    let soft = graph.run(["x": x], at: Moment(phase: .training, progress: 0))[output]
    let hard = graph.run(["x": x], at: Moment(phase: .training, progress: 1))[output]
    #expect(hard == frozen(x))
    #expect(soft != hard)
  }

  @Test func theCompanionGetsItsGradient() throws {
    let graph = try graph()
    let moment = Moment(phase: .training, progress: 1)
    let x = Tensor.random([4, 6], seed: 3)
    let seed = Tensor.random([4, 3], seed: 4)
    let coding = try #require(graph.nodes.first { $0.operation is any WeightCoding })
    let level = coding.inputs[1]
    let trace = graph.run(["x": x], at: moment, keeping: .everything)
    let gradients = graph.gradients(of: graph.outputs[0], seed: seed, for: coding.inputs, along: trace, at: moment)
    func value(_ change: Float) -> Float {
      let changed = Tensor([3], scalars: [0.5 + change, 0.5, 0.5])
      let y = graph.run(["x": x], at: moment, constants: [level: changed])[graph.outputs[0]]
      return y.zip(seed, *).scalars.reduce(0, +)
    }
    let expected = (value(0.01) - value(-0.01)) / 0.02
    #expect(abs(gradients[level]!.scalars[0] - expected) < 1e-3)
  }

  @Test func penaltyAndSettlingReachTheCoding() throws {
    let coding: any WeightCoding = Coding(LearnedLevel())
    var inputs = [Tensor([1, 3], scalars: [2, -3, 0.5]), Tensor([1], scalars: [0.1])]
    #expect(coding.penalty(inputs, at: .inference).map { $0?.scalars } == [[0.02, -0.03, 0.005], nil])
    coding.settle(&inputs, at: .inference)
    #expect(inputs.map(\.scalars) == [[1, -1, 0.5], [0.25]])
  }
}
