import Exporters
import Foundation
import Graphs
import Importers
import Methods
import Packed
import Tensors

/// Float networks: what the file says of itself, and what the importer makes of it.
extension Inspection {
  init(float path: String, _ largest: Int) throws {
    let contents = try importer(for: path).contents(of: path)
    if let contents, contents.isBare {
      self.init(bare: contents, path)
      return
    }
    let isLarge = (contents?.bytes ?? 0) > largest
    var (source, failure): (SourceModel?, ImportError?)
    if !isLarge {
      switch Result(catching: { () throws in try SourceModel(path) }) {
      case .success(let model): source = model
      case .failure(let error):
        guard contents != nil, let error = error as? ImportError else { throw error }
        failure = error
      }
    }
    self.init(path, contents, source?.graph)
    if let source {
      bytes = source.bytes
      take(source.graph)
    } else if isLarge {
      problems = contents?.problems.map { "\($0)" } ?? []
      warnings.append(
        "its weights take \(contents?.bytes ?? 0) bytes, so that they were not read: without '--whole' shapes and "
          + "multiply-adds are left out")
    }
    if let failure { problems = failure.problems.map { "\($0)" } }
  }

  /// Weights without a network.
  private init(bare contents: ModelContents, _ path: String) {
    self.init(path, contents, nil)
    tensors = contents.tensors.map { StoredTensor(name: $0.name, type: $0.type, shape: $0.shape, bytes: $0.bytes) }
    problems = ["holds tensors and no network: 'signum convert --weights-only' codes each of them on its own"]
  }

  /// What the file says, or where it says nothing, what was imported.
  private init(_ path: String, _ contents: ModelContents?, _ graph: Graph?) {
    file = path
    format = "float"
    origin = contents?.format ?? ""
    bytes = Output.size(path)
    inputs = contents?.inputs.map { Port(name: $0.name, type: $0.type, shape: $0.shape) } ?? []
    outputs = contents?.outputs.map { Port(name: $0.name, type: $0.type, shape: $0.shape) } ?? []
    operators =
      contents?.operators.map { OperatorCount(name: $0.name, count: $0.count, isSupported: $0.isSupported) } ?? []
    types = StoredType.grouped((contents?.tensors ?? []).map { ($0.type, $0.count ?? 0, $0.bytes ?? 0) })
    parameters = contents?.parameters ?? 0
    codings = contents?.weightUses.map(Coding.init) ?? []
    input = inputs.first?.name ?? ""
    inputShape = (inputs.first?.shape ?? []).map { $0 ?? 1 }
    outputShape = (outputs.first?.shape ?? []).map { $0 ?? 1 }
    (layers, warnings, problems, unpackable, provenance) = ([], graph?.warnings ?? [], [], [], [:])
  }

  private mutating func take(_ graph: Graph) {
    multiplyAdds = graph.nodes.reduce(0) { $0 + graph.multiplyAdds(of: $1) }
    layers = graph.nodes.compactMap { node in
      guard let operation = node.operation else { return nil }
      let parameters = node.inputs.compactMap { graph[$0].constant }.reduce(0) { $0 + $1.shape.count }
      return Layer(
        name: node.name, kind: type(of: operation).name, shape: node.shape.dimensions, weights: parameters,
        bits: parameters == 0 ? 0 : 32, multiplyAdds: graph.multiplyAdds(of: node))
    }
    if inputs.isEmpty { inputs = graph.inputs.map { Port(graph, $0.id) } }
    // Shapes that are known now: a batch that is left open stays so.
    outputs = graph.outputs.enumerated().map { index, id in
      var port = Port(graph, id)
      if index < outputs.count {
        (port.name, port.type) = (outputs[index].name, outputs[index].type)
        // Where the file says nothing of an output, what goes in tells.
        let declared = outputs[index].shape ?? inputs.first?.shape ?? []
        let isOpen = declared.first == .some(nil)
        if isOpen, outputs[index].shape.map({ $0.count == port.shape?.count }) ?? true { port.shape?[0] = nil }
      }
      return port
    }
    if operators.isEmpty { operators = OperatorCount.counted(layers.map(\.kind)) }
    if types.isEmpty {
      let constants = graph.nodes.compactMap { $0.constant?.shape.count }
      types = StoredType.grouped(constants.map { ("float32", $0, $0 * 4) })
      parameters = constants.reduce(0, +)
    }
    codings = graph.codings
    unpackable = graph.unpackable
    input = graph.inputs.first?.name ?? input
    inputShape = graph.inputs.first?.shape.dimensions ?? inputShape
    outputShape = graph.outputs.first.map { graph[$0].shape.dimensions } ?? outputShape
  }
}

extension ModelContents {
  /// Whether there are weights, and nothing is computed with them.
  fileprivate var isBare: Bool { operators.isEmpty && !tensors.isEmpty }
}

extension Inspection.Port {
  init(_ graph: Graph, _ id: Graph.Node.ID) {
    self.init(name: graph[id].name, type: "float32", shape: graph[id].shape.dimensions)
  }
}

extension Inspection.OperatorCount {
  static func counted(_ names: [String]) -> [Self] {
    Dictionary(grouping: names) { $0 }.map { Self(name: $0, count: $1.count, isSupported: true) }
      .sorted { ($1.count, $0.name) < ($0.count, $1.name) }
  }
}

extension Inspection.StoredType {
  /// The type that takes most bytes first.
  static func grouped(_ tensors: [(type: String, numbers: Int, bytes: Int)]) -> [Self] {
    var types: [String: Self] = [:]
    for tensor in tensors {
      var type = types[tensor.type] ?? Self(type: tensor.type, tensors: 0, numbers: 0, bytes: 0)
      type.tensors += 1
      // A file may claim anything.
      type.numbers = type.numbers.addingReportingOverflow(tensor.numbers).partialValue
      type.bytes = type.bytes.addingReportingOverflow(tensor.bytes).partialValue
      types[tensor.type] = type
    }
    return types.values.sorted { ($1.bytes, $0.type) < ($0.bytes, $1.type) }
  }
}

extension Inspection.Coding {
  fileprivate init(_ use: ModelContents.WeightUse) {
    self.init(
      layer: use.node, kind: use.operation, shape: use.weight.shape, canBeCoded: use.isProduct,
      reason: use.isProduct ? nil : Self.onlyProducts)
  }

  fileprivate static let onlyProducts = "only weights of convolutions and dense layers become bits"
}

extension Graph {
  /// Every use of a weight of two axes or more.
  fileprivate var codings: [Inspection.Coding] {
    let layers = weightLayers.map(\.id)
    return nodes.compactMap { node in
      guard let operation = node.operation else { return nil }
      let kind = type(of: operation).name
      if layers.contains(node.id) {
        let isOuter = node.id == layers.first || node.id == layers.last
        return Inspection.Coding(
          layer: node.name, kind: kind, shape: self[node.inputs[1]].shape.dimensions, canBeCoded: true,
          reason: isOuter ? "stays float unless '--layers all' is given" : nil)
      }
      if operation is Convolution || operation is Dense {
        return Inspection.Coding(
          layer: node.name, kind: kind, shape: self[node.inputs[1]].shape.dimensions, canBeCoded: false,
          reason: "its weight is computed from the input")
      }
      let constants = node.inputs.compactMap { self[$0].constant?.shape }
      guard let weight = constants.first(where: { $0.rank >= 2 && $0.count > $0.dimensions.max() ?? 0 }) else {
        return nil
      }
      let reason =
        operation is Graphs.Gather ? "its rows are looked up, not multiplied" : Inspection.Coding.onlyProducts
      return Inspection.Coding(
        layer: node.name, kind: kind, shape: weight.dimensions, canBeCoded: false, reason: reason)
    }
  }

  /// What the packed format cannot hold of this network, in words.
  fileprivate var unpackable: [String] {
    let provenance = PackedModel.Provenance(source: source, sourceHash: "", recipe: "", seed: 0, tool: "")
    do {
      let plain = try applying([FuseBatchNorm(), SplitCeilings()])
      _ = try Lowering(plain).model(normalization: nil, provenance: provenance)
      return []
    } catch let error as ExportError {
      return error.problems
    } catch {
      return ["\(error)"]
    }
  }
}
