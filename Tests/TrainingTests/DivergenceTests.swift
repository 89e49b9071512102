import Datasets
import Graphs
import Methods
import Tensors
import TestSupport
import Testing
import Training

/// Where training breaks is named.
struct DivergenceTests {
  private func origin(_ graph: Graph, teacher: Graph? = nil, rate: Float = 0.02, data: any Dataset = Quarters())
    -> Divergence.Origin?
  {
    var settings = FineTuning.Settings()
    (settings.epochs, settings.batch, settings.learningRate) = (1, 64, rate)
    let tuning = FineTuning(
      student: graph, teacher: teacher, training: data, validation: data.first(0), normalization: nil,
      settings: settings)
    do { _ = try tuning.run { _ in } } catch { return (error as? Divergence)?.origin }
    return nil
  }

  /// Dense layers with one weight everywhere.
  private func chain(_ weights: [Float]) throws -> Graph {
    var graph = Graph(source: "chain")
    var x = try graph.add("flat", Flatten(), [graph.addInput("x", [1, 3, 8, 8])])
    for (index, weight) in weights.enumerated() {
      let count = index == 0 ? 192 : 4
      let matrix = graph.addConstant("w\(index)", Tensor([4, count], repeating: weight))
      x = try graph.add("layer\(index)", Dense(), [x, matrix])
    }
    graph.outputs = [x]
    return graph
  }

  @Test func aNetworkThatIsFineDoesNotDiverge() throws { #expect(try origin(chain([0.01, 0.01])) == nil) }

  @Test func aWeight() throws {
    #expect(try origin(chain([0.01, .infinity])) == .parameter("w1", layer: "layer1"))
    let coded = try AttachMethod(ScaledSign(), layers: ["layer1"]).rewrite(chain([0.01, .nan]))
    #expect(origin(coded) == .parameter("w1", layer: "layer1"))
  }

  @Test func theFirstOfSeveralValues() throws {
    #expect(try origin(chain([1, 1e30, 1e30, 1])) == .value("layer2", operation: Dense.name))
  }

  /// Forward the tiny weight comes first and all stays finite; backward it comes last.
  @Test func aGradient() throws {
    let graph = try chain([1e-38, 1e19, 1e19, 1e18])
    let last = try #require(graph.nodes.first { $0.name == "w3" }).id
    let one = graph.replacingConstants([last: Tensor([4, 4]) { for i in 0..<16 { $0[i] = i < 4 ? 1e18 : 0 } }])
    #expect(origin(one) == .gradient("layer1", operation: Dense.name))
  }

  @Test func theTeacher() throws {
    #expect(try origin(chain([0.01]), teacher: chain([.infinity])) == .teacher)
  }

  @Test func theImages() throws {
    let images = Tensor([64, 3, 8, 8], repeating: .nan).scalars
    let data = ImageArray(
      name: "nothing", imageShape: [3, 8, 8], pixels: .floats(images), labels: Array(repeating: 1, count: 64))
    #expect(try origin(chain([0.01]), data: data) == .images)
  }

  @Test func whatAStepBreaksIsNamedInTheNext() throws {
    let found = origin(try SmallTraining.network(), rate: .infinity)
    guard case .parameter? = found else { Issue.record("\(String(describing: found))"); return }
  }

  /// A state that broke in the last step of an epoch is not saved over a good one.
  @Test func aBrokenStateIsNotHandedOut() throws {
    let tuning = try SmallTraining.tuning {
      ($0.batch, $0.learningRate) = (224, .infinity)
    }
    let error = #expect(throws: Divergence.self) {
      try tuning.run(watch: Watch(pause: { _, state in _ = try state() }))
    }
    #expect(error?.epoch == 1 && error?.step == 1)
    guard case .state(let name)? = error?.origin else { Issue.record("\(String(describing: error))"); return }
    #expect(name.hasPrefix("value/") || name.hasPrefix("moment"))
  }

  @Test func saysWhereAndWhatToDo() {
    #expect(
      Divergence(epoch: 2, step: 7, origin: .value("conv3", operation: "convolution")).description
        == "training diverged at step 7 of epoch 2: it began in 'conv3' (convolution), whose value is no longer "
        + "finite; lower the learning rate or use a larger batch")
  }
}

/// Layers that say nothing any more are found and named once.
struct CollapseTests {
  private func collapses(
    _ method: any Method, weight: (Int) -> Float, epochs: Int = 2, _ passes: [any Pass] = []
  ) throws -> (told: [Collapse], outcome: FineTuning.Outcome) {
    var graph = try SmallTraining.network()
    let layer = try #require(graph.nodes.first { $0.name == "middle" })
    graph = graph.replacingConstants([
      layer.inputs[1]: Tensor([8, 8, 3, 3]) { for i in $0.indices { $0[i] = weight(i) } }
    ])
    let tuning = try SmallTraining.tuning(method, of: graph.applying(passes)) {
      ($0.epochs, $0.learningRate) = (epochs, 0)
    }
    var told: [Collapse] = []
    let outcome = try tuning.run(watch: Watch(warn: { told.append($0) }))
    return (told, outcome)
  }

  @Test func livingLayersAreNotNamed() throws {
    let found = try collapses(ScaledSign(), weight: { Float($0 % 7) - 3 })
    #expect(found.told.isEmpty && found.outcome.collapses.isEmpty)
    let symbols = try #require(found.outcome.history[1].layers.first)
    #expect(symbols.layer == "middle" && symbols.subject == .weights && symbols.channels == 8)
    #expect(symbols.counts.values.reduce(0, +) == 576 && symbols.constantChannels == 0)
  }

  @Test func oneSymbol() throws {
    let found = try collapses(ScaledSign(), weight: { _ in 0.3 })
    #expect(found.told.map(\.kind) == [.oneSymbol] && found.told[0].epoch == 1)
    #expect(found.told == found.outcome.collapses)
    #expect(found.told[0].description == "layer 'middle': after epoch 1 every one of its weights is +1")
  }

  @Test func channels() throws {
    let found = try collapses(ScaledSign(), weight: { $0 < 5 * 72 ? 0.3 : Float($0 % 7) - 3 }, epochs: 1)
    #expect(found.told.map(\.kind) == [.channels] && found.told[0].symbols.constantChannels == 5)
    #expect(
      found.told[0].description
        == "layer 'middle': after epoch 1 5 of 8 channels of its weights are one number everywhere")
    #expect(try collapses(ScaledSign(), weight: { $0 < 4 * 72 ? 0.3 : Float($0 % 7) - 3 }, epochs: 1).told.isEmpty)
  }

  @Test func zeros() throws {
    let found = try collapses(ScaledSign(), weight: { _ in 0 }, epochs: 1)
    #expect(found.told.map(\.kind) == [.zeros])
  }

  /// 2 weights that are not 0 among 576 are less than a hundredth; 6 are more.
  @Test func nearlyZeros() throws {
    let found = try collapses(TernaryWeights(), weight: { $0 % 288 == 0 ? 3 : 0 }, epochs: 1)
    #expect(found.told.map(\.kind) == [.nearlyZeros])
    #expect(found.told[0].description == "layer 'middle': after epoch 1 more than 99 % of its weights are 0")
    #expect(found.told[0].symbols.zeroShare == Float(574) / 576)
    let more = try collapses(TernaryWeights(), weight: { $0 % 96 == 0 ? 3 : 0 }, epochs: 1)
    #expect(!more.told.map(\.kind).contains(.nearlyZeros))
  }

  /// After a rectifier nothing is negative.
  @Test func aSignThatSaysOneThing() throws {
    var graph = try SmallTraining.network()
    graph = try graph.rewriting { (node, inputs, new) throws(ShapeError) in
      guard node.name == "flat" else { return nil }
      let sign = try new.add("sign", SignActivation(), [inputs[0]])
      return try new.add("flat", Flatten(), [sign])
    }
    let tuning = try SmallTraining.tuning(of: graph) { $0.epochs = 1 }
    var told: [Collapse] = []
    _ = try tuning.run(watch: Watch(warn: { told.append($0) }))
    #expect(told.map(\.kind) == [.oneSymbol] && told[0].symbols.subject == .activations)
    #expect(told[0].description == "layer 'sign': after epoch 1 every one of its bits is +1")
  }
}
