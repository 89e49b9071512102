import Graphs
import Methods
import Tensors
import TestSupport
import Testing
import Training

struct ParametersTests {
  private static let moment = Moment(phase: .training, progress: 0.5)

  static let rules: [UpdateRule] = Optimizer.allCases.flatMap { optimizer in
    ([nil, 0.9] as [Float?]).map { averaging in
      var rule = UpdateRule()
      rule.optimizer = optimizer
      rule.averaging = averaging
      rule.clipping = 1
      return rule
    }
  }

  private func graph() throws -> Graph {
    try AttachMethod(InformationRetention(), layers: ["block.a"]).rewrite(Networks.residual())
  }

  /// Moves every parameter by gradients of its own, and the statistics as a batch would.
  private func train(_ parameters: inout Parameters, steps: Range<Int>, at moment: Moment = Self.moment) {
    for step in steps {
      let gradients = parameters.ids.enumerated().map { place, id in
        (id, Tensor.random(parameters.values[id]!.shape, seed: UInt64(step * 1000 + place)))
      }
      for id in parameters.values.keys where !parameters.ids.contains(id) {
        parameters.values[id] = parameters.values[id]!.map { $0 + Float(step + 1) }
      }
      parameters.step(Dictionary(uniqueKeysWithValues: gradients), rate: 0.1, at: moment)
    }
  }

  @Test(arguments: rules.indices) func goesOnFromItsTensorsAsIfItHadNeverStopped(_ index: Int) throws {
    let graph = try graph()
    var whole = Parameters(of: graph, rule: Self.rules[index])
    train(&whole, steps: 0..<3)
    let saved = Dictionary(uniqueKeysWithValues: whole.tensors.map { ($0.name, $0.value) })
    #expect(saved.count == whole.tensors.count, "names are unique")
    var resumed = Parameters(of: graph, rule: Self.rules[index])
    #expect(resumed.restore(saved) == [])
    train(&whole, steps: 3..<6)
    train(&resumed, steps: 3..<6)
    #expect(whole.tensors.map(\.name) == resumed.tensors.map(\.name))
    for (one, other) in zip(whole.tensors, resumed.tensors) { #expect(one.value == other.value, "\(one.name)") }
    #expect(whole.shipped == resumed.shipped)
  }

  /// A weight that a float layer reads before a coded one is settled all the same.
  @Test func aSharedWeightIsSettledWhoeverReadsItFirst() throws {
    var graph = Graph()
    let x = graph.addInput("x", [1, 4])
    let weight = graph.addConstant("w", Tensor.random([4, 4], seed: 1))
    let first = try graph.add("first", Dense(), [x, weight])
    graph.outputs = [try graph.add("second", Dense(), [first, weight])]
    let student = try AttachMethod(BinaryConnect(), layers: ["second"]).rewrite(graph)
    var parameters = Parameters(of: student)
    let id = try #require(parameters.ids.first)
    parameters.step([id: Tensor([4, 4], repeating: -100)], rate: 1, at: Self.moment)
    let largest = parameters.values[id]!.scalars.map(abs).max()!
    #expect(largest < 10, "clipped to the method's levels, not \(largest)")
  }

  @Test func holdsTheStatisticsOfBatchNorms() throws {
    let names = Parameters(of: try graph()).tensors.map(\.name)
    #expect(names.contains { $0.hasPrefix("value/") && $0.hasSuffix("stem.norm.mean") })
    #expect(!names.contains { $0.hasPrefix("moment1/") && $0.hasSuffix("stem.norm.mean") })
  }

  @Test func saysWhatDoesNotFitAndChangesNothing() throws {
    var parameters = Parameters(of: try graph())
    let before = parameters.tensors
    var tensors = Dictionary(uniqueKeysWithValues: before.map { ($0.name, $0.value.map { $0 + 1 }) })
    let (first, second) = (before[0].name, before[1].name)
    tensors[first] = nil
    tensors[second] = Tensor([3], repeating: 0)
    tensors["value/none"] = Tensor([1], repeating: 0)
    tensors["updates"] = tensors["updates"]!.map { _ in .nan }
    #expect(
      parameters.restore(tensors) == [
        "'\(first)' is missing", "'\(second)' is [3], not \(before[1].value.shape)", "'value/none' is not known",
        "'updates' holds what is no count",
      ])
    for (one, other) in zip(parameters.tensors, before) { #expect(one.value == other.value) }
  }

  /// average ← average + (1 − min(0.9, (1 + t) / (10 + t))) · (value − average)
  @Test func averagesFollowTheValues() throws {
    var rule = UpdateRule()
    rule.averaging = 0.9
    var parameters = Parameters(of: try graph(), rule: rule)
    var expected = parameters.values
    for step in 0..<4 {
      train(&parameters, steps: step..<step + 1)
      let share = 1 - min(0.9, Float(1 + step) / Float(10 + step))
      for (id, value) in parameters.values { expected[id] = expected[id]!.zip(value) { $0 + share * ($1 - $0) } }
    }
    for (id, value) in parameters.shipped { #expect(value.largestDifference(to: expected[id]!) < 1e-5) }
    #expect(parameters.shipped != parameters.values)
  }

  /// An average of the kernels of one weight and of another would be those of neither.
  @Test func averagesBeginAnewWithACoding() throws {
    var method = SubBit()
    method.bits = 3
    let graph = try AttachMethod(method, layers: ["block.a"], start: 0.5).rewrite(Networks.residual())
    var rule = UpdateRule()
    rule.averaging = 0.999
    var parameters = Parameters(of: graph, rule: rule)
    train(&parameters, steps: 0..<3, at: Moment(phase: .training, progress: 0.3, next: 0.4))
    let before = parameters.shipped
    train(&parameters, steps: 3..<4, at: Moment(phase: .training, progress: 0.4, next: 0.5))
    let coding = try #require(graph.nodes.first { $0.operation is any WeightCoding })
    for id in coding.inputs { #expect(parameters.shipped[id] == parameters.values[id]) }
    #expect(parameters.shipped[coding.inputs[1]] != before[coding.inputs[1]])
    #expect(parameters.shipped != parameters.values, "all others are averages still")
  }

  /// What an operator changes by itself is part of the state.
  @Test func statisticsAreThoseThatOperatorsUpdate() throws {
    let graph = try Networks.residual()
    let images = Tensor.random([4, 3, 8, 8], seed: 5)
    let updates = graph.run(["x": images], at: Self.moment, keeping: .everything).updates
    let parameters = Parameters(of: graph)
    #expect(!updates.isEmpty && updates.keys.allSatisfy { parameters.values[$0] != nil })
  }
}
