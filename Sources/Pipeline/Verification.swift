import Datasets
import Foundation
import Graphs
import Packed
import Tensors
import Training

/// Whether the bytes of a packed model compute what its graph computes.
///
/// Each layer is compared on its own: the kernel gets the very values that the graph has at its inputs. Then both run
/// whole, over all images. Whole numbers and bits must be equal; floats may differ within the tolerance of their layer.
public struct VerificationReport: Codable, Hashable, Sendable {
  public struct Layer: Codable, Hashable, Sendable {
    public var name: String
    public var kind: String
    /// Largest difference of two numbers.
    public var largestDifference: Float
    /// Largest number of the graph's value.
    public var largestMagnitude: Float
    /// How large a difference may be; 0 where every number must be equal.
    public var tolerance: Float
    public var passes: Bool
  }
  /// What the packed kernels were compared with.
  public enum Reference: String, Codable, Sendable {
    /// The network as it was trained and frozen.
    case trained
    /// The weights that the file decodes to.
    case file
  }
  public var reference = Reference.trained
  public var layers: [Layer]
  /// How many images were run through both.
  public var images: Int
  /// For how many of them both give the same class.
  public var sameClass: Int
  /// Largest difference of two outputs, as a part of the largest output.
  public var outputDifference: Float
  /// Shares of right answers, from 0 to 1; nil without labels.
  public var floatTop1: Float?
  public var frozenTop1: Float?
  public var packedTop1: Float?
  public var passes: Bool
  /// The first layer that differs, where one does.
  public var firstDifference: String? { layers.first { !$0.passes }?.name }
}

package struct Verification {
  package let frozen: Graph
  package let runner: PackedRunner
  package let normalization: Normalization?

  package init(frozen: Graph, packed: PackedModel, normalization: Normalization?) throws {
    self.frozen = frozen
    runner = try PackedRunner(packed)
    self.normalization = normalization
  }

  /// Compares layer by layer on the first images, and whole on all of them.
  package func run(on data: any Dataset, float: Graph?, layerImages: Int = 32) throws -> VerificationReport {
    let layers = layers(on: data.first(layerImages))
    var (same, difference, largest) = (0, Float(0), Float(0))
    var (frozenClasses, packedClasses): ([Int], [Int]) = ([], [])
    for indices in data.orderedBatches(of: 250) {
      let images = data.images(indices, normalization: normalization)
      let values = frozen.values(for: images)
      let expected = frozen.run(values)[frozen.outputs[0]].flattenedToRows()
      let found = try runner.run(values[frozen.inputs[0].name]!).flattenedToRows()
      // What is not a number must not be lost: max(0, nan) is 0.
      let here = found.largestDifference(to: expected)
      difference = here.isNaN || difference.isNaN ? .nan : max(difference, here)
      largest = max(largest, expected.largestMagnitude)
      frozenClasses += expected.largestColumns
      packedClasses += found.largestColumns
    }
    same = zip(frozenClasses, packedClasses).count { $0 == $1 }
    let relative = difference.isNaN ? .infinity : difference / max(largest, .leastNormalMagnitude)
    let top1 = { (classes: [Int]) in data.labels.map { Answers(classes: classes).top1($0) } }
    return VerificationReport(
      layers: layers, images: data.count, sameClass: same, outputDifference: relative,
      floatTop1: float.flatMap { graph in
        data.labels.map { graph.answers(on: data, normalization: normalization).top1($0) }
      },
      frozenTop1: top1(frozenClasses), packedTop1: top1(packedClasses),
      passes: layers.allSatisfy(\.passes) && agrees(relative, same, data.count))
  }

  /// Where floats are turned into bits or steps, a difference in the last place can turn one, and with it later layers;
  /// the layers were then each compared alone, and the whole is held to its answers.
  private func agrees(_ difference: Float, _ same: Int, _ images: Int) -> Bool {
    let turnsFloats = runner.model.layers.contains { layer in
      switch layer.kind {
      case .sign, .quantize: true
      default: false
      }
    }
    guard difference.isFinite else { return false }
    return turnsFloats ? same * 1000 >= images * 998 : difference <= 1e-3 && same == images
  }

  private func layers(on data: any Dataset) -> [VerificationReport.Layer] {
    let images = data.images(0..<data.count, normalization: normalization)
    let trace = frozen.run(frozen.values(for: images), keeping: .everything)
    let named = frozen.nodes.filter { $0.operation != nil }.map { ($0.name, $0.id) }
    let nodes = Dictionary(named, uniquingKeysWith: { first, _ in first })
    let model = runner.model
    let value = { (index: Int) in trace[index == 0 ? frozen.inputs[0].id : nodes[model.layers[index - 1].name]!] }
    return model.layers.enumerated().map { index, layer in
      let expected = value(index + 1)
      let found = runner.value(ofLayer: index, inputs: layer.inputs.map(value))
      let tolerance = layer.kind.tolerance(readsBits: layer.inputs.allSatisfy { isBits($0) })
      let (difference, magnitude) = (found.largestDifference(to: expected), expected.largestMagnitude)
      return VerificationReport.Layer(
        name: layer.name, kind: layer.kind.words, largestDifference: difference, largestMagnitude: magnitude,
        tolerance: tolerance * magnitude, passes: difference <= tolerance * magnitude)
    }
  }

  private func isBits(_ value: Int) -> Bool {
    guard value > 0 else { return false }
    switch runner.model.layers[value - 1].kind {
    case .sign, .threshold: return true
    case .maxPool, .reshape: return isBits(runner.model.layers[value - 1].inputs[0])
    default: return false
    }
  }
}

extension PackedLayer.Kind {
  /// How much of the largest magnitude a layer may differ from the float graph, which adds up in another order.
  func tolerance(readsBits: Bool) -> Float {
    switch self {
    case .convolution(_, _, _, let weight, let bias): weight.isWhole && readsBits && bias == nil ? 0 : 1e-5
    case .dense(let weight, let bias): weight.isWhole && readsBits && bias == nil ? 0 : 1e-5
    case .affine, .averagePool, .globalAveragePool, .softmax: 1e-5
    case .add, .relu, .clip, .leak, .quantize, .sign, .threshold, .maxPool, .pad, .slice, .concat, .reshape, .transpose:
      0
    }
  }
}

extension PackedLayer.Kind {
  /// The kind for a person: what its weights are, and what it does.
  package var words: String {
    let kind = name.replacingOccurrences(of: "_", with: " ")
    switch self {
    case .convolution(_, _, _, let weight, _), .dense(let weight, _):
      return "\(weight.words) \(kind)"
    default: return kind
    }
  }
}

extension PackedWeight {
  /// Whether every level is 1, or 2 of a symmetric weight, so that sums over bits are whole numbers.
  fileprivate var isWhole: Bool {
    switch self {
    case .float: false
    case .binary(_, _, let levels): levels.allSatisfy { $0 == 1 }
    case .coded(let weight):
      weight.negativeLevels == nil && weight.levels.allSatisfy { $0 == (weight.alphabet.offset == 0 ? 1 : 2) }
    }
  }
}
