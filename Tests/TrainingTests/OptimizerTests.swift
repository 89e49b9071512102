import Compute
import Graphs
import Methods
import Tensors
import TestSupport
import Testing
import Training

struct OptimizerTests {
  /// Two dense layers, whose weights are the only parameters: 7 numbers and 20.
  private func graph(_ start: [[Float]]) throws -> Graph {
    var graph = Graph()
    let (a, b) = (graph.addInput("a", [1, 1]), graph.addInput("b", [1, 5]))
    let first = graph.addConstant("first", Tensor([7, 1], scalars: start[0]))
    let second = graph.addConstant("second", Tensor([4, 5], scalars: start[1]))
    graph.outputs = [try graph.add("dense1", Dense(), [a, first]), try graph.add("dense2", Dense(), [b, second])]
    return graph
  }

  private func rule(_ torch: TorchCases.OptimizerCase) throws -> UpdateRule {
    var rule = UpdateRule()
    rule.optimizer = try #require(Optimizer(rawValue: torch.optimizer))
    rule.momentum = torch.momentum
    rule.secondMomentum = torch.secondMomentum
    rule.epsilon = torch.epsilon
    rule.decay = [.weight: torch.decay]
    rule.clipping = torch.clipping
    return rule
  }

  @Test(arguments: TorchCases.all.optimizers.indices) func movesAsInPyTorch(_ index: Int) throws {
    let torch = TorchCases.all.optimizers[index]
    var parameters = Parameters(of: try graph(torch.start), rule: try rule(torch))
    let ids = parameters.ids
    let shapes: [Shape] = [[7, 1], [4, 5]]
    for (step, expected) in torch.values.enumerated() {
      let gradients = torch.gradients[step].indices.map { Tensor(shapes[$0], scalars: torch.gradients[step][$0]) }
      parameters.step(
        [ids[0]: gradients[0], ids[1]: gradients[1]], rate: torch.rate, at: Moment(phase: .training, progress: 0))
      for (id, values) in zip(ids, expected) {
        let found = parameters.values[id]!.scalars
        for (mine, his) in zip(found, values) { #expect(abs(mine - his) < 2e-6 * max(1, abs(his))) }
      }
    }
  }

  @Test func everyOptimizerIsComparedWithPyTorch() {
    #expect(Set(TorchCases.all.optimizers.map(\.optimizer)) == Set(Optimizer.allCases.map(\.rawValue)))
  }

  /// Each role has its own decay: with a gradient of 0 only what decays moves.
  @Test(arguments: ParameterRole.allCases) func decaysWhatTheRuleNames(_ role: ParameterRole) throws {
    var builder = Networks.Builder(seed: 2)
    let x = builder.graph.addInput("x", [1, 3, 4, 4])
    let (weight, bias) = (builder.random("w", [2, 3, 1, 1]), builder.random("b", [2]))
    let layer = try builder.graph.add("layer", Convolution(), [x, weight, bias])
    builder.graph.outputs = [try builder.norm("norm", layer, channels: 2)]
    let graph = try AttachMethod(OneCompanion(), layers: ["layer"]).rewrite(builder.graph)
    var rule = UpdateRule()
    rule.decay = [role: 0.5]
    rule.momentum = 0
    var parameters = Parameters(of: graph, rule: rule)
    let before = parameters.values
    let nothing = parameters.ids.map { ($0, Tensor(before[$0]!.shape, repeating: 0)) }
    parameters.step(Dictionary(uniqueKeysWithValues: nothing), rate: 0.1, at: Moment(phase: .training, progress: 0))
    let moved = parameters.ids.filter { parameters.values[$0] != before[$0] }.map { graph[$0].name }
    let expected: [ParameterRole: [String]] = [
      .weight: ["w"], .bias: ["b"], .companion: ["w.companion0"], .normalization: ["norm.scale", "norm.shift"],
    ]
    #expect(moved.sorted() == expected[role])
    for id in parameters.ids where parameters.values[id] != before[id] {
      #expect(parameters.values[id]!.largestDifference(to: before[id]!.map { $0 * 0.95 }) < 1e-6)
    }
  }

  @Test func companionsMayLearnAtARateOfTheirOwn() throws {
    var graph = Graph()
    let x = graph.addInput("x", [1, 2])
    let weight = graph.addConstant("w", Tensor([2, 2], scalars: [1, 2, 3, 4]))
    graph.outputs = [try graph.add("dense", Dense(), [x, weight])]
    graph = try AttachMethod(OneCompanion(), layers: ["dense"]).rewrite(graph)
    var rule = UpdateRule()
    rule.companionRate = 0.1
    rule.decay = [:]
    var parameters = Parameters(of: graph, rule: rule)
    let before = parameters.values
    let ones = parameters.ids.map { ($0, Tensor(before[$0]!.shape, repeating: 1)) }
    parameters.step(Dictionary(uniqueKeysWithValues: ones), rate: 0.5, at: Moment(phase: .training, progress: 0))
    let moves = parameters.ids.map { before[$0]!.zip(parameters.values[$0]!, -).scalars[0] }
    #expect(moves[0] == 0.5 && abs(moves[1] - 0.05) < 1e-6)
  }
}

/// A sign with a level that is learned, and nothing else.
struct OneCompanion: Method {
  static let name = "one-companion"
  static let summary = "for tests"
  static let paper = ""
  var alphabet: Alphabet { .binary }
  init() {}
  func companions(for latent: Tensor, seed: UInt64) -> [Tensor] { [Tensor([latent.shape[0]], repeating: 1)] }
  func code(_ latent: Tensor, companions: [Tensor], at moment: Moment) -> CodedTensor {
    CodedTensor(
      latent.shape, .binary, symbols: latent.scalars.map { $0 >= 0 ? 1 : -1 }, levels: companions[0].scalars.map(abs))
  }
  func backward(_ gradient: Tensor, latent: Tensor, companions: [Tensor], at moment: Moment) -> [Tensor?] {
    [gradient, Tensor(companions[0].shape, repeating: 1)]
  }
}
