import Compute
import Graphs
import TestSupport
import Tensors
import Testing

struct FoldConstantsTests {
  @Test func chainsBecomeOneConstant() throws {
    let graph = try constantNetwork()
    let folded = try FoldConstants().rewrite(graph)
    #expect(folded.operations == ["convolution", "clip", "add"])
    #expect(folded.names == ["x", "shaped", "conv", "unbounded", "c", "shifted"])
    let (a, b) = (graph.node("a")!.constant!.tensor.scalars, graph.node("b")!.constant!.tensor.scalars)
    var wanted: [Float] = []
    for row in 0..<4 { for column in 0..<3 { wanted.append(a[column * 4 + row] + b[row]) } }
    #expect(folded.node("shaped")?.constant?.tensor == Tensor([4, 3, 1, 1], scalars: wanted))
  }

  @Test func weightCodingsStay() throws {
    var build = GraphBuilder(seed: 11)
    let x = build.input([1, 3])
    let coding = try build.add("coding", Doubling(), build.constant("latent", [2, 3]))
    let graph = build.finished(try build.add("dense", Dense(), x, coding))
    #expect(try FoldConstants().rewrite(graph).description == graph.description)
  }

  @Test func inputsAreNotConstants() throws {
    let graph = try foldedNetwork()
    #expect(try FoldConstants().rewrite(graph).description == graph.description)
  }
}

/// The smallest weight coding.
private struct Doubling: WeightCoding {
  static let name = "doubling"
  func shape(of inputs: [Shape]) throws(ShapeError) -> Shape { inputs[0] }
  func forward(_ inputs: [Tensor], at moment: Moment) -> Evaluation { Evaluation(inputs[0].map { $0 * 2 }) }
  func backward(
    _ gradient: Tensor, from evaluation: Evaluation, inputs: [Tensor], needed: [Bool], at moment: Moment
  ) -> [Tensor?] { [gradient] }
  func code(_ inputs: [Tensor]) -> CodedTensor {
    CodedTensor(
      inputs[0].shape, .binary, symbols: inputs[0].scalars.map { $0 < 0 ? -1 : 1 },
      levels: Array(repeating: 2, count: inputs[0].shape[0]))
  }
  func settle(_ inputs: inout [Tensor], at moment: Moment) {}
  func begins(after moment: Moment) -> Bool { false }
  func penalty(_ inputs: [Tensor], at moment: Moment) -> [Tensor?] { [] }
}

struct RemoveIdentitiesTests {
  @Test func whatGivesBackItsInputIsGone() throws {
    let graph = try residualNetwork()
    let rest = try RemoveIdentities().rewrite(graph)
    let gone = ["same", "padded", "whole", "turned"]
    #expect(gone.allSatisfy { graph.names.contains($0) })
    #expect(rest.names == graph.names.filter { !gone.contains($0) })
    #expect(try RemoveIdentities().rewrite(constantNetwork()).node("unbounded") == nil)
  }

  @Test func whatChangesItsInputStays() throws {
    var build = GraphBuilder(seed: 12)
    let x = build.input([2, 2, 3, 3])
    let whole = [-1, -1, -1, -1]
    var steps = [1, 1, 1, 1]
    _ = try build.add("pad", Pad(before: [0, 0, 0, 0], after: [0, 0, 0, 1]), x)
    _ = try build.add("turn", Transpose(permutation: [1, 0, 2, 3]), x)
    _ = try build.add("half", Slice(starts: [0, 0, 0, 0], steps: steps, counts: [-1, 1, -1, -1]), x)
    steps[3] = -1
    _ = try build.add("mirror", Slice(starts: [0, 0, 0, 2], steps: steps, counts: [-1, -1, -1, 3]), x)
    steps[3] = 1
    // Two of a batch of two are all only as long as the batch is two.
    _ = try build.add("two", Slice(starts: [0, 0, 0, 0], steps: steps, counts: [2, -1, -1, -1]), x)
    _ = try build.add("clip", Clip(minimum: -.infinity, maximum: 6), x)
    _ = try build.add("whole", Slice(starts: [0, 0, 0, 0], steps: steps, counts: whole), x)
    var graph = build.graph
    graph.outputs = graph.nodes.dropFirst().map(\.id)
    let rest = try RemoveIdentities().rewrite(graph)
    #expect(rest.names == ["x", "pad", "turn", "half", "mirror", "two", "clip"])
    #expect(rest.outputs.map { rest[$0].name } == ["pad", "turn", "half", "mirror", "two", "clip", "x"])
  }
}

struct FuseBatchNormTests {
  @Test func additionsAndRectifiersAreTakenIn() throws {
    let plain = try FuseBatchNorm().rewrite(plainNetwork())
    #expect(plain.operations == ["convolution", "batch-norm", "max-pool", "flatten", "dense", "softmax"])
    #expect(plain.node("relu")?.operation as? BatchNorm == BatchNorm(relu: true) && plain.node("norm") == nil)
    let residual = try residualNetwork().applying([RemoveIdentities(), FuseBatchNorm()])
    let pair = ["convolution", "batch-norm"]
    #expect(residual.operations == pair + pair + pair + ["global-average-pool"])
    #expect(residual.node("relu1")?.operation as? BatchNorm == BatchNorm(addsSkip: true, relu: true))
    #expect(residual.node("relu2")?.operation as? BatchNorm == BatchNorm(addsSkip: true, relu: true))
    // The later of two batch norms takes the sum.
    #expect(residual.node("norm2")?.operation as? BatchNorm == BatchNorm() && residual.node("norm3") == nil)
  }

  @Test func whatOthersReadStays() throws {
    let shared = try FuseBatchNorm().rewrite(sharedNetwork())
    #expect(shared.node("norm")?.operation as? BatchNorm == BatchNorm())
    #expect(shared.node("relu")?.operation is Relu && shared.node("twice")?.operation is Add)
    #expect(shared.node("sum")?.operation as? BatchNorm == BatchNorm(addsSkip: true))
  }

  @Test func anOutputStays() throws {
    var graph = try plainNetwork()
    graph.outputs.append(graph.node("norm")!.id)
    let fused = try FuseBatchNorm().rewrite(graph)
    #expect(fused.node("norm")?.operation as? BatchNorm == BatchNorm() && fused.node("relu")?.operation is Relu)
  }

  @Test func anAdditionThatRepeatsOrIsConstantStays() throws {
    var build = GraphBuilder(seed: 13)
    let x = build.input([1, 3, 2, 2])
    let first = try build.add("first", Add(), try build.batchNorm("norm1", x), build.constant("row", [3, 1, 1]))
    let all = build.constant("all", [1, 3, 2, 2])
    let graph = build.finished(try build.add("second", Add(), try build.batchNorm("norm2", first), all))
    #expect(try FuseBatchNorm().rewrite(graph).description == graph.description)
  }

  @Test func aRectifierInBetweenKeepsTheAdditionOut() throws {
    var build = GraphBuilder(seed: 14)
    let x = build.input([1, 3, 2, 2])
    let relu = try build.add("relu", Relu(), try build.batchNorm("norm", x))
    let graph = build.finished(try build.add("end", Relu(), try build.add("sum", Add(), relu, x)))
    #expect(try FuseBatchNorm().rewrite(graph).operations == ["batch-norm", "add", "relu"])
  }
}

struct RestoreBatchNormTests {
  @Test func layersWithoutOneGetOne() throws {
    let graph = try foldedNetwork()
    let restored = try RestoreBatchNorm().rewrite(graph)
    let pair = ["convolution", "batch-norm", "relu"]
    #expect(restored.operations == pair + pair + ["flatten", "dense", "batch-norm", "relu", "dense", "batch-norm"])
    #expect(restored.node("conv1")?.inputs.count == 2 && restored.node("conv1.bias") == nil)
    func shift(_ name: String) -> Tensor? { restored.node("\(name).batch-norm.shift")?.constant?.tensor }
    #expect(shift("conv1") != nil && shift("conv1") == graph.node("conv1.bias")?.constant?.tensor)
    #expect(shift("dense2") == Tensor([3], repeating: 0))
    #expect(restored.outputs.map { restored[$0].name } == ["dense2.batch-norm", "relu3"])
  }

  @Test func onlyTheLayersNamed() throws {
    let restored = try RestoreBatchNorm(layers: ["conv2", "nobody"]).rewrite(foldedNetwork())
    #expect(restored.names.filter { $0.hasSuffix("batch-norm") } == ["conv2.batch-norm"])
    #expect(try RestoreBatchNorm(layers: []).rewrite(foldedNetwork()).description == foldedNetwork().description)
  }

  @Test func layersThatHaveOneStay() throws {
    let restored = try RestoreBatchNorm().rewrite(residualNetwork())
    #expect(restored.operations == (try residualNetwork()).operations)
  }

  @Test func thresholdsKeepTheirWholeNumbers() throws {
    let bits = try MakeThresholds().rewrite(bitNetwork())
    let restored = try RestoreBatchNorm().rewrite(bits)
    #expect(restored.names.filter { $0.hasSuffix(".batch-norm") } == ["dense.batch-norm"])
    #expect(restored.operations.filter { $0 == "threshold" }.count == 2)
  }

  @Test func aBatchNormThatNobodyNeedsDoesNotCount() throws {
    let restored = try RestoreBatchNorm().rewrite(sharedNetwork())
    #expect(restored.node("bare.batch-norm") != nil && restored.node("dead reader") == nil)
  }

  @Test func theLastAxisIsNotTheChannels() throws {
    let restored = try RestoreBatchNorm().rewrite(tokenNetwork())
    #expect(restored.operations == (try tokenNetwork()).operations)
  }
}

struct FoldBiasTests {
  @Test func whatIsAddedBecomesTheBias() throws {
    let folded = try FoldBias().rewrite(addedBiasNetwork())
    #expect(folded.operations == ["convolution", "convolution", "add", "relu", "flatten", "dense"])
    #expect(folded.node("conv1")?.inputs.count == 3 && folded.node("plus3")?.inputs.count == 3)
    #expect(folded.node("conv2")?.inputs.count == 2)
    #expect(folded.node("bias1.bias")?.shape == [4] && folded.node("bias3.bias")?.shape == [5])
  }
}

struct FoldBatchNormTests {
  @Test func levelsAndBiasTakeItIn() throws {
    var build = GraphBuilder(seed: 23)
    let x = build.input([2, 3, 5, 5])
    let weight = CodedTensor(
      [4, 3, 3, 3], .binary, symbols: (0..<108).map { $0 % 3 == 0 ? 1 : -1 }, levels: [0.5, 1.5, 0.25, 2])
    let coded = build.graph.addConstant("weight", .coded(weight))
    let sums = try build.add("conv", Convolution(padding: [1, 1, 1, 1]), x, coded)
    let end = try build.add("relu", Relu(), try build.batchNorm("norm", sums, scale: Tensor([4], repeating: -2)))
    let graph = build.finished(end)
    for before in [graph, try FuseBatchNorm().rewrite(graph)] {
      let folded = try FoldBatchNorm().rewrite(before)
      #expect(folded.operations == ["convolution", "relu"])
      guard case .constant(.coded(let kept)) = folded.node("weight.folded")?.content else {
        Issue.record("the weight is no longer coded")
        return
      }
      // The scale is negative: signs change sides, since levels are never negative.
      #expect(kept.symbols == weight.symbols.map { -$0 } && kept.levels.allSatisfy { $0 > 0 })
      #expect(folded.outputs(batch: 3)[0].largestDifference(to: graph.outputs(batch: 3)[0]) < 1e-5)
    }
  }

  /// Powers of two and one level for all are kept as they are before a rectifier, which needs a pass in any case.
  @Test(arguments: [[Float(0.5), 1, 0.25, 2], [0.3, 0.3, 0.3, 0.3]]) func shortLevelsStay(_ levels: [Float]) throws {
    var build = GraphBuilder(seed: 23)
    let x = build.input([2, 3, 5, 5])
    let weight = CodedTensor([4, 3, 1, 1], .ternary, symbols: (0..<12).map { $0 % 3 - 1 }, levels: levels)
    let sums = try build.add("conv", Convolution(), x, build.graph.addConstant("weight", .coded(weight)))
    let norm = try build.batchNorm("norm", sums, scale: Tensor([4], repeating: 2))
    let graph = build.finished(try build.add("relu", Relu(), norm))
    let fused = try FuseBatchNorm().rewrite(graph)
    #expect(try FoldBatchNorm().rewrite(fused).operations == fused.operations)
    // Without a rectifier in it the batch norm would be a pass of its own.
    #expect(try FoldBatchNorm().rewrite(graph).operations == ["convolution", "relu"])
  }

  @Test func skipsSignsAndSharedLayersStay() throws {
    let residual = try residualNetwork().applying([RemoveIdentities(), FuseBatchNorm()])
    let folded = try FoldBatchNorm().rewrite(residual)
    #expect(folded.operations.filter { $0 == "batch-norm" }.count == 2 && folded.node("norm2") == nil)
    #expect(try FoldBatchNorm().rewrite(bitNetwork()).operations == (try bitNetwork()).operations)
    let shared = try FoldBatchNorm().rewrite(sharedNetwork())
    // Its sum has two readers, and 'norm2' stands after an addition.
    #expect(shared.node("norm2")?.operation is BatchNorm)
  }

  @Test func aRestoredBatchNormGoesBackWhereItCameFrom() throws {
    let graph = try foldedNetwork()
    let folded = try graph.applying([RestoreBatchNorm(), FoldBatchNorm()])
    #expect(folded.operations == graph.operations)
  }
}

struct FuseStepsTests {
  @Test func stepsBecomeOneOperator() throws {
    let graph = try decomposedNetwork()
    let norms = try FuseLayerNorm().rewrite(graph)
    #expect(norms.operations.prefix(2) == ["layer-norm", "dense"])
    #expect((norms.node("norm")?.operation as? LayerNorm)?.epsilon == 1e-3)
    let fused = try FuseActivations().rewrite(norms)
    #expect(fused.operations == ["layer-norm", "dense"] + Array(repeating: "pointwise", count: 4))
    let functions = fused.nodes.compactMap { ($0.operation as? Pointwise)?.function }
    #expect(functions == [.gelu, .geluByTanh, .swish, .hardSwish])
  }

  @Test func whatIsNearlyTheSameStays() throws {
    var build = GraphBuilder(seed: 15)
    let x = build.input([1, 4])
    let other = try build.add("other", Pointwise(.sigmoid), try build.add("tanh", Pointwise(.tanh), x))
    let gated = try build.add("gated", Multiply(), x, other)
    let hard = try build.add("hard", Pointwise(.hardSigmoid(slope: 0.2, offset: 0.5)), gated)
    let graph = build.finished(try build.add("end", Multiply(), gated, hard))
    #expect(try FuseActivations().rewrite(graph).description == graph.description)
  }

  @Test func ceilingsAreTakenInAndOutAgain() throws {
    let fused = try FuseBatchNorm().rewrite(mobileNetwork())
    #expect(fused.operations == ["convolution", "batch-norm", "convolution", "batch-norm"])
    #expect(fused.node("relu6")?.operation as? BatchNorm == BatchNorm(relu: true, ceiling: 0.8))
    #expect(fused.node("end")?.operation as? BatchNorm == BatchNorm(addsSkip: true, relu: true, ceiling: 1))
    let split = try SplitCeilings().rewrite(fused)
    #expect(split.operations == ["convolution", "batch-norm", "clip", "convolution", "batch-norm", "clip"])
  }
}
