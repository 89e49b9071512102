import Foundation
import Graphs
import Methods
import Tensors
import TestSupport
import Testing

/// What holds for every activation method. A new one is held to these the moment it is on the list.
struct ActivationLaws {
  private let x = Tensor.random([4, 3, 8, 8], seed: 2)
  private let layers: Set<String> = ["block.a", "block.b"]

  private func method(_ name: String) throws -> any ActivationMethod { try #require(try makeActivation(named: name)) }

  private func student(_ name: String, start: Float = 0) throws -> Graph {
    try AttachActivation(method(name), layers: layers, start: start).rewrite(Networks.residual())
      .measured(on: ["x": x])
  }

  @Test(arguments: activationMethods.map { $0.name }) func layersReadFewBits(_ name: String) throws {
    let graph = try student(name)
    let values = graph.run(["x": x], keeping: .everything)
    for layer in layers {
      let node = try #require(graph.nodes.first { $0.name == layer })
      let read = Set(values[node.inputs[0]].scalars)
      #expect((2...1 << (try method(name)).bits).contains(read.count), "\(read.count) different numbers")
    }
    #expect(graph(x) == graph(x) && graph(x).isFinite)
    #expect(graph(x) != (try Networks.residual())(x))
  }

  @Test(arguments: activationMethods.map { $0.name }) func floatLayersStay(_ name: String) throws {
    let graph = try AttachActivation(method(name), layers: []).rewrite(Networks.residual())
    #expect(graph(x) == (try Networks.residual())(x))
  }

  /// Before its start a method is its rectifiers alone.
  @Test(arguments: activationMethods.map { $0.name }) func bitsBeginWithTheirStart(_ name: String) throws {
    let (late, always) = (try student(name, start: 0.5), try student(name))
    let output = late.outputs[0]
    func value(_ graph: Graph, _ progress: Float) -> Tensor {
      graph.run(["x": x], at: Moment(phase: .inference, progress: progress))[output]
    }
    #expect(value(late, 0.5) == value(always, 0) && value(late, 1) == always(x))
    #expect(value(late, 0.2) != value(late, 0.5))
    if try method(name).replaces == .none { #expect(value(late, 0.2) == (try Networks.residual())(x)) }
  }

  /// Every constant that the method adds gets a gradient, and so does what stands before.
  @Test(arguments: activationMethods.map { $0.name }) func gradientsReachEverything(_ name: String) throws {
    let graph = try student(name)
    let known = Set(try Networks.residual().nodes.map(\.name))
    let added = graph.nodes.filter { $0.constant != nil && !known.contains($0.name) }.map(\.id)
    let stem = try #require(graph.nodes.first { $0.name == "stem.weight" }).id
    let moment = Moment(phase: .training, progress: 0.3)
    let trace = graph.run(["x": x], at: moment, keeping: .forGradients(and: graph.outputs))
    let gradients = graph.gradients(
      of: graph.outputs[0], seed: .random([4, 4], seed: 5), for: added + [stem], along: trace, at: moment)
    for id in added + [stem] {
      let gradient = try #require(gradients[id], "\(graph[id].name)")
      #expect(gradient.isFinite && gradient.largestMagnitude > 0, "\(graph[id].name)")
    }
    // Whatever was added is trained.
    let trained = graph.nodes.flatMap { node in
      (node.operation?.parameterInputs ?? []).compactMap { $0 < node.inputs.count ? node.inputs[$0] : nil }
    }
    #expect(Set(added).isSubset(of: Set(trained)))
  }

  @Test(arguments: activationMethods.map { $0.name }) func optionsRoundTrip(_ name: String) throws {
    func check<M: ActivationMethod>(_ type: M.Type) throws {
      let method = type.init()
      #expect(try JSONDecoder().decode(M.self, from: JSONEncoder().encode(method)) == method)
      #expect(method.problem == nil && (1...8).contains(method.bits))
      #expect(try makeActivation(named: name, options: defaultOptions(of: type)) as? M == method)
      #expect(!M.summary.isEmpty && !M.summary.hasSuffix(".") && !M.paper.isEmpty)
    }
    let type: any ActivationMethod.Type = try #require(activationMethods.first { $0.name == name })
    try check(type)
  }

  @Test func namesAreUniqueAndSorted() {
    #expect(activationMethods.map { $0.name } == Set(activationMethods.map { $0.name }).sorted())
    #expect(!activationMethods.contains { $0.name == "float" })
  }
}

struct ActivationTests {
  private let x = Tensor.random([4, 3, 8, 8], seed: 2)

  private func attached(_ method: any ActivationMethod, to layers: Set<String>) throws -> Graph {
    try AttachActivation(method, layers: layers).rewrite(Networks.residual())
  }

  private func operation(_ name: String, in graph: Graph) throws -> any Operator {
    try #require(graph.nodes.first { $0.name == name }?.operation)
  }

  @Test func signHasThreeEstimators() throws {
    for (word, wanted) in [
      ("straight-through", SignEstimator.straightThrough), ("approximate", .approximate),
      ("error-decay", .errorDecay(from: 0.5, to: 20)),
    ] {
      let options = ["estimator": word, "sharpness-at-start": "0.5", "sharpness-at-end": "20"]
      let method = try #require(try makeActivation(named: "sign", options: options))
      let graph = try attached(method, to: ["block.b"])
      #expect(try operation("block.b.sign", in: graph) as? SignActivation == SignActivation(estimator: wanted))
      #expect(try operation("block.a.relu", in: graph) is Clip)
    }
  }

  @Test func rectifiersSayWhetherThereIsASign() throws {
    let graph = try attached(ActivationLearnedStep(), to: ["stem", "block.a"])
    #expect(try (operation("block.a.quantize", in: graph) as? Quantize)?.isSigned == false)
    #expect(try (operation("stem.quantize", in: graph) as? Quantize)?.isSigned == true)
    #expect(try operation("stem.relu", in: graph) is Relu)
  }

  @Test func reactSignBeginsAsASignAndALeak() throws {
    let graph = try attached(ActivationReactSign(), to: ["block.a", "block.b"])
    // Before, between, and after the addition that follows.
    for name in ["stem.relu", "block.a.relu", "block.relu"] {
      #expect(try operation(name, in: graph) is LearnedShift)
      #expect(try operation("\(name).leak", in: graph) is LearnedLeak)
    }
    let values = graph.run(["x": x], keeping: .everything)
    func value(_ name: String) throws -> Tensor { values[try #require(graph.nodes.first { $0.name == name }).id] }
    #expect(try value("block.a.relu") == value("block.a.norm").map { $0 > 0 ? $0 : 0.25 * $0 })
    #expect(try value("block.b.sign") == value("block.a.relu").map { $0 >= 0 ? 1 : -1 })
  }

  /// A step that training moved to where the network answers better is worth its gradient.
  @Test func aStepLearns() throws {
    var graph = Graph()
    let input = graph.addInput("x", [1, 64])
    let step = graph.addConstant("step", Tensor([1], repeating: 1))
    graph.outputs = [try graph.add("few", Quantize(bits: 3, isSigned: true), [input, step])]
    let images = Tensor.random([32, 64], seed: 7)
    func error(_ value: Tensor) -> Double {
      graph.run(["x": images], constants: [step: value])[graph.outputs[0]].zip(images, -).squareSum
    }
    var value = Tensor([1], repeating: 1)
    let before = error(value)
    for _ in 0..<200 {
      let moment = Moment(phase: .training, progress: 1)
      let trace = graph.run(["x": images], at: moment, keeping: .everything, constants: [step: value])
      let gap = trace[graph.outputs[0]].zip(images, -)
      let gradient = graph.gradients(of: graph.outputs[0], seed: gap, for: [step], along: trace, at: moment)[step]!
      value = value.zip(gradient) { $0 - 0.003 * $1 }
    }
    #expect(error(value) < 0.1 * before && value.scalars[0] > 0.2 && value.scalars[0] < 0.35)
  }
}
