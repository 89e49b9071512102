import Graphs
import TestSupport
import Tensors
import Testing

private let training = Moment(phase: .training, progress: 0)

struct ExecutionTests {
  @Test func runKeepsWhatItShould() throws {
    let graph = try plainNetwork()
    let x = Tensor.random([2, 2, 6, 6], seed: 1)
    let everything = graph.run(["x": x], keeping: .everything)
    let middle = try #require(graph.node("relu")).id
    let kept = graph.run(["x": x], keeping: .only([middle]))
    #expect(kept[middle] == everything[middle] && kept[graph.outputs[0]] == everything[graph.outputs[0]])
    #expect(graph(x) == everything[graph.outputs[0]])
    for node in graph.nodes {
      #expect(everything[node.id].shape.dimensions.dropFirst() == node.shape.dimensions.dropFirst())
    }
    #expect(everything[graph.inputs[0].id] == x)
  }

  @Test func outputsInTheMiddleAreKept() throws {
    let graph = try sharedNetwork()
    let x = Tensor.random([2, 3, 4, 4], seed: 2)
    let trace = graph.run(["x": x, "unused": Tensor([2, 2], repeating: 0)])
    #expect(trace[graph.outputs[2]] == x)
    #expect(trace[graph.outputs[1]].shape == [2, 3, 4, 4] && trace[graph.outputs[0]].shape == [2, 2, 4, 4])
  }

  @Test func constantsCanBeOverridden() throws {
    let graph = try foldedNetwork()
    let x = Tensor.random([3, 2, 5, 5], seed: 3)
    let weight = try #require(graph.node("dense2.weight"))
    let zero = graph.run(["x": x], constants: [weight.id: Tensor(weight.shape, repeating: 0)])
    #expect(zero[graph.outputs[0]] == Tensor([3, 3], repeating: 0))
    let other = Tensor.random(weight.shape, seed: 4)
    let overridden = graph.run(["x": x], constants: [weight.id: other])[graph.outputs[0]]
    #expect(overridden == graph.replacingConstants([weight.id: other])(x) && overridden != graph(x))
  }

  @Test func codedConstantsCountAsDecoded() throws {
    let coded = CodedTensor([2, 3], .binary, symbols: [1, -1, 1, -1, -1, 1], levels: [0.5, 2])
    func result(_ weight: Graph.Constant) throws -> Tensor {
      var graph = Graph()
      let x = graph.addInput("x", [1, 3])
      graph.outputs = [try graph.add("dense", Dense(), [x, graph.addConstant("w", weight)])]
      return graph(Tensor([2, 3], scalars: [1, 2, 3, -1, 0, 4]))
    }
    #expect(try result(.coded(coded)) == result(.dense(coded.decoded())))
    #expect(try result(.coded(coded)).scalars == [1, 0, 1.5, 10])
  }

  /// A loss of the output and of a value inside: the gradients of both arrive together.
  @Test func gradientsOfSeveralNodesAddUp() throws {
    let graph = try plainNetwork()
    let x = Tensor.random([2, 2, 6, 6], seed: 1)
    let (inner, output) = (try #require(graph.node("relu")).id, graph.outputs[0])
    let trace = graph.run(["x": x], at: training, keeping: .everything)
    let seeds = [
      inner: Tensor.random(trace[inner].shape, seed: 2), output: Tensor.random(trace[output].shape, seed: 3),
    ]
    let sources = graph.nodes.filter { $0.constant != nil }.map(\.id)
    let both = graph.gradients(seeds: seeds, for: sources, along: trace, at: training)
    let each = seeds.map { node, seed in
      graph.gradients(of: node, seed: seed, for: sources, along: trace, at: training)
    }
    for source in sources {
      let parts = each.compactMap { $0[source] }
      #expect((both[source] == nil) == parts.isEmpty)
      guard let sum = parts.first.map({ parts.dropFirst().reduce($0) { $0.zip($1, +) } }) else { continue }
      #expect(both[source]!.largestDifference(to: sum) < 1e-4 * max(1, sum.largestMagnitude))
    }
    let weight = try #require(graph.nodes.first { $0.operation is Convolution }).inputs[1]
    let slopes = finiteDifferences(of: graph[weight].constant!.tensor) { changed in
      let trace = graph.run(["x": x], at: training, keeping: .everything, constants: [weight: changed])
      return seeds.reduce(0) { $0 + product(trace[$1.key], $1.value) }
    }
    #expect(both[weight]!.largestDifference(to: slopes) < 0.05 * max(1, slopes.largestMagnitude))
  }

  @Test func runningStatisticsFollowTheBatch() throws {
    var build = GraphBuilder(seed: 7)
    let x = build.input([1, 2, 1, 2])
    let norm = try build.batchNorm("norm", x)
    let graph = build.finished(norm)
    let values = Tensor([2, 2, 1, 2], scalars: [1, 2, 10, 20, 3, 6, 30, 40])
    let before = ["norm.mean", "norm.variance"].map { name in graph.node(name)!.constant!.tensor.scalars }
    #expect(graph.run(["x": values]).updates.isEmpty)
    let updates = graph.run(["x": values], at: training).updates
    #expect(Set(updates.keys) == Set(["norm.mean", "norm.variance"].map { graph.node($0)!.id }))
    // torch.nn.BatchNorm2d with its momentum of 0.1: the variance over n − 1.
    let mean = try #require(updates[graph.node("norm.mean")!.id]).scalars
    let variance = try #require(updates[graph.node("norm.variance")!.id]).scalars
    let (means, unbiased): ([Float], [Float]) = ([3, 25], [14.0 / 3, 500.0 / 3])
    for channel in 0..<2 {
      #expect(abs(mean[channel] - (0.9 * before[0][channel] + 0.1 * means[channel])) < 1e-5)
      #expect(abs(variance[channel] - (0.9 * before[1][channel] + 0.1 * unbiased[channel])) < 1e-4)
    }
  }

  @Test func oneSampleHasNoUnbiasedVariance() {
    let ones = Tensor([2], repeating: 1)
    let evaluation = BatchNorm().forward([Tensor([1, 2], scalars: [3, 4]), ones, ones, ones, ones], at: training)
    #expect(evaluation.updates[4]?.scalars == [0.9, 0.9] && evaluation.output.scalars == [1, 1])
  }
}

struct GradientTests {
  /// A residual graph without kinks.
  private func residual() throws -> Graph {
    var build = GraphBuilder(seed: 8)
    let x = build.input([1, 3, 4, 4])
    let main = try build.batchNorm("norm1", try build.convolution("conv1", x, 3))
    let sum = try build.add("sum", Add(), main, x)
    let second = try build.batchNorm("norm2", try build.convolution("conv2", sum, 3))
    let again = try build.add("again", Add(), second, sum)
    let pooled = try build.add("pool", AveragePool(size: [2, 2], strides: [2, 2]), again)
    let dense = try build.dense("dense", try build.add("flat", Flatten(), pooled), 3)
    return build.finished(try build.add("softmax", Softmax(axis: 1), dense))
  }

  @Test(arguments: [Moment.Phase.inference, .training])
  func agreeWithFiniteDifferences(_ phase: Moment.Phase) throws {
    let (graph, moment) = (try residual(), Moment(phase: phase, progress: 0))
    let x = Tensor.random([3, 3, 4, 4], seed: 1)
    let seed = Tensor.random([3, 3], seed: 2)
    let input = graph.inputs[0].id
    let names = [
      "conv1.weight", "norm1.scale", "norm1.shift", "conv2.weight", "norm2.scale", "dense.weight", "dense.bias",
    ]
    let sources = [input] + names.map { graph.node($0)!.id }
    let trace = graph.run(["x": x], at: moment, keeping: .everything)
    let gradients = graph.gradients(of: graph.outputs[0], seed: seed, for: sources, along: trace, at: moment)
    #expect(Set(gradients.keys) == Set(sources))
    for source in sources {
      let wanted = finiteDifferences(of: source == input ? x : graph[source].constant!.tensor, step: 4e-3) { changed in
        let constants = source == input ? [:] : [source: changed]
        let run = graph.run(["x": source == input ? changed : x], at: moment, constants: constants)
        return product(seed, run[graph.outputs[0]])
      }
      let result = try #require(gradients[source])
      #expect(result.largestDifference(to: wanted) <= 5e-3 * max(wanted.largestMagnitude, 0.1), "\(graph[source].name)")
    }
  }

  @Test func stopAtWhatTheOutputDoesNotDependOn() throws {
    var build = GraphBuilder(seed: 9)
    let x = build.input([1, 4])
    let hidden = try build.dense("hidden", x, 3)
    let end = try build.dense("end", hidden, 2)
    let other = try build.dense("other", hidden, 2)
    let graph = build.finished(end, other)
    let values = ["x": Tensor.random([2, 4], seed: 1)]
    func gradients(_ sources: [String]) -> [String: Tensor] {
      let trace = graph.run(values, keeping: .everything)
      let seed = Tensor([2, 2], repeating: 1)
      let ids = sources.map { graph.node($0)!.id }
      let found = graph.gradients(of: end, seed: seed, for: ids, along: trace, at: .inference)
      return Dictionary(uniqueKeysWithValues: found.map { (graph[$0.key].name, $0.value) })
    }
    #expect(gradients(["other.weight", "other.bias"]).isEmpty)
    #expect(gradients(["end.bias"]) == ["end.bias": Tensor([2], repeating: 2)])
    // A value in the middle is a source like any other, and does not stop what lies before it.
    let all = gradients(["hidden", "x", "hidden.weight", "end"])
    #expect(Set(all.keys) == ["hidden", "x", "hidden.weight", "end"])
    #expect(all["end"] == Tensor([2, 2], repeating: 1) && all["x"] == gradients(["x"])["x"])
  }

  @Test func addUpWhereAValueIsReadTwice() throws {
    var build = GraphBuilder(seed: 10)
    let x = build.input([1, 2])
    let sum = try build.add("sum", Add(), x, x)
    let graph = build.finished(try build.add("more", Add(), sum, x))
    let trace = graph.run(["x": Tensor([1, 2], scalars: [1, 2])], keeping: .everything)
    let gradients = graph.gradients(
      of: graph.outputs[0], seed: Tensor([1, 2], scalars: [1, 10]), for: [x], along: trace, at: .inference)
    #expect(gradients[x]?.scalars == [3, 30])
  }
}
