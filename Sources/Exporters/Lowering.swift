import Compute
import Graphs
import Packed
import Tensors

/// Turns a frozen graph into the layers of a packed model, a node a layer.
package struct Lowering {
  private let graph: Graph
  private var layers: [PackedLayer] = []
  /// The packed value of each node that has one.
  private var values: [Graph.Node.ID: Int] = [:]
  private var problems = LoweringProblems()

  /// How ternary weights lie in the file.
  private let ternary: SymbolRows.Storage

  package init(_ graph: Graph, ternary: SymbolRows.Storage = .trits) {
    self.graph = graph
    self.ternary = ternary
  }

  /// The packed model. Throws an `ExportError` with every node that the format cannot hold.
  package func model(
    normalization: Normalization?, provenance: PackedModel.Provenance
  ) throws(ExportError) -> PackedModel {
    var lowering = self
    return try lowering.lower(normalization, provenance)
  }

  private mutating func lower(
    _ normalization: Normalization?, _ provenance: PackedModel.Provenance
  ) throws(ExportError) -> PackedModel {
    guard graph.inputs.count == 1, graph.outputs.count == 1 else {
      throw ExportError(
        graph.source,
        ["a packed model has one input and one output, not \(graph.inputs.count) and \(graph.outputs.count)"])
    }
    let input = graph.inputs[0]
    values[input.id] = 0
    for node in graph.nodes { if let operation = node.operation { add(node, operation) } }
    let words = problems.words
    guard words.isEmpty else { throw ExportError(graph.source, words) }
    guard values[graph.outputs[0]] == layers.count else {
      throw ExportError(graph.source, ["the output is not the last node"])
    }
    return PackedModel(
      input: .init(name: input.name, shape: Array(input.shape.dimensions.dropFirst()), normalization: normalization),
      layers: layers, provenance: provenance)
  }

  private mutating func add(_ node: Graph.Node, _ operation: any Operator) {
    if operation is Identity {
      values[node.id] = values[node.inputs[0]]
      return
    }
    switch LayerRule(node, in: graph, ternary: ternary).kind(operation) {
    case .failure(let problem): problems.add(problem, node: node.name, operation: type(of: operation).name)
    case .success(let kind):
      let inputs = node.inputs.compactMap { values[$0] }
      let isKnown = node.inputs.allSatisfy { values[$0] != nil || graph[$0].constant != nil }
      // A node whose input failed has been reported there.
      guard isKnown, !inputs.isEmpty else { return }
      layers.append(PackedLayer(name: node.name, kind: kind, inputs: inputs))
      values[node.id] = layers.count
    }
  }
}

struct LoweringProblem: Error {
  var words: String
  init(_ words: String) { self.words = words }
}

/// What stands in the way, each problem once with all the nodes that have it.
private struct LoweringProblems {
  private struct Kind: Hashable {
    var operation: String
    var words: String
  }
  private var kinds: [Kind] = []
  private var nodes: [Kind: [String]] = [:]

  mutating func add(_ problem: LoweringProblem, node: String, operation: String) {
    let kind = Kind(operation: operation, words: problem.words)
    if nodes[kind] == nil { kinds.append(kind) }
    nodes[kind, default: []].append(node)
  }

  /// A line a problem.
  var words: [String] {
    kinds.map { kind in
      let names = nodes[kind]!
      guard names.count > 1 else { return "node '\(names[0])' (\(kind.operation)): \(kind.words)" }
      let shown = names.prefix(5).map { "'\($0)'" }.joined(separator: ", ")
      let more = names.count > 5 ? " and \(names.count - 5) more" : ""
      return "\(names.count) nodes (\(kind.operation)): \(kind.words): \(shown)\(more)"
    }
  }
}

/// How one node becomes a layer.
private struct LayerRule {
  private let node: Graph.Node
  private let graph: Graph
  private let ternary: SymbolRows.Storage

  init(_ node: Graph.Node, in graph: Graph, ternary: SymbolRows.Storage) {
    self.node = node
    self.graph = graph
    self.ternary = ternary
  }

  func kind(_ operation: any Operator) -> Result<PackedLayer.Kind, LoweringProblem> {
    Result { () throws(LoweringProblem) in
      switch operation {
      case let convolution as Convolution: try self.convolution(convolution)
      case is Dense: .dense(try weight(), bias: try bias())
      case let norm as BatchNorm: try affine(norm)
      case is Add, is LearnedShift: try addition()
      case is Relu: .relu
      case is LearnedLeak: try leak()
      case let function as Pointwise: try self.function(function)
      case let clip as Clip: .clip(minimum: clip.minimum, maximum: clip.maximum)
      case let quantize as Quantize: quantize.packed(step: try constant(1, "step"))
      case is SignActivation: .sign
      case let threshold as Threshold: try self.threshold(threshold)
      case let pool as MaxPool: .maxPool(try window(pool.window))
      case let pool as AveragePool: try average(pool)
      case is GlobalAveragePool: .globalAveragePool
      default: try moving(operation)
      }
    }
  }

  private func moving(_ operation: any Operator) throws(LoweringProblem) -> PackedLayer.Kind {
    switch operation {
    case let pad as Pad:
      try keepsBatch(pad.before[0] == 0 && pad.after[0] == 0)
      return .pad(before: Array(pad.before.dropFirst()), after: Array(pad.after.dropFirst()), value: pad.value)
    case let slice as Graphs.Slice:
      try keepsBatch(slice.counts[0] == -1)
      let shape = graph[node.inputs[0]].shape
      let whole = { (axis: Int) in slice.counts[axis] == -1 }
      let axes = 1..<shape.rank
      return .slice(
        starts: axes.map { whole($0) ? 0 : slice.starts[$0] }, steps: axes.map { whole($0) ? 1 : slice.steps[$0] },
        counts: axes.map { whole($0) ? shape[$0] : slice.counts[$0] })
    case let concat as Concat:
      try keepsBatch(concat.axis > 0)
      guard node.inputs.allSatisfy({ graph[$0].constant == nil }) else {
        throw LoweringProblem("it joins a constant, which is not in the packed format")
      }
      return .concat(axis: concat.axis)
    case is Flatten, is Reshape:
      let (from, to) = (graph[node.inputs[0]].shape, node.shape)
      try keepsBatch(to.rank >= 1 && from[0] == to[0])
      return .reshape(Array(to.dimensions.dropFirst()))
    case let transpose as Transpose:
      try keepsBatch(transpose.permutation.first == 0)
      return .transpose(Array(transpose.permutation.dropFirst()))
    case let softmax as Softmax:
      try keepsBatch(softmax.axis > 0)
      return .softmax(axis: softmax.axis)
    default: throw LoweringProblem(Self.unknown)
    }
  }

  private static let unknown = "the packed format has no such layer"

  private func keepsBatch(_ condition: Bool) throws(LoweringProblem) {
    if !condition {
      throw LoweringProblem("the packed format computes each image on its own, but this mixes the batch")
    }
  }

  // MARK: Layers with weights

  private func convolution(_ convolution: Convolution) throws(LoweringProblem) -> PackedLayer.Kind {
    let kernel = graph[node.inputs[1]].shape
    let window = Packed.Window(
      size: [kernel[2], kernel[3]], strides: convolution.strides, padding: convolution.padding)
    return .convolution(
      window, dilations: convolution.dilations, groups: convolution.groups, try weight(), bias: try bias())
  }

  private func weight() throws(LoweringProblem) -> PackedWeight {
    guard let constant = graph[node.inputs[1]].constant else { throw LoweringProblem("its weight is not a constant") }
    switch constant {
    case .dense(let tensor): return .float(tensor.inLayout(.rowMajor))
    case .coded(let coded): return PackedWeight(coded, ternary: ternary)
    }
  }

  private func bias() throws(LoweringProblem) -> [Float]? {
    node.inputs.count == 3 ? try constant(2, "bias").scalars : nil
  }

  private func constant(_ index: Int, _ what: String) throws(LoweringProblem) -> Tensor {
    guard let tensor = graph[node.inputs[index]].constant?.tensor else {
      throw LoweringProblem("its \(what) is not a constant")
    }
    return tensor
  }

  // MARK: Layers by channel

  private func affine(_ norm: BatchNorm) throws(LoweringProblem) -> PackedLayer.Kind {
    guard norm.ceiling == nil else {
      throw LoweringProblem(
        "its ceiling is not in the packed format: the pass '\(SplitCeilings.name)' makes a clip of it")
    }
    let (factor, offset) = norm.affine(
      scale: try constant(1, "scale"), shift: try constant(2, "shift"), mean: try constant(3, "mean"),
      variance: try constant(4, "variance"))
    return .affine(scale: factor.scalars, shift: offset.scalars, relu: norm.relu)
  }

  private func addition() throws(LoweringProblem) -> PackedLayer.Kind {
    let constants = node.inputs.filter { graph[$0].constant != nil }
    guard let id = constants.first, let constant = graph[id].constant?.tensor else { return .add }
    guard node.shape.rank >= 2, let shift = perChannel(constant) else {
      throw LoweringProblem("it adds a constant \(constant.shape) that differs within a channel")
    }
    let channels = node.shape[1]
    return .affine(
      scale: Array(repeating: 1, count: channels),
      shift: shift.count == 1 ? Array(repeating: shift[0], count: channels) : shift, relu: false)
  }

  private func function(_ operation: Pointwise) throws(LoweringProblem) -> PackedLayer.Kind {
    guard case .leakyRelu(let slope) = operation.function else { throw LoweringProblem(Self.unknown) }
    return .leak(slopes: [slope])
  }

  private func leak() throws(LoweringProblem) -> PackedLayer.Kind {
    let slope = try constant(1, "slope")
    guard let slopes = perChannel(slope) else {
      throw LoweringProblem("its slope \(slope.shape) differs within a channel")
    }
    return .leak(slopes: slopes)
  }

  /// One number, or one for each channel, where a constant that is repeated to the shape of the node is that.
  private func perChannel(_ constant: Tensor) -> [Float]? {
    if constant.count == 1 { return constant.scalars }
    // The constant lined up with the axes of the output: [1, channels, 1, …].
    let aligned =
      Array(repeating: 1, count: node.shape.rank - min(constant.shape.rank, node.shape.rank))
      + constant.shape.dimensions
    let fits = aligned.enumerated().allSatisfy { $1 == 1 || ($0 == 1 && $1 == node.shape[1]) }
    return fits ? constant.scalars : nil
  }

  private func threshold(_ threshold: Threshold) throws(LoweringProblem) -> PackedLayer.Kind {
    .threshold(try constant(1, "threshold").scalars.map { Int32($0) }, flipped: threshold.flipped)
  }

  // MARK: Pooling

  private func average(_ pool: AveragePool) throws(LoweringProblem) -> PackedLayer.Kind {
    let window = try self.window(pool.window)
    guard !pool.countsPadding || window.padding == pool.window.padding else {
      throw LoweringProblem("rounding up together with counted padding is not in the packed format")
    }
    return .averagePool(window, countsPadding: pool.countsPadding)
  }

  /// The window with the padding that makes the output come out exactly, where the last, incomplete step counts.
  private func window(_ window: Compute.Window) throws(LoweringProblem) -> Packed.Window {
    guard window.dilations == [1, 1] else {
      throw LoweringProblem("a pooling window with gaps is not in the packed format")
    }
    var padding = window.padding
    if window.roundsUp {
      let image = graph[node.inputs[0]].shape
      for axis in 0..<2 {
        let reach = (node.shape[axis + 2] - 1) * window.strides[axis] + window.size[axis]
        padding[axis + 2] = max(padding[axis + 2], reach - image[axis + 2] - padding[axis])
      }
    }
    return Packed.Window(size: window.size, strides: window.strides, padding: padding)
  }
}
