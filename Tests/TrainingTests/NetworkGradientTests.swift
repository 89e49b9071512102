import Foundation
import Graphs
import TestSupport
import Tensors
import Testing
import Training
import Workloads

/// What PyTorch says of one training step of a network: `fixtures/gradients/gradients.json`, made by the script beside.
private struct ExpectedStep: Decodable {
  struct Gradient: Decodable {
    var norm: Double
    var entries: [Double]
    var projections: [Double]
  }
  var batch: Int
  var loss: Double
  var gradients: [String: Gradient]
  /// Of each running mean and variance.
  var statistics: [String: [Double]]

  static let all: [String: ExpectedStep] = {
    let url = URL(fileURLWithPath: Project.path("fixtures/gradients/gradients.json"))
    // A test that cannot read its fixture must not pass.
    return try! JSONDecoder().decode([String: ExpectedStep].self, from: Data(contentsOf: url))
  }()
}

/// One training step of a workload, on the images that the fixture was made with.
private struct Step {
  var loss: Double
  var gradients: [String: [Double]] = [:]
  var statistics: [String: [Double]] = [:]

  init(_ graph: Graph, batch: Int) {
    var generator = SplitMix64(seed: 2)
    let input = graph.inputs[0]
    let images = Tensor(input.shape.withBatch(batch), bound: 1, from: &generator)
    let moment = Moment(phase: .training, progress: 0)
    let logits = graph.logits
    let trace = graph.run([input.name: images], at: moment, keeping: .forGradients(and: [logits]))
    let classes = trace[logits].shape[1]
    let value = Objective(distillation: 0, temperature: 1)(
      trace[logits], teacher: nil, labels: (0..<batch).map { Int32($0 % classes) })
    loss = Double(value.loss)
    for (id, tensor) in trace.updates { statistics[graph[id].name] = tensor.scalars.map(Double.init) }
    let constants = graph.nodes.filter { $0.constant != nil && !$0.name.contains("running") && $0.shape.rank > 0 }.map(
      \.id)
    let found = graph.gradients(of: logits, seed: value.gradient, for: constants, along: trace, at: moment)
    for (id, tensor) in found { gradients[graph[id].name] = tensor.scalars.map(Double.init) }
  }
}

private func norm(_ numbers: [Double]) -> Double { numbers.reduce(0) { $0 + $1 * $1 }.squareRoot() }

/// The sums of numbers with signs drawn as the script draws them.
private func projections(_ numbers: [Double]) -> [Double] {
  (0..<2).map { index in
    var generator = SplitMix64(seed: 100 + UInt64(index))
    return numbers.reduce(0) { $0 + (generator.uniform() < 0.5 ? -$1 : $1) }
  }
}

private func entries(_ numbers: [Double]) -> [Double] {
  let count = min(16, numbers.count)
  return (0..<count).map { numbers[$0 * numbers.count / count] }
}

/// Gradients of whole networks agree with those of PyTorch within a thousandth.
struct NetworkGradientTests {
  private let tolerance = 1e-3

  @Test(arguments: ["resnet20", "mobilenetv2", "vit-block"], [false, true])
  func agreeWithPyTorch(_ name: String, isFused: Bool) throws {
    let wanted = try #require(ExpectedStep.all[name])
    let workload = try #require(workloads.first { $0.name == name })
    let graph = try workload.graph()
    let step = Step(isFused ? try FuseBatchNorm().rewrite(graph) : graph, batch: wanted.batch)
    #expect(abs(step.loss - wanted.loss) < 1e-4 * wanted.loss)
    #expect(Set(step.gradients.keys) == Set(wanted.gradients.keys))
    // The shift before a convolution whose batch norm takes it away again has the gradient 0, but for rounding: what
    // is far below the gradient of the whole network is measured against that.
    let least = 1e-5 * norm(wanted.gradients.values.map(\.norm))
    for (parameter, gradient) in wanted.gradients {
      let found = try #require(step.gradients[parameter])
      let whole = max(gradient.norm, least)
      #expect(abs(norm(found) - gradient.norm) < tolerance * whole, "\(parameter)")
      let part = max(norm(gradient.entries), whole * (16 / Double(max(found.count, 16))).squareRoot())
      #expect(norm(zip(entries(found), gradient.entries).map { $0 - $1 }) < tolerance * part, "\(parameter)")
      // A sum with random signs is as large as the norm.
      for (sum, expected) in zip(projections(found), gradient.projections) {
        #expect(abs(sum - expected) < 3 * tolerance * whole, "\(parameter)")
      }
    }
    #expect(Set(step.statistics.keys) == Set(wanted.statistics.keys))
    for (parameter, expected) in wanted.statistics {
      let found = try #require(step.statistics[parameter])
      for (sum, expected) in zip(projections(found), expected) {
        #expect(abs(sum - expected) < 1e-4 * norm(found), "\(parameter)")
      }
    }
  }
}
