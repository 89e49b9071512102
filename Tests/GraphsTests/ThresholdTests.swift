import Graphs
import TestSupport
import Tensors
import Testing

/// What a layer of bits is made of.
private struct BitLayer: CustomTestStringConvertible, Sendable {
  var testDescription: String
  var image: Shape
  var kernel: Shape
  var operation: any Operator

  init(_ name: String, _ image: Shape, _ kernel: Shape, _ operation: any Operator) {
    (testDescription, self.image, self.kernel, self.operation) = (name, image, kernel, operation)
  }
}

private let layers: [BitLayer] = [
  .init("plain", [1, 3, 6, 6], [6, 3, 3, 3], Convolution()),
  .init("zeros around", [1, 5, 6, 6], [9, 5, 3, 3], Convolution(padding: [1, 1, 1, 1])),
  .init("strides", [1, 4, 7, 7], [6, 4, 3, 3], Convolution(strides: [2, 3], padding: [1, 0, 2, 1])),
  .init("groups", [1, 6, 5, 5], [12, 2, 3, 3], Convolution(padding: [1, 1, 1, 1], groups: 3)),
  .init("pointwise", [1, 16, 4, 4], [12, 16, 1, 1], Convolution()),
  .init("dense", [1, 33], [24, 33], Dense()),
]

private func signs(_ shape: Shape, seed: UInt64, levels: [Float]) -> CodedTensor {
  CodedTensor(shape, .binary, symbols: Tensor.random(shape, seed: seed).scalars.map { $0 < 0 ? -1 : 1 }, levels: levels)
}

/// Bits → layer → batch norm → bits, with scales of either sign and none, and shifts that nothing reaches.
private func network(
  _ layer: BitLayer, scale: ((Int) -> Float)? = nil, shift: ((Int) -> Float)? = nil, weight: CodedTensor? = nil
) throws -> Graph {
  var build = GraphBuilder(seed: 15)
  let x = build.input(layer.image)
  let bits = try build.add("bits", SignActivation(), x)
  let channels = layer.kernel[0]
  let levels = (0..<channels).map { 0.11 + 0.37 * Float($0 % 5) }
  let coded = weight ?? signs(layer.kernel, seed: 16, levels: levels)
  let weight = build.graph.addConstant("weight", .coded(coded))
  let counts = try build.graph.add("layer", layer.operation, [bits, weight])
  // The counts lie around 0, so the shifts must for thresholds inside their range. None is 0 where the mean is: the
  // float layer adds up levels with a rounding of its own, and would decide a tie by that.
  let scales = (0..<channels).map { scale?($0) ?? [1.3, -0.7, 0, 0.4, -2.1, 0.9][$0 % 6] }
  let shifts = (0..<channels).map { shift?($0) ?? Float($0 % 7) * 0.31 - 0.917 }
  let statistics = [scales, shifts, (0..<channels).map { Float($0 % 3) - 1 }, (0..<channels).map { 0.5 + Float($0) }]
  let constants = statistics.enumerated().map { index, numbers in
    build.graph.addConstant("statistic\(index)", Tensor([channels], scalars: numbers))
  }
  let norm = try build.graph.add("norm", BatchNorm(), [counts] + constants)
  return build.finished(try build.add("sign", SignActivation(), norm))
}

/// Two layers of bits with a pool and a residual-free head, for the laws over all passes.
func bitNetwork() throws -> Graph {
  var build = GraphBuilder(seed: 17)
  let x = build.input([1, 3, 8, 8])
  var bits = try build.add(
    "bits0", SignActivation(), try build.batchNorm("norm0", try build.convolution("conv0", x, 8)))
  for index in 1...2 {
    let levels = (0..<8).map { 0.05 + 0.1 * Float($0) }
    let weight = build.graph.addConstant(
      "weight\(index)", .coded(signs([8, 8, 3, 3], seed: UInt64(index), levels: levels)))
    let counts = try build.add("conv\(index)", Convolution(padding: [1, 1, 1, 1]), bits, weight)
    let scale = build.random([8])
    bits = try build.add("bits\(index)", SignActivation(), try build.batchNorm("norm\(index)", counts, scale: scale))
    if index == 1 { bits = try build.add("pool", MaxPool(size: [2, 2], strides: [2, 2]), bits) }
  }
  return build.finished(try build.dense("dense", try build.add("flat", Flatten(), bits), 4))
}

@Suite struct ThresholdTests {
  @Test(arguments: layers)
  fileprivate func sameBitsFromIntegers(_ layer: BitLayer) throws {
    let graph = try network(layer)
    let after = try MakeThresholds().rewrite(graph)
    #expect(after.operations == ["sign-activation", type(of: layer.operation).name, "threshold"])
    #expect(after.names == ["x", "bits", "weight.signs", "layer", "sign.threshold", "sign"])
    for batch in [1, 7] { #expect(after.outputs(batch: batch) == graph.outputs(batch: batch)) }
    // The layer counts: whole numbers, no further from 0 than there are products.
    let reach = Float(layer.kernel.count / layer.kernel[0])
    let node = try #require(after.node("layer"))
    let x = Tensor.random(layer.image.withBatch(3), seed: 5)
    let counts = after.run(["x": x], keeping: .only([node.id]))[node.id].scalars
    #expect(counts.allSatisfy { $0 == $0.rounded() && abs($0) <= reach })
    let thresholds = try #require(after.node("sign.threshold")?.constant?.tensor.scalars)
    #expect(thresholds.allSatisfy { $0 == $0.rounded() && abs($0) <= reach + 1 })
  }

  /// Symbols of every alphabet count steps, or half steps.
  @Test(arguments: CodedTensors.names)
  func everyAlphabetCounts(_ name: String) throws {
    for (index, layer) in layers.enumerated() {
      let weight = CodedTensors.named(name, layer.kernel, seed: UInt64(index))
      let graph = try network(layer, weight: weight)
      let after = try MakeThresholds().rewrite(graph)
      guard weight.negativeLevels == nil else {
        #expect(after.description == graph.description)
        continue
      }
      #expect(after.operations == ["sign-activation", type(of: layer.operation).name, "threshold"])
      let (bits, expected) = (after.outputs(batch: 7)[0], graph.outputs(batch: 7)[0])
      #expect(bits == expected && bits.scalars.contains(1) && bits.scalars.contains(-1), "\(layer)")
      let node = try #require(after.node("layer"))
      let x = Tensor.random(layer.image.withBatch(3), seed: 5)
      let counts = after.run(["x": x], keeping: .only([node.id]))[node.id].scalars
      #expect(counts.allSatisfy { $0 == $0.rounded() }, "\(layer)")
      guard case .constant(.coded(let left)) = after.node("weight.signs")?.content else {
        Issue.record("the weight is no longer coded")
        continue
      }
      #expect(left.alphabet == weight.alphabet && left.symbols == weight.symbols && left.codebook == weight.codebook)
    }
  }

  @Test func negativeLevelsTurnTheSign() throws {
    let book = Codebook(bits: 2, patterns: [0, 7, 400, 511])
    let indices = (0..<9 * 5).map { UInt8($0 * 7 % 4) }
    let weight = CodedTensor([9, 5, 3, 3], book, indices: indices, levels: (0..<9).map { Float($0 % 3 - 1) * 0.4 })
    let graph = try network(layers[1], weight: weight)
    #expect(try MakeThresholds().rewrite(graph).outputs(batch: 5) == graph.outputs(batch: 5))
  }

  @Test(arguments: layers)
  fileprivate func bothSignsOccur(_ layer: BitLayer) throws {
    // Otherwise the equality above would say little.
    let bits = try network(layer).outputs(batch: 7)[0].scalars
    #expect(bits.contains(1) && bits.contains(-1))
  }

  @Test(arguments: [1.5, -1.5, 0] as [Float], [1e6, -1e6] as [Float])
  func whatNothingReaches(_ scale: Float, _ shift: Float) throws {
    let graph = try network(layers[1], scale: { _ in scale }, shift: { _ in shift })
    let after = try MakeThresholds().rewrite(graph)
    let bits = after.outputs(batch: 3)[0]
    #expect(bits.scalars.allSatisfy { $0 == (shift > 0 ? 1 : -1) } && bits == graph.outputs(batch: 3)[0])
    let thresholds = try #require(after.node("sign.threshold")?.constant?.tensor.scalars)
    let reach = Float(5 * 3 * 3)
    // Always reached: by the smallest count, or by the largest where a small one is wanted. Never: one step beyond.
    let wanted = scale < 0 ? (shift > 0 ? reach : -reach - 1) : (shift > 0 ? -reach : reach + 1)
    #expect(thresholds.allSatisfy { $0 == wanted })
    let threshold = after.node("sign")?.operation as? Threshold
    #expect(threshold?.flipped == Array(repeating: scale < 0, count: 9))
  }

  @Test func theTurnIsWhereTheBatchNormTurns() throws {
    // 0.5 · (1 · count − 1) / √4 + 0.5 ≥ 0 from −1 on; scaled by −1 it is count ≤ 3.
    var build = GraphBuilder(seed: 18)
    let bits = try build.add("bits", SignActivation(), build.input([1, 5]))
    let weight = build.graph.addConstant("w", .coded(signs([2, 5], seed: 1, levels: [1, 1])))
    let counts = try build.add("dense", Dense(), bits, weight)
    let numbers: [[Float]] = [[0.5, -0.5], [0.5, 0.5], [1, 1], [4, 4]]
    let statistics = numbers.enumerated().map { build.graph.addConstant("s\($0)", Tensor([2], scalars: $1)) }
    let norm = try build.graph.add("norm", BatchNorm(epsilon: 1e-12), [counts] + statistics)
    let after = try MakeThresholds().rewrite(build.finished(try build.add("sign", SignActivation(), norm)))
    #expect(after.node("sign.threshold")?.constant?.tensor.scalars == [-1, 3])
    #expect((after.node("sign")?.operation as? Threshold)?.flipped == [false, true])
  }

  @Test func aNetworkOfBits() throws {
    let after = try MakeThresholds().rewrite(bitNetwork())
    #expect(after.operations.filter { $0 == "threshold" }.count == 2)
    // The first layer reads floats, so its batch norm stays.
    #expect(after.operations.filter { $0 == "batch-norm" }.count == 1 && after.node("norm0") != nil)
    #expect(after.outputs(batch: 4) == (try bitNetwork()).outputs(batch: 4))
  }

  @Test func whatOthersReadStays() throws {
    for name in ["layer", "norm"] {
      var graph = try network(layers[0])
      graph.outputs.append(graph.node(name)!.id)
      #expect(try MakeThresholds().rewrite(graph).description == graph.description)
    }
  }

  @Test func floatsStay() throws {
    var build = GraphBuilder(seed: 19)
    let x = build.input([1, 3, 4, 4])
    let coded = build.graph.addConstant("w", .coded(signs([2, 3, 1, 1], seed: 1, levels: [1, 2])))
    // Not bits: an input, and the sign that has a zero.
    let first = try build.add("conv1", Convolution(), x, coded)
    let signed = try build.add("sign", Sign(), try build.batchNorm("norm1", first))
    // Not a coded weight.
    let bits = try build.add("bits", SignActivation(), signed)
    let third = try build.add(
      "bits3", SignActivation(), try build.batchNorm("norm3", try build.convolution("conv3", bits, 2)))
    let graph = build.finished(try build.add("end", SignActivation(), try build.batchNorm("norm", first)), third)
    #expect(try MakeThresholds().rewrite(graph).description == graph.description)
  }

  @Test func denseAlongTheLastOfFourAxesStays() throws {
    var build = GraphBuilder(seed: 20)
    let bits = try build.add("bits", SignActivation(), build.input([1, 2, 3, 5]))
    let weight = build.graph.addConstant("w", .coded(signs([4, 5], seed: 1, levels: [1, 2, 3, 4])))
    let norm = try build.batchNorm("norm", try build.add("dense", Dense(), bits, weight))
    let graph = build.finished(try build.add("sign", SignActivation(), norm))
    #expect(try MakeThresholds().rewrite(graph).description == graph.description)
  }
}
