import Exporters
import Graphs
import Methods
import Packed
import Tensors
import TestSupport
import Testing

struct LoweringTests {
  private let provenance = PackedModel.Provenance(
    source: "x.onnx", sourceHash: "00", recipe: "{}", seed: 1, tool: "test")

  private func packed(_ graph: Graph) throws -> PackedModel {
    let model = try Lowering(graph).model(normalization: nil, provenance: provenance)
    // Through the bytes, as everything that is shipped goes.
    return try PackedFile.decode(PackedFile.encode(model))
  }

  /// The bytes of a graph compute what the graph computes, and so does the graph that is made of them again.
  private func check(_ graph: Graph, tolerance: Float = 1e-5) throws {
    let model = try packed(graph)
    let input = Tensor.random(graph.inputs[0].shape.withBatch(3), seed: 11)
    let expected = graph(input)
    let found = try PackedRunner(model).run(input)
    #expect(found.shape == expected.shape)
    #expect(found.largestDifference(to: expected) <= tolerance * max(1, expected.largestMagnitude))
    let raised = try Raising(model, source: "again").raised()
    #expect(raised(input).largestDifference(to: expected) <= tolerance * max(1, expected.largestMagnitude))
    #expect(try packed(raised).layers == model.layers)
  }

  @Test func floatNetwork() throws {
    try check(Networks.residual())
    try check(FuseBatchNorm().rewrite(Networks.residual()))
  }

  @Test(arguments: methods.map { $0.name }) func codedNetwork(_ name: String) throws {
    let coded = try AttachMethod(makeMethod(named: name), layers: ["block.a", "block.b"]).rewrite(Networks.residual())
    try check(coded.applying([FuseBatchNorm(), Freeze()]))
  }

  /// Every operator that the packed format has, in one network.
  @Test func everyLayerKind() throws {
    var builder = Networks.Builder(seed: 5)
    let x = builder.graph.addInput("x", [1, 3, 9, 9])
    func add(_ name: String, _ operation: some Operator, _ inputs: Graph.Node.ID...) throws -> Graph.Node.ID {
      try builder.graph.add(name, operation, inputs)
    }
    var y = try builder.convolution("conv", x, from: 3, to: 6, stride: 2)
    y = try add("clip", Clip(minimum: 0, maximum: 6), y)
    let large = try add("max", MaxPool(size: [2, 2], strides: [2, 2], roundsUp: true), y)
    let mean = try add(
      "mean", AveragePool(size: [3, 3], strides: [2, 2], padding: [1, 1, 1, 1], countsPadding: true), y)
    y = try add("concat", Concat(axis: 1), large, mean)
    y = try add("pad", Pad(before: [0, 0, 1, 0], after: [0, 2, 0, 1], value: 0.5), y)
    y = try add("slice", Graphs.Slice(starts: [0, 12, 0, 3], steps: [1, -2, 1, -1], counts: [-1, 6, 3, 3]), y)
    y = try add("shift", Add(), y, builder.random("shift.values", [6, 1, 1]))
    y = try add("transpose", Transpose(permutation: [0, 2, 3, 1]), y)
    y = try add("reshape", Reshape(dimensions: [0, -1]), y)
    y = try builder.dense("dense", y, from: 54, to: 5)
    builder.graph.outputs = [try add("softmax", Softmax(axis: 1), y)]
    try check(builder.graph)
  }

  /// A network of tokens, as a vision transformer has them: dense layers over the last axis may be coded.
  private func tokens() throws -> Graph {
    var builder = Networks.Builder(seed: 6)
    let x = builder.graph.addInput("x", [1, 4, 6])
    let first = try builder.dense("first", x, from: 6, to: 6)
    let relu = try builder.graph.add("relu", Relu(), [first])
    let second = try builder.dense("second", relu, from: 6, to: 5)
    builder.graph.outputs = [second]
    return builder.graph
  }

  @Test(arguments: methods.map { $0.name }) func codedTokens(_ name: String) throws {
    let coded = try AttachMethod(makeMethod(named: name), layers: ["first", "second"]).rewrite(tokens())
    try check(coded.applying([Freeze()]))
  }

  @Test func everythingThatIsMissingIsSaidAtOnce() throws {
    var graph = try tokens()
    let weight = graph.addConstant("scale", Tensor([5], repeating: 1))
    var y = graph.outputs[0]
    let token = graph.addConstant("token", Tensor([1, 1, 5], repeating: 1))
    y = try graph.add("joined", Concat(axis: 1), [token, y])
    for index in 1...7 { y = try graph.add("norm\(index)", LayerNorm(), [y, weight, weight]) }
    y = try graph.add("gelu", Pointwise(.gelu), [y])
    graph.outputs = [y]
    let result = Result { () throws(ExportError) in
      try Lowering(graph).model(normalization: nil, provenance: provenance)
    }
    guard case .failure(let error) = result else { Issue.record("it was lowered"); return }
    #expect(
      error.problems == [
        "node 'joined' (concat): it joins a constant, which is not in the packed format",
        "7 nodes (layer-norm): the packed format has no such layer: 'norm1', 'norm2', 'norm3', 'norm4', 'norm5' and 2 more",
        "node 'gelu' (pointwise): the packed format has no such layer",
      ])
  }

  @Test func ceilingsAreSplitOff() throws {
    var builder = Networks.Builder(seed: 7)
    let x = builder.graph.addInput("x", [1, 3, 5, 5])
    let norm = try builder.norm("norm", try builder.convolution("conv", x, from: 3, to: 4), channels: 4)
    builder.graph.outputs = [try builder.graph.add("relu6", Clip(minimum: 0, maximum: 0.5), [norm])]
    let fused = try FuseBatchNorm().rewrite(builder.graph)
    #expect(throws: ExportError.self) { try self.packed(fused) }
    try check(SplitCeilings().rewrite(fused))
  }

  /// Bits into bits: convolution, threshold, pooling of bits, dense. Whole numbers must be equal.
  @Test func networkOfBits() throws {
    var builder = Networks.Builder(seed: 8)
    let x = builder.graph.addInput("x", [1, 3, 8, 8])
    let stem = try builder.normalized("stem", x, from: 3, to: 70, relu: false)
    let bits = try builder.graph.add("bits", SignActivation(), [stem])
    let a = try builder.normalized("a", bits, from: 70, to: 33, relu: false)
    let turned = try builder.graph.add("a.sign", SignActivation(), [a])
    let pooled = try builder.graph.add("pool", MaxPool(size: [2, 2], strides: [2, 2]), [turned])
    let b = try builder.convolution("b", pooled, from: 33, to: 16)
    let flat = try builder.graph.add("flat", Flatten(), [b])
    builder.graph.outputs = [try builder.dense("head", flat, from: 16 * 16, to: 4)]
    let coded = try AttachMethod(ScaledSign(), layers: ["a", "b"]).rewrite(builder.graph)
    let frozen = try coded.applying([Freeze(), MakeThresholds()])
    let model = try packed(frozen)
    #expect(model.layers.contains { if case .threshold = $0.kind { true } else { false } })
    try check(frozen)
    let input = Tensor.random([4, 3, 8, 8], seed: 2)
    let counts = try #require(frozen.nodes.first { $0.name == "a" })
    let expected = frozen.run(["x": input], keeping: .everything)
    var found: [String: Tensor] = [:]
    _ = try PackedRunner(model).run(input) { found[model.layers[$0].name] = $1 }
    // The stem's floats may differ in the last place; its bits and everything counted from them may not.
    #expect(found["bits"] == expected[frozen.nodes.first { $0.name == "bits" }!.id])
    #expect(found["a"] == expected[counts.id])
    #expect(found["a"]!.scalars.allSatisfy { $0 == $0.rounded() })
  }

  @Test func everyProblemIsReported() throws {
    var builder = Networks.Builder(seed: 1)
    let x = builder.graph.addInput("x", [1, 3, 4, 4])
    let sign = try builder.graph.add("sign", Sign(), [x])
    let pooled = try builder.graph.add("pool", MaxPool(size: [2, 2], dilations: [2, 2]), [sign])
    let mask = builder.random("mask", [3, 2, 2])
    let sum = try builder.graph.add("sum", Add(), [pooled, mask])
    builder.graph.outputs = [try builder.graph.add("turn", Transpose(permutation: [1, 0, 2, 3]), [sum])]
    let error = #expect(throws: ExportError.self) {
      try Lowering(builder.graph).model(normalization: nil, provenance: provenance)
    }
    #expect(
      error?.description == """
        network: node 'sign' (sign): the packed format has no such layer
        network: node 'pool' (max-pool): a pooling window with gaps is not in the packed format
        network: node 'sum' (add): it adds a constant [3, 2, 2] that differs within a channel
        network: node 'turn' (transpose): the packed format computes each image on its own, but this mixes the batch
        """)
  }

  @Test func namesOfTheList() {
    #expect(Set(exporters.map { $0.name }).count == exporters.count)
    #expect(exporters.allSatisfy { !$0.summary.isEmpty && !$0.fileExtension.hasPrefix(".") })
  }
}
