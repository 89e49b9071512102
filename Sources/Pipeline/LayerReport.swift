import Exporters
import Graphs
import Methods
import Packed
import Tensors

/// What became of a layer with weights.
public struct LayerReport: Codable, Hashable, Sendable {
  public var name: String
  /// `float`, or what the symbols of its weight are: `binary`, `ternary`, `uniform`, `symmetric`, `codebook`.
  public var alphabet: String
  public var weights: Int
  /// What a weight takes in its alphabet, without levels and codebooks: log₂ 3 for a ternary one.
  public var weightBits: Double
  /// What a number that the layer reads takes.
  public var activationBits: Int
  /// In the packed file, with levels and bias.
  public var bytes: Int
  /// The share of the weights, from 0 to 1, that are 0.
  public var zeros: Double
  /// Bits a weight that its symbols would need at least, were each drawn on its own; nil for floats.
  public var entropy: Double?
  /// How far the weight lies from that of the float network, from 0 to 1: the norm of the difference, with each output
  /// channel at its best scale, as a part of the float weight's norm. Nil where the float network has no such weight.
  ///
  ///     error² = Σₒ (|wₒ|² − ⟨wₒ, qₒ⟩² / |qₒ|²) / Σₒ |wₒ|²
  ///
  /// Scales do not count because batch norms take them up. Fine-tuning moves weights, so a float layer has an error
  /// too.
  public var error: Double?
}

extension LayerReport {
  /// The layers of a frozen graph, with their sizes in the packed file.
  static func layers(of frozen: Graph, in packed: PackedModel, from source: Graph) -> [LayerReport] {
    let originals = Dictionary(
      source.weightLayers.map { ($0.name, source[$0.inputs[1]].constant!.tensor) },
      uniquingKeysWith: { first, _ in first })
    return frozen.nodes.compactMap { node in
      guard node.operation is Convolution || node.operation is Dense, let constant = frozen[node.inputs[1]].constant
      else { return nil }
      let original = originals[node.name].flatMap { $0.shape == constant.shape ? $0 : nil }
      return LayerReport(node, constant, original, in: packed, activationBits: frozen.bitsRead(by: node))
    }
  }

  private init(
    _ node: Graph.Node, _ constant: Graph.Constant, _ original: Tensor?, in packed: PackedModel, activationBits: Int
  ) {
    let weight = constant.tensor
    name = node.name
    weights = weight.shape.count
    self.activationBits = activationBits
    switch constant {
    case .dense: (alphabet, weightBits) = ("float", 32)
    case .coded(let coded): (alphabet, weightBits) = (coded.alphabet.word, coded.alphabet.bitsPerWeight)
    }
    let stored = packed.layers.first { $0.name == node.name }?.kind.weight
    bytes = stored.map { $0.weight.bytes + ($0.bias?.count ?? 0) * 4 } ?? 0
    entropy = stored.flatMap { WeightStatistics($0.weight).entropy }
    let values = weight.inLayout(.rowMajor).withUnsafeFloats { Array($0) }
    zeros = values.isEmpty ? 0 : Double(values.count { $0 == 0 }) / Double(values.count)
    error = original.map { original in
      original.inLayout(.rowMajor).withUnsafeFloats { Self.error(Array($0), values, channels: weight.shape[0]) }
    }
  }

  private static func error(_ original: [Float], _ coded: [Float], channels: Int) -> Double {
    let row = original.count / max(channels, 1)
    var (missed, all) = (0.0, 0.0)
    for channel in 0..<channels {
      var (square, product, other) = (0.0, 0.0, 0.0)
      for i in channel * row..<(channel + 1) * row {
        let (w, q) = (Double(original[i]), Double(coded[i]))
        square += w * w
        product += w * q
        other += q * q
      }
      all += square
      missed += max(0, square - (other > 0 ? product * product / other : 0))
    }
    return all > 0 ? (missed / all).squareRoot() : 0
  }
}

extension Alphabet {
  /// Its name, without how many bits it has.
  var word: String {
    switch self {
    case .binary: "binary"
    case .ternary: "ternary"
    case .uniform: "uniform"
    case .symmetric: "symmetric"
    case .codebook: "codebook"
    }
  }
}

extension Graph {
  /// Bits of a number that a layer reads, also through what only moves numbers: 1 after a sign or a threshold.
  fileprivate func bitsRead(by layer: Node) -> Int {
    var node = self[layer.inputs[0]]
    while node.operation is MaxPool || node.operation is Reshape || node.operation is Flatten {
      node = self[node.inputs[0]]
    }
    return switch node.operation {
    case is SignActivation, is Threshold: 1
    case let quantize as Quantize: quantize.bits
    default: 32
    }
  }
}

extension [LayerReport] {
  private var coded: [LayerReport] { filter { $0.alphabet != "float" } }

  /// The mean over the weights of coded layers; nil without such layers.
  package var weightBits: Double? {
    let weights = coded.reduce(0) { $0 + $1.weights }
    return weights == 0 ? nil : coded.reduce(0.0) { $0 + $1.weightBits * Double($1.weights) } / Double(weights)
  }

  /// The share of the weights of coded layers that are 0; nil without such layers.
  package var zeros: Double? {
    let weights = coded.reduce(0) { $0 + $1.weights }
    return weights == 0 ? nil : coded.reduce(0.0) { $0 + $1.zeros * Double($1.weights) } / Double(weights)
  }

  /// The most that a coded layer reads; nil without such layers.
  package var activationBits: Int? { coded.map(\.activationBits).max() }
}
