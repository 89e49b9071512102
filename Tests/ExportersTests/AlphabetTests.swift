import Exporters
import Graphs
import Packed
import TestSupport
import Tensors
import Testing

/// Weights of every alphabet through the bytes and back, over floats and over bits.
@Suite struct AlphabetTests {
  private func packed(_ graph: Graph, ternary: SymbolRows.Storage = .trits) throws -> PackedModel {
    let provenance = PackedModel.Provenance(source: "x.onnx", sourceHash: "00", recipe: "{}", seed: 1, tool: "test")
    let model = try Lowering(graph, ternary: ternary).model(normalization: nil, provenance: provenance)
    return try PackedFile.decode(PackedFile.encode(model))
  }

  /// conv (floats) → norm → sign → conv (bits, groups, padding) → norm → sign → dense (bits) → dense (floats).
  private func network(_ name: String) throws -> Graph {
    var builder = Networks.Builder(seed: 40)
    let x = builder.graph.addInput("x", [1, 3, 7, 6])
    func weight(_ node: String, _ shape: Shape, _ seed: UInt64) -> Graph.Node.ID {
      builder.graph.addConstant(node + ".weight", .coded(CodedTensors.named(name, shape, seed: seed)))
    }
    let first = weight("first", [18, 3, 3, 3], 1)
    var y = try builder.graph.add("first", Convolution(padding: [1, 1, 1, 1]), [x, first])
    y = try builder.graph.add("bits", SignActivation(), [builder.norm("norm", y, channels: 18)])
    let second = weight("second", [20, 9, 3, 2], 2)
    y = try builder.graph.add(
      "second", Convolution(strides: [2, 1], padding: [1, 0, 1, 1], dilations: [1, 2], groups: 2), [y, second])
    y = try builder.graph.add("bits2", SignActivation(), [builder.norm("norm2", y, channels: 20)])
    y = try builder.graph.add("flat", Flatten(), [y])
    let third = weight("third", [6, builder.graph[y].shape[1]], 3)
    y = try builder.graph.add("third", Dense(), [y, third, builder.random("third.bias", [6])])
    y = try builder.graph.add("leak", LearnedLeak(), [y, builder.random("slope", [6])])
    let fourth = weight("fourth", [4, 6], 4)
    builder.graph.outputs = [try builder.graph.add("fourth", Dense(), [y, fourth])]
    return builder.graph
  }

  @Test(arguments: CodedTensors.names)
  func theBytesComputeWhatTheGraphComputes(_ name: String) throws {
    for graph in [try network(name), try MakeThresholds().rewrite(network(name))] {
      for ternary: SymbolRows.Storage in name.hasPrefix("ternary") ? [.trits, .fields(bits: 2)] : [.trits] {
        let model = try packed(graph, ternary: ternary)
        let runner = try PackedRunner(model)
        let input = Tensor.random([3, 3, 7, 6], seed: 5)
        let trace = graph.run(["x": input], keeping: .everything)
        let ids = Dictionary(uniqueKeysWithValues: graph.nodes.map { ($0.name, $0.id) })
        // Layer by layer from the same values: a sum in another order must not turn a sign.
        for (index, layer) in model.layers.enumerated() {
          let inputs = layer.inputs.map { trace[$0 == 0 ? ids["x"]! : ids[model.layers[$0 - 1].name]!] }
          let (found, expected) = (runner.value(ofLayer: index, inputs: inputs), trace[ids[layer.name]!])
          let tolerance = 1e-5 * max(1, expected.largestMagnitude)
          #expect(found.largestDifference(to: expected) <= tolerance, "\(layer.name)")
        }
        let raised = try Raising(model, source: "again").raised()
        #expect(raised(input) == graph(input))
        #expect(try packed(raised, ternary: ternary).layers == model.layers)
      }
    }
  }

  @Test func thresholdsLeaveWholeNumbers() throws {
    for name in CodedTensors.names where !name.hasSuffix("two sides") {
      let graph = try MakeThresholds().rewrite(network(name))
      let model = try packed(graph)
      let index = try #require(model.layers.firstIndex { $0.name == "second" })
      guard case .threshold = model.layers[index + 1].kind else { Issue.record("\(name): no threshold"); continue }
      let bits = Tensor.random([2, 18, 7, 6], seed: 6).map { $0 >= 0 ? 1 : -1 }
      let counts = try PackedRunner(model).value(ofLayer: index, inputs: [bits]).scalars
      #expect(counts.allSatisfy { $0 == $0.rounded() } && counts.contains { $0 != 0 }, "\(name)")
    }
  }

  @Test(
    arguments: [
      ([1], [0.25], 1), ([], [0.25], 1), ([18, 1, 1], (0..<18).map { Float($0) / 20 }, 18),
      ([1, 18, 1, 1], (0..<18).map { Float($0) / 20 }, 18),
    ] as [([Int], [Float], Int)])
  func slopesAreOneOrOneAChannel(_ shape: [Int], _ slopes: [Float], _ count: Int) throws {
    var builder = Networks.Builder(seed: 41)
    let x = builder.graph.addInput("x", [1, 18, 3, 18])
    let slope = builder.graph.addConstant("slope", Tensor(Shape(shape), scalars: slopes))
    builder.graph.outputs = [try builder.graph.add("leak", LearnedLeak(), [x, slope])]
    let model = try packed(builder.graph)
    guard case .leak(let found) = model.layers[0].kind else { Issue.record("no leak"); return }
    #expect(found == slopes && found.count == count)
    let input = Tensor.random([2, 18, 3, 18], seed: 7)
    #expect(try PackedRunner(model).run(input) == builder.graph(input))
    #expect(try Raising(model, source: "again").raised()(input) == builder.graph(input))
  }

  @Test func slopesWithinAChannelAreRefused() throws {
    var builder = Networks.Builder(seed: 42)
    let x = builder.graph.addInput("x", [1, 4, 3, 4])
    let first = try builder.graph.add("leak", LearnedLeak(), [x, builder.random("slope", [3, 4])])
    // Four slopes, but along the width.
    builder.graph.outputs = [try builder.graph.add("row", LearnedLeak(), [first, builder.random("row.slope", [4])])]
    let error = #expect(throws: ExportError.self) { try packed(builder.graph) }
    #expect(
      error?.problems == [
        "node 'leak' (learned-leak): its slope [3, 4] differs within a channel",
        "node 'row' (learned-leak): its slope [4] differs within a channel",
      ])
  }

  @Test func aFixedSlopeIsOneForAll() throws {
    var graph = Graph(source: "leaky")
    let input = graph.addInput("x", [1, 5])
    graph.outputs = [try graph.add("leaky", Pointwise(.leakyRelu(slope: 0.1)), [input])]
    let model = try packed(graph)
    #expect(model.layers[0].kind == .leak(slopes: [0.1]))
    #expect(try PackedRunner(model).run(Tensor.random([3, 5], seed: 8)) == graph(Tensor.random([3, 5], seed: 8)))
  }

  /// The rounding is the same to the bit, on halves too.
  @Test(arguments: 2...8, [true, false])
  func quantizedActivations(_ bits: Int, _ isSigned: Bool) throws {
    for (step, factor) in [(0.1, 0.05), (1, 0.5), (0.3, 0.15), (-1, 1e-8)] as [(Float, Float)] {
      var graph = Graph(source: "quantized")
      let x = graph.addInput("x", [1, 1024])
      let steps = graph.addConstant("step", Tensor([1], scalars: [step]))
      graph.outputs = [try graph.add("quantize", Quantize(bits: bits, isSigned: isSigned), [x, steps])]
      let model = try packed(graph)
      // Halves and wholes of a step, and what is beyond the last one.
      let input = Tensor([2, 1024], scalars: (-1024..<1024).map { Float($0) * factor })
      let (found, expected) = (try PackedRunner(model).run(input), graph(input))
      #expect(found.scalars.map(\.bitPattern) == expected.scalars.map(\.bitPattern))
      #expect(Set(found.scalars).count == 1 << bits || step < 0 || bits == 8)
      let raised = try Raising(model, source: "again").raised()
      #expect(raised(input) == expected)
      #expect(try packed(raised).layers == model.layers)
    }
  }

  @Test func limitsOfNoBitsAreNotRaised() throws {
    let layer = PackedLayer(name: "q", kind: .quantize(step: 1, minimum: -1, maximum: 1), inputs: [0])
    let model = PackedModel(
      input: .init(name: "x", shape: [3]), layers: [layer],
      provenance: .init(source: "", sourceHash: "", recipe: "", seed: 0, tool: ""))
    #expect(throws: ShapeError.self) { try Raising(model, source: "again").raised() }
  }
}
