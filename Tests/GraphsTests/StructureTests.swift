import Graphs
import TestSupport
import Tensors
import Testing

/// A residual block of two convolutions, with the shortcut that its channels and stride need.
extension GraphBuilder {
  enum Downsampling { case slice, convolution }

  mutating func block(
    _ name: String, _ x: Graph.Node.ID, _ channels: Int, stride: Int = 1, by way: Downsampling = .slice
  ) throws -> Graph.Node.ID {
    let first = try batchNorm("\(name).norm1", try convolution("\(name).conv1", x, channels, stride: stride))
    let relu = try add("\(name).relu1", Relu(), first)
    let second = try batchNorm("\(name).norm2", try convolution("\(name).conv2", relu, channels))
    var shortcut = x
    let (height, width, had) = (graph[x].shape[2], graph[x].shape[3], graph[x].shape[1])
    if way == .convolution, stride > 1 || had != channels {
      let weight = constant("\(name).side.weight", [channels, had, 1, 1])
      let side = try add("\(name).side", Convolution(strides: [stride, stride]), x, weight)
      shortcut = try batchNorm("\(name).side.norm", side)
    } else if stride > 1 || had != channels {
      let counts = [height, width].map { ($0 + stride - 1) / stride }
      let slice = Slice(starts: [0, 0, 0, 0], steps: [1, 1, stride, stride], counts: [-1, -1, counts[0], counts[1]])
      shortcut = try add("\(name).slice", slice, x)
      let before = (channels - had) / 2
      let pad = Pad(before: [0, before, 0, 0], after: [0, channels - had - before, 0, 0])
      shortcut = try add("\(name).pad", pad, shortcut)
    }
    return try add("\(name).relu2", Relu(), try add("\(name).sum", Add(), second, shortcut))
  }
}

/// Stem, an equal block, a narrowing block and a head.
private func blockNetwork(_ way: GraphBuilder.Downsampling = .slice, size: Int = 8) throws -> Graph {
  var build = GraphBuilder(seed: 31)
  let x = build.input([1, 3, size, size])
  let stem = try build.add("relu", Relu(), try build.batchNorm("norm", try build.convolution("conv", x, 4)))
  let first = try build.block("a", stem, 4)
  let second = try build.block("b", first, 8, stride: 2, by: way)
  let flat = try build.add("flat", Flatten(), try build.add("mean", GlobalAveragePool(), second))
  return build.finished(try build.dense("dense", flat, 5))
}

/// Convolutions one after the other, as in VGG, one of them without padding.
private func plainStack() throws -> Graph {
  var build = GraphBuilder(seed: 32)
  let x = build.input([1, 3, 9, 9])
  var y = try build.add("relu0", Relu(), try build.batchNorm("norm0", try build.convolution("conv0", x, 4)))
  for (index, step) in [(4, 1), (7, 2), (8, 1)].enumerated() {
    let name = "conv\(index + 1)"
    let norm = try build.batchNorm("norm\(index + 1)", try build.convolution(name, y, step.0, stride: step.1))
    y = try build.add("relu\(index + 1)", Relu(), norm)
  }
  let weight = build.constant("bare.weight", [8, 8, 3, 3])
  let bare = try build.batchNorm("norm4", try build.add("bare", Convolution(), y, weight))
  let fewer = try build.batchNorm("norm5", try build.convolution("fewer", try build.add("relu4", Relu(), bare), 2))
  let flat = try build.add("flat", Flatten(), try build.add("relu5", Relu(), fewer))
  return build.finished(try build.dense("dense", flat, 5))
}

/// A block that narrows to a few channels and widens again.
private func bottleneck() throws -> Graph {
  var build = GraphBuilder(seed: 33)
  let x = build.input([1, 8, 6, 6])
  var y = x
  for (index, channels) in [4, 4, 8].enumerated() {
    if index > 0 { y = try build.add("relu\(index)", Relu(), y) }
    y = try build.batchNorm("norm\(index + 1)", try build.convolution("conv\(index + 1)", y, channels))
  }
  return build.finished(try build.add("end", Relu(), try build.add("sum", Add(), y, x)))
}

private struct StructureCase: CustomTestStringConvertible, Sendable {
  var testDescription: String
  var graph: Graph
  var layers: CodedLayers

  init(_ name: String, _ graph: Graph) {
    (testDescription, self.graph) = (name, graph)
    let convolutions = graph.nodes.filter { $0.operation is Convolution }.map(\.name)
    let coded = Set(convolutions.dropFirst()).subtracting(graph.shortcutConvolutions)
    layers = CodedLayers(coded: coded, signed: coded)
  }
}

private let cases: [StructureCase] = [
  .init("slices", try! blockNetwork()), .init("convolutions", try! blockNetwork(.convolution)),
  .init("odd sizes", try! blockNetwork(.convolution, size: 7)), .init("stack", try! plainStack()),
  .init("bottleneck", try! bottleneck()),
]

/// What holds for every structure on the list.
struct StructureLaws {
  @Test(arguments: structures.indices, cases)
  fileprivate func twiceIsOnce(_ index: Int, _ example: StructureCase) throws {
    let structure = structures[index].init()
    let once = try structure.rewrite(example.graph, around: example.layers).graph
    #expect(try structure.rewrite(once, around: example.layers).graph.description == once.description)
  }

  @Test(arguments: structures.indices, cases)
  fileprivate func layersAndOutputsKeepTheirShapes(_ index: Int, _ example: StructureCase) throws {
    let found = try structures[index].init().rewrite(example.graph, around: example.layers)
    #expect(!found.notes.isEmpty && found.notes.allSatisfy { $0.hasPrefix("\(structures[index].name): ") })
    #expect(found.graph.outputs(batch: 3).map(\.shape) == example.graph.outputs(batch: 3).map(\.shape))
    for layer in example.graph.nodes where layer.operation is Convolution || layer.operation is Dense {
      let now = try #require(found.graph.node(layer.name))
      #expect(
        now.shape == layer.shape
          && found.graph[now.inputs[1]].constant?.tensor
            == example.graph[layer.inputs[1]].constant?.tensor
      )
    }
    #expect(Set(found.graph.names).count == found.graph.names.count, "names stay unique")
  }

  @Test(arguments: structures.indices) func everyStructureDoesSomething(_ index: Int) throws {
    let changed = try cases.filter {
      try structures[index].init().rewrite($0.graph, around: $0.layers).graph.description != $0.graph.description
    }
    #expect(!changed.isEmpty)
    #expect(!structures[index].summary.isEmpty && !structures[index].summary.hasSuffix("."))
  }

  @Test func namesAreUniqueAndSorted() {
    #expect(structures.map { $0.name } == Set(structures.map { $0.name }).sorted())
  }
}

struct StructureTests {
  /// What a node adds up, by name.
  private func reads(_ graph: Graph, _ name: String) throws -> [String] {
    try #require(graph.node(name)).inputs.map { graph[$0].name }
  }

  private func biReal(_ graph: Graph) throws -> (graph: Graph, notes: [String]) {
    let example = StructureCase("", graph)
    let found = try BiReal().rewrite(graph, around: example.layers)
    return (found.graph, found.notes)
  }

  @Test func oneShortcutAroundTwoBecomesOneAroundEach() throws {
    let (after, notes) = try biReal(blockNetwork())
    #expect(notes == ["bi-real: a shortcut around each of 4 convolutions"])
    #expect(try reads(after, "a.conv1.shortcut") == ["a.norm1", "relu"])
    #expect(try reads(after, "a.relu1") == ["a.conv1.shortcut"])
    #expect(try reads(after, "a.sum") == ["a.norm2", "a.relu1"])
    // Where channels and pixels change, the shortcut that was there goes to the first layer.
    #expect(try reads(after, "b.conv1.shortcut") == ["b.norm1", "b.pad"])
    #expect(try reads(after, "b.sum") == ["b.norm2", "b.relu1"])
    let images = Tensor.random([2, 3, 8, 8], seed: 1)
    let values = after.run(["x": images], keeping: .everything)
    func value(_ name: String) throws -> Tensor { values[try #require(after.node(name)).id] }
    #expect(try value("b.conv1.shortcut") == value("b.norm1").adding(value("b.pad")))
    #expect(try value("b.sum") == value("b.norm2").adding(value("b.relu1")))
  }

  @Test func layersWithoutABlockGetMeansAndZeros() throws {
    let (after, notes) = try biReal(plainStack())
    #expect(try reads(after, "conv1.shortcut") == ["norm1", "relu0"])
    #expect(try reads(after, "conv2.shortcut") == ["norm2", "conv2.shortcut.pad"])
    #expect(try reads(after, "conv2.shortcut.pad") == ["conv2.shortcut.pool"])
    #expect(try reads(after, "conv3.shortcut.pad") == ["relu2"])
    #expect(
      notes == [
        "bi-real: a shortcut around each of 3 convolutions",
        "bi-real: left 'bare': no shortcut makes [1, 8, 3, 3] of [1, 8, 5, 5]",
        "bi-real: left 'fewer': no shortcut makes [1, 2, 3, 3] of [1, 8, 3, 3]",
      ])
    let values = after.run(["x": .random([2, 3, 9, 9], seed: 1)], keeping: .everything)
    func value(_ name: String) throws -> Tensor { values[try #require(after.node(name)).id] }
    let (from, to) = (try value("relu1"), try value("conv2.shortcut.pad"))
    #expect(to.shape == [2, 7, 5, 5])
    let (a, b) = (from.scalars, to.scalars)
    // The mean of two by two pixels, one channel of zeros before and two behind; at the edge of 9 fewer pixels.
    #expect(abs(b[25] - (a[0] + a[1] + a[9] + a[10]) / 4) < 1e-6)
    #expect(abs(b[25 + 24] - a[80]) < 1e-6 && b[..<25].allSatisfy { $0 == 0 } && b[125..<175].allSatisfy { $0 == 0 })
  }

  @Test func aBottleneckKeepsItsShortcutAndGetsInnerOnes() throws {
    let (after, notes) = try biReal(bottleneck())
    #expect(try reads(after, "conv2.shortcut") == ["norm2", "relu1"])
    #expect(try reads(after, "sum") == ["norm3", "x"])
    // The first convolution of the network stays out of it.
    #expect(notes == ["bi-real: a shortcut around each of 2 convolutions"])
    let all = CodedLayers(coded: ["conv1", "conv2", "conv3"], signed: [])
    #expect(
      try BiReal().rewrite(bottleneck(), around: all).notes.last
        == "bi-real: left 'conv1': no shortcut makes [1, 4, 6, 6] of [1, 8, 6, 6]")
  }

  @Test func whatIsNotCodedStaysAsItIs() throws {
    let graph = try blockNetwork()
    let none = CodedLayers(coded: [], signed: [])
    for structure in structures where structure != AveragePoolDownsampling.self {
      #expect(try structure.init().rewrite(graph, around: none).graph.outputs(batch: 2) == graph.outputs(batch: 2))
    }
    // Only the second layer of a block: the block's shortcut is around it already.
    let second = CodedLayers(coded: ["a.conv2"], signed: [])
    #expect(try BiReal().rewrite(graph, around: second).graph.description == graph.description)
    // Only the first: the block keeps its shortcut.
    let first = try BiReal().rewrite(graph, around: CodedLayers(coded: ["a.conv1"], signed: [])).graph
    #expect(try reads(first, "a.sum") == ["a.norm2", "relu"])
    #expect(try reads(first, "a.conv1.shortcut") == ["a.norm1", "relu"])
  }

  @Test(arguments: [8, 7]) func stridesOfShortcutsBecomeMeans(_ size: Int) throws {
    let graph = try blockNetwork(.convolution, size: size)
    #expect(graph.shortcutConvolutions == ["b.side"])
    #expect(AveragePoolDownsampling().floatLayers(of: graph) == ["b.side"])
    let found = try AveragePoolDownsampling().rewrite(graph, around: CodedLayers(coded: [], signed: []))
    #expect(found.notes == ["average-pool-downsampling: for 1 convolutions and 0 slices on shortcuts"])
    let after = found.graph
    #expect((after.node("b.side")?.operation as? Convolution)?.strides == [1, 1])
    let values = after.run(["x": .random([2, 3, size, size], seed: 1)], keeping: .everything)
    func value(_ name: String) throws -> Tensor { values[try #require(after.node(name)).id] }
    let (from, to) = (try value("a.relu2").scalars, try value("b.side.pool"))
    #expect(to.shape == [2, 4, 4, 4])
    let mean = (from[0] + from[1] + from[size] + from[size + 1]) / 4
    #expect(abs(to.scalars[0] - mean) < 1e-6)
    if size == 7 { #expect(abs(to.scalars[15] - from[48]) < 1e-6, "the last pixel alone") }
  }

  @Test func slicesOfShortcutsBecomeMeans() throws {
    let found = try AveragePoolDownsampling().rewrite(
      blockNetwork(), around: CodedLayers(coded: [], signed: []))
    #expect(found.notes == ["average-pool-downsampling: for 0 convolutions and 1 slices on shortcuts"])
    #expect(found.graph.node("b.slice")?.operation is AveragePool)
  }

  @Test func rectifiersBeforeSignsAreReplaced() throws {
    let layers = CodedLayers(coded: ["a.conv2", "b.conv1"], signed: ["a.conv2"])
    for structure in [HardtanhRectifiers.self, LearnedRectifiers.self] as [any Structure.Type] {
      let found = try structure.init().rewrite(blockNetwork(), around: layers)
      #expect(found.notes == ["\(structure.name): in the place of 1 rectifiers"])
      #expect(!(found.graph.node("a.relu1")?.operation is Relu) && found.graph.node("a.relu2")?.operation is Relu)
    }
    let none = try HardtanhRectifiers().rewrite(blockNetwork(), around: CodedLayers(coded: ["a.conv2"], signed: []))
    #expect(none.notes == ["hardtanh: no layer reads signs, so every rectifier stays"])
    let bare = try NoRectifiers().rewrite(blockNetwork(), around: layers).graph
    let before = try blockNetwork()
    #expect(bare.node("a.relu1") == nil && bare.node("a.relu2")?.operation is Relu)
    let (layer, rectifier) = (try #require(bare.node("a.conv2")), try #require(before.node("a.relu1")))
    #expect(bare[layer.inputs[0]].name == before[rectifier.inputs[0]].name)
    let learned = try LearnedRectifiers().rewrite(blockNetwork(), around: layers).graph
    let slope = try #require(learned.node("a.relu1.slope")?.constant?.tensor)
    #expect(slope == Tensor([4, 1, 1], repeating: 0.25))
  }

  @Test func whatCannotBeNegativeIsKnown() throws {
    let graph = try blockNetwork()
    #expect(graph.isNonnegative(graph.node("b.pad")!.id) && graph.isNonnegative(graph.node("mean")!.id))
    #expect(!graph.isNonnegative(graph.node("b.sum")!.id) && !graph.isNonnegative(graph.node("x")!.id))
    #expect(graph.rectifiers(after: ["b.conv2"]) == [graph.node("b.relu2")!.id])
    #expect(graph.rectifiers(before: ["b.conv1"]) == [graph.node("a.relu2")!.id])
  }
}
