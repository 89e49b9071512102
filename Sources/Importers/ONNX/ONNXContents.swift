import Tensors

/// What stands in an ONNX file, found by its bones: the weights are not touched.
extension ONNXImporter {
  package static func contents(of path: String) throws(ImportError) -> ModelContents? {
    do {
      let file = try MappedFile(path)
      try refuseText(file.bytes)
      return ModelContents(try ONNXModel(ONNXSkeleton(of: file.bytes)))
    } catch { throw ImportError(path, error) }
  }
}

extension ModelContents {
  init(_ model: ONNXModel) {
    let tensors = model.tensors.map(TensorEntry.init)
    let known = Dictionary(tensors.map { ($0.name, $0) }) { $1 }
    let defaults = Set(model.initializers.map(\.name))
    let counts = Self.counts(model.allNodes)
    self.init(
      format: Self.words(model), inputs: model.inputs.filter { !defaults.contains($0.name) }.map(Port.init),
      outputs: model.declaredOutputs.map(Port.init), operators: counts.map(\.count), tensors: tensors,
      weightUses: Self.weightUses(model.allNodes, known),
      problems: Self.operatorSetProblems(model) + model.problems
        + counts.filter { !$0.count.isSupported && !$0.nodes.isEmpty }.map {
          .unsupported(operation: $0.count.name, nodes: $0.nodes)
        })
  }

  private static func words(_ model: ONNXModel) -> String {
    let sets = model.opsets.sorted { $0.key < $1.key }.map { $0.key.isEmpty ? "\($0.value)" : "\($0.key) \($0.value)" }
    let words = "ONNX, operator set \(sets.isEmpty ? "missing" : sets.joined(separator: ", "))"
    return words + (model.producer.isEmpty ? "" : ", by \(model.producer)")
  }

  private static func operatorSetProblems(_ model: ONNXModel) -> [ImportError.Problem] {
    guard let version = model.opsets[""] else { return [.model("names no operator set")] }
    guard !ONNXImporter.operatorSets.contains(version) else { return [] }
    let known = "\(ONNXImporter.operatorSets.lowerBound) to \(ONNXImporter.operatorSets.upperBound)"
    return [.model("operator set \(version) is not supported, only \(known)")]
  }

  private static func counts(_ nodes: [ONNXNode]) -> [(count: OperatorCount, nodes: [String])] {
    var groups: [String: (count: OperatorCount, nodes: [String])] = [:]
    for node in nodes {
      let name = node.domain.isEmpty ? node.operation : "\(node.domain).\(node.operation)"
      let isSupported = node.domain.isEmpty && ONNXOperators.handlers[node.operation] != nil
      groups[name, default: (OperatorCount(name: name, count: 0, isSupported: isSupported), [])].count.count += 1
      if !node.isRefused { groups[name]!.nodes.append(node.name) }
    }
    return groups.values.sorted { ($1.count.count, $0.count.name) < ($0.count.count, $1.count.name) }
  }

  /// Nodes that hand a weight on as another value: what reads that reads the weight.
  private static let passing: Set<String> = ["Identity", "Transpose", "Cast", "DequantizeLinear", "Reshape", "Squeeze"]

  private static func weightUses(_ nodes: [ONNXNode], _ tensors: [String: TensorEntry]) -> [WeightUse] {
    var weights = tensors
    var uses: [WeightUse] = []
    for node in nodes {
      if passing.contains(node.operation), let source = node.inputs.first, let weight = weights[source],
        let output = node.outputs.first
      {
        weights[output] = weight
        continue
      }
      for (place, input) in node.inputs.enumerated() {
        guard let weight = weights[input], weight.shape.count >= 2, (weight.count ?? 0) > 1 else { continue }
        let isProduct = place == 1 && ["Conv", "Gemm", "MatMul"].contains(node.operation)
        uses.append(WeightUse(node: node.name, operation: node.operation, weight: weight, isProduct: isProduct))
      }
    }
    return uses
  }
}

extension ModelContents.Port {
  fileprivate init(_ value: ONNXInput) {
    self.init(
      name: value.name, type: value.elementType == 0 ? "" : ONNXTensor.plainName(value.elementType),
      shape: value.dimensions)
  }
}

extension TensorEntry {
  init(_ tensor: ONNXTensor) {
    self.init(name: tensor.name, shape: tensor.dimensions, type: ONNXTensor.plainName(tensor.elementType))
  }
}

extension ONNXTensor {
  /// The element type as other files call it: `float32` for FLOAT.
  static func plainName(_ type: Int) -> String {
    switch type {
    case 1: "float32"
    case 11: "float64"
    default: ONNXElementType(type).name.lowercased()
    }
  }
}
