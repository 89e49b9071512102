import Datasets
import Exporters
import Foundation
import Graphs
import Methods
import Packed
import Training

/// What a conversion would do: each layer, every setting, the size of the file and the time it takes.
public struct ConversionPlan: Codable, Hashable, Sendable {
  public struct Layer: Codable, Hashable, Sendable {
    public var name: String
    /// `float`, or the name of the method.
    public var coding: String
    public var options: [String: String]
    /// What the layer reads: `float`, or a name from `signum list activations`, with options as on the command line.
    public var activations: String
    /// The share of training that passes before the weight becomes bits.
    public var start: Float
    public var weights: Int
    public var bitsPerWeight: Double
    /// In the packed file, with levels and bias.
    public var bytes: Int
  }
  /// A step of the network that is trained, where its structure is changed.
  public struct Step: Codable, Hashable, Sendable {
    public var name: String
    public var operation: String
    /// Names of the steps that it reads; constants are left out.
    public var reads: [String]
    /// For one image.
    public var shape: [Int]
  }
  public struct Setting: Codable, Hashable, Sendable {
    public var key: String
    /// As a recipe writes it; empty where there is none.
    public var value: String
  }
  public var model: String
  public var layers: [Layer]
  /// The network as it is trained; nil where the recipe leaves its structure alone.
  public var network: [Step]?
  /// Every key of the recipe, with what was left open filled in.
  public var settings: [Setting]
  /// Names of the layers that are held to the teacher's.
  public var matchedLayers: [String]
  public var trainingImages: Int
  public var validationImages: Int
  public var floatBytes: Int
  public var packedBytes: Int
  /// Nil without epochs or without images for a batch.
  public var secondsPerStep: Double?
  public var stepsPerEpoch: Int?
  public var seconds: Double?
}

extension Converter {
  /// Does everything that comes before training, times a few steps of it, and says what would follow. Writes nothing.
  ///
  /// Throws what would keep the conversion from happening.
  public func plan(model: String, data: String, evaluateOn: String?, to output: String) throws -> ConversionPlan {
    _ = try otherFiles(for: model, output)
    let (source, other) = try SourceModel.pair(model, taughtBy: recipe.teacher)
    let images = try Images(training: data, evaluation: evaluateOn, source: source, self)
    let normalization = try chooseNormalization(for: source, images)
    let layers = try LayerPlan(recipe, for: source.graph, named: source.name)
    let student = try attach(layers, to: source, images, normalization)
    let teacher = try teacher(for: source, other, images, normalization, data)
    let destination = Destination(path: output, normalization: normalization, provenance: provenance(of: source))
    let packed = try rehearse(student, destination)
    let tuning = try tuning(student, teacher, images, normalization)
    var resolved = try recipe.resolved(for: images.training, training: tuning.training.count)
    resolved.normalization = Normalizations.known.first { $0.value == normalization }?.name ?? recipe.normalization
    let estimate = tuning.training.count > 0 && recipe.epochs > 0 ? tuning.estimate() : nil
    return ConversionPlan(
      model: source.name, layers: layers.layers.map { .init($0, in: packed) },
      network: recipe.structure.isEmpty ? nil : student.steps,
      settings: Recipe.settings.map { .init(key: $0.key, value: $0.text(resolved)) },
      matchedLayers: tuning.matched.map(\.name),
      trainingImages: tuning.training.count, validationImages: tuning.validation.count, floatBytes: source.bytes,
      packedBytes: PackedFile.encode(packed).count, secondsPerStep: estimate?.secondsPerStep,
      stepsPerEpoch: estimate?.stepsPerEpoch, seconds: estimate?.seconds)
  }
}

extension ConversionPlan.Layer {
  init(_ layer: LayerPlan.Layer, in model: PackedModel) {
    name = layer.name
    coding = layer.method.map { type(of: $0).name } ?? "float"
    options = layer.options
    let words = layer.activationOptions.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
    activations =
      layer.method == nil ? "float" : layer.activations + (words.isEmpty ? "" : ":" + words.joined(separator: ","))
    start = layer.method == nil ? 0 : layer.start
    let weight = model.layers.first { $0.name == layer.name }?.kind.weight
    weights = weight?.weight.shape.reduce(1, *) ?? 0
    bitsPerWeight = weight?.weight.bits ?? 0
    bytes = weight.map { $0.weight.bytes + ($0.bias?.count ?? 0) * 4 } ?? 0
  }
}

extension Graph {
  /// What computes, in order; codings of weights are left out.
  fileprivate var steps: [ConversionPlan.Step] {
    nodes.compactMap { node in
      guard let operation = node.operation, !(operation is any WeightCoding) else { return nil }
      let reads = node.inputs.map { self[$0] }.filter { $0.constant == nil && !($0.operation is any WeightCoding) }
      var what = type(of: operation).name
      if let norm = operation as? BatchNorm {
        what += (norm.addsSkip ? " + skip" : "") + (norm.relu ? " + relu" : "")
      }
      return ConversionPlan.Step(
        name: node.name, operation: what, reads: reads.map(\.name), shape: Array(node.shape.dimensions.dropFirst()))
    }
  }
}

extension PackedLayer.Kind {
  var weight: (weight: PackedWeight, bias: [Float]?)? {
    switch self {
    case .convolution(_, _, _, let weight, let bias): (weight, bias)
    case .dense(let weight, let bias): (weight, bias)
    default: nil
    }
  }
}

extension ConversionPlan {
  /// The plan as tables for a terminal.
  public var table: String {
    ([layerTable, ""] + networkTable + [settingTable, ""] + closing).joined(separator: "\n")
  }

  private var networkTable: [String] {
    guard let network else { return [] }
    let rows = network.map { step in
      [
        step.name, step.operation, step.shape.map(String.init).joined(separator: " x "),
        step.reads.joined(separator: ", "),
      ]
    }
    return [aligned([["step", "operator", "shape", "reads"]] + rows, right: nil), ""]
  }

  private var layerTable: String {
    let rows =
      [["layer", "coding", "reads", "from", "weights", "bits", "bytes"]]
      + layers.map { layer in
        let options = layer.options.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        return [
          layer.name, layer.coding + (options.isEmpty ? "" : ":" + options.joined(separator: ",")), layer.activations,
          layer.coding == "float" ? "" : String(format: "%.0f %%", layer.start * 100), "\(layer.weights)",
          layer.bitsPerWeight.shortened(), "\(layer.bytes)",
        ]
      }
    return aligned(rows, right: 3...6)
  }

  private var settingTable: String {
    aligned(settings.map { [$0.key, $0.value.isEmpty ? "–" : $0.value] }, right: nil)
  }

  private var closing: [String] {
    var rows = [["images", "\(trainingImages) to train on, \(validationImages) set aside"]]
    if !matchedLayers.isEmpty { rows.append(["matched layers", matchedLayers.joined(separator: ", ")]) }
    rows.append(["float bytes", "\(floatBytes)"])
    rows.append(["packed bytes", "\(packedBytes)" + sizeChange(from: floatBytes, to: packedBytes)])
    if let seconds, let secondsPerStep, let stepsPerEpoch {
      rows.append(["a step", String(format: "%.3f s, %d an epoch", secondsPerStep, stepsPerEpoch)])
      rows.append(["training", "about " + Self.words(seconds)])
    }
    return [aligned(rows, right: nil)]
  }

  private static func words(_ seconds: Double) -> String {
    switch seconds {
    case ..<90: String(format: "%.0f s", seconds)
    case ..<5400: String(format: "%.0f min", seconds / 60)
    default: String(format: "%.1f h", seconds / 3600)
    }
  }
}
