import Foundation
import Graphs
import Importers
import Methods
import Packed
import Tensors

/// What is in a model file.
public struct Inspection: Codable, Hashable, Sendable {
  public struct Layer: Codable, Hashable, Sendable {
    public var name: String
    public var kind: String
    public var shape: [Int]
    /// How many weights it has.
    public var weights: Int
    /// Bits in which one weight is stored, 0 where it has none; levels and codebooks apart.
    public var bits: Double
    /// What its weight is made of, in a packed file.
    public var weight: Weight?
  }
  /// The weight of a packed layer.
  public struct Weight: Codable, Hashable, Sendable {
    /// `float`, `binary`, `ternary`, `uniform`, `symmetric` or `codebook`.
    public var alphabet: String
    /// In the file: symbols, levels and codebook.
    public var bytes: Int
    /// The share of weights that are 0, from 0 to 1.
    public var zeros: Double
    /// Bits a weight that the symbols would need at least, were each drawn on its own; nil for floats.
    public var entropy: Double?
  }
  public var file: String
  public var format: String
  public var bytes: Int
  public var input: String
  public var inputShape: [Int]
  public var outputShape: [Int]
  public var layers: [Layer]
  /// Where a packed file came from, by name.
  public var provenance: [String: String]

  public var weights: Int { layers.reduce(0) { $0 + $1.weights } }

  /// Reads a model file. Throws what the importer or the packed reader says.
  public init(of path: String) throws {
    switch try AnyModel(path) {
    case .float(let source): try self.init(source)
    case .packed(let model, let path): try self.init(model, path)
    }
  }

  private init(_ source: SourceModel) throws {
    let graph = source.graph
    guard let input = graph.inputs.first, let output = graph.outputs.first else {
      throw InputError(["\(source.path): has no input or no output"])
    }
    file = source.path
    format = "float"
    bytes = source.bytes
    self.input = input.name
    inputShape = input.shape.dimensions
    outputShape = graph[output].shape.dimensions
    layers = graph.nodes.compactMap { node in
      guard let operation = node.operation else { return nil }
      let parameters = node.inputs.compactMap { graph[$0].constant }.reduce(0) { $0 + $1.shape.count }
      return Layer(
        name: node.name, kind: type(of: operation).name, shape: node.shape.dimensions, weights: parameters,
        bits: parameters == 0 ? 0 : 32)
    }
    provenance = [:]
  }

  private init(_ model: PackedModel, _ path: String) throws {
    let shapes = try PackedShapes(of: model)
    file = path
    format = "packed"
    bytes = Output.size(path)
    input = model.input.name
    inputShape = [1] + model.input.shape
    outputShape = [1] + (shapes.values.last ?? [])
    layers = model.layers.enumerated().map { index, layer in
      let (weights, bits) = layer.kind.size
      return Layer(
        name: layer.name, kind: layer.kind.words, shape: [1] + shapes.values[index + 1], weights: weights, bits: bits,
        weight: layer.kind.storedWeight.map { Weight(WeightStatistics($0)) })
    }
    provenance = [
      "source": model.provenance.source, "source-sha256": model.provenance.sourceHash,
      "recipe": model.provenance.recipe,
      "seed": "\(model.provenance.seed)", "tool": model.provenance.tool,
    ]
    provenance["threads"] = model.provenance.threads.map(String.init)
    if let normalization = model.input.normalization {
      provenance["normalization"] =
        "(byte · \(normalization.scale) − \(normalization.mean)) / \(normalization.deviation)"
    }
  }

  public var table: String {
    let width = max(5, layers.map(\.name.count).max() ?? 0)
    let kinds = max(4, layers.map(\.kind.count).max() ?? 0)
    func pad(_ text: String, _ width: Int) -> String { text.padding(toLength: width, withPad: " ", startingAt: 0) }
    var lines = [
      "\(file): \(format) model, \(bytes) bytes, \(weights) parameters",
      "input '\(input)' \(inputShape) → output \(outputShape)", "",
      "\(pad("layer", width))  \(pad("kind", kinds))  \(pad("output", 20))  parameters  bits"
        + (format == "packed" ? "     bytes    zeros  entropy" : ""),
    ]
    lines += layers.map { layer in
      "\(pad(layer.name, width))  \(pad(layer.kind, kinds))  \(pad("\(layer.shape)", 20))"
        + (layer.weights == 0 ? "" : "  \(String(format: "%10d", layer.weights))  \(layer.bits.shortened(4))")
        + (layer.weight?.columns ?? "")
    }
    if !provenance.isEmpty {
      lines += [""] + provenance.sorted { $0.key < $1.key }.map { "\(pad($0.key, 14))\($0.value)" }
    }
    return lines.joined(separator: "\n")
  }
}

extension Inspection.Weight {
  init(_ found: WeightStatistics) {
    (alphabet, bytes, zeros, entropy) = (found.alphabet, found.bytes, found.zeros, found.entropy)
  }

  fileprivate var columns: String {
    String(format: "  %8d  %5.1f %%", bytes, zeros * 100) + (entropy.map { String(format: "  %7.2f", $0) } ?? "")
  }
}

extension Double {
  /// With as many digits as say something: 1, 1.6, 0.67.
  func shortened(_ width: Int = 0) -> String {
    let digits = self == rounded() ? 0 : (self * 10).rounded() / 10 == self ? 1 : 2
    let text = String(format: "%.\(digits)f", self)
    return String(repeating: " ", count: max(0, width - text.count)) + text
  }
}

extension PackedLayer.Kind {
  fileprivate var storedWeight: PackedWeight? {
    switch self {
    case .convolution(_, _, _, let weight, _), .dense(let weight, _): weight
    default: nil
    }
  }

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
}

extension PackedWeight {
  fileprivate var count: Int { shape.reduce(1, *) }
}
