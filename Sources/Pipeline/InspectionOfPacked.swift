import Foundation
import Packed

/// Packed files.
extension Inspection {
  init(packed model: PackedModel, _ path: String) {
    // A model that was read has shapes.
    let shapes = (try? PackedShapes(of: model))?.values ?? []
    let output = shapes.last ?? []
    file = path
    format = "packed"
    origin = "packed by \(model.provenance.tool)"
    bytes = Output.size(path)
    input = model.input.name
    inputShape = [1] + model.input.shape
    outputShape = [1] + output
    inputs = [Port(name: model.input.name, type: "float32", shape: [nil] + model.input.shape)]
    outputs = [Port(name: model.layers.last?.name ?? "", type: "float32", shape: [nil] + output)]
    layers = model.layers.enumerated().map { index, layer in
      let (weights, bits) = layer.kind.size
      let shape = index + 1 < shapes.count ? shapes[index + 1] : []
      return Layer(
        name: layer.name, kind: layer.kind.words, shape: [1] + shape, weights: weights, bits: bits,
        multiplyAdds: layer.kind.multiplyAdds(output: shape),
        weight: layer.kind.weight.map { Weight(WeightStatistics($0.weight), biases: $0.bias?.count ?? 0) })
    }
    operators = OperatorCount.counted(model.layers.map { $0.kind.name })
    types = StoredType.grouped(model.layers.flatMap { $0.kind.stored })
    parameters = layers.reduce(0) { $0 + $1.weights }
    multiplyAdds = layers.reduce(0) { $0 + $1.multiplyAdds }
    codings = model.layers.compactMap { layer in
      layer.kind.weight.map { found in
        let isFloat = if case .float = found.weight { true } else { false }
        return Coding(
          layer: layer.name, kind: layer.kind.name, shape: found.weight.shape, canBeCoded: !isFloat,
          reason: isFloat ? "stayed float" : "is \(found.weight.words)")
      }
    }
    (warnings, problems, unpackable) = ([], [], [])
    provenance = Self.provenance(of: model)
  }

  /// Weights without a network.
  init(weights found: WeightsFile, _ path: String) {
    file = path
    format = "weights"
    origin = "packed by \(found.provenance.tool)"
    bytes = Output.size(path)
    (input, inputShape, outputShape, inputs, outputs) = ("", [], [], [], [])
    operators = []
    layers = found.weights.map { item in
      Layer(
        name: item.name, kind: item.weight.words, shape: item.weight.shape, weights: item.weight.count,
        bits: item.weight.bits, multiplyAdds: 0,
        weight: item.weight.count == 0 ? nil : Weight(WeightStatistics(item.weight)))
    }
    types = StoredType.grouped(found.weights.map { ($0.weight.words, $0.weight.count, $0.weight.bytes) })
    parameters = layers.reduce(0) { $0 + $1.weights }
    multiplyAdds = nil
    (codings, warnings, problems, unpackable) = ([], [], [], [])
    provenance = Self.words(found.provenance)
  }

  private static func words(_ provenance: PackedModel.Provenance) -> [String: String] {
    [
      "source": provenance.source, "source-sha256": provenance.sourceHash, "recipe": provenance.recipe,
      "seed": "\(provenance.seed)", "tool": provenance.tool,
    ]
  }

  private static func provenance(of model: PackedModel) -> [String: String] {
    var provenance = words(model.provenance)
    provenance["threads"] = model.provenance.threads.map(String.init)
    if let normalization = model.input.normalization {
      provenance["normalization"] =
        "(byte · \(normalization.scale) − \(normalization.mean)) / \(normalization.deviation)"
    }
    return provenance
  }
}

extension Inspection.Weight {
  init(_ found: WeightStatistics, biases: Int = 0) {
    (alphabet, zeros, entropy) = (found.alphabet, found.zeros, found.entropy)
    bytes = found.bytes + biases * MemoryLayout<Float>.stride
  }
}

extension PackedLayer.Kind {
  /// How many numbers a layer keeps, and how many bits each of its weights takes.
  fileprivate var size: (weights: Int, bits: Double) {
    switch self {
    case .convolution(_, _, _, let weight, let bias): (weight.count + (bias?.count ?? 0), weight.bits)
    case .dense(let weight, let bias): (weight.count + (bias?.count ?? 0), weight.bits)
    case .affine(let scale, let shift, _): (scale.count + shift.count, 32)
    case .leak(let slopes): (slopes.count, 32)
    case .threshold(let thresholds, _): (thresholds.count, 32)
    default: (0, 0)
    }
  }

  /// The numbers of a layer by type, with the bytes that they take in the file.
  fileprivate var stored: [(type: String, numbers: Int, bytes: Int)] {
    switch self {
    case .convolution(_, _, _, let weight, let bias), .dense(let weight, let bias):
      [(weight.words, weight.count, weight.bytes)] + (bias.map { [("float", $0.count, $0.count * 4)] } ?? [])
    case .threshold(let thresholds, _): [("threshold", thresholds.count, thresholds.count * 4)]
    default: size.weights == 0 ? [] : [("float", size.weights, size.weights * 4)]
    }
  }

  fileprivate func multiplyAdds(output: [Int]) -> Int {
    guard let weight = weight?.weight.shape else { return 0 }
    return output.reduce(1, *) * weight.dropFirst().reduce(1, *)
  }
}

extension PackedWeight {
  fileprivate var count: Int { shape.reduce(1, *) }
}
