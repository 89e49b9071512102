import Foundation
import Tensors

/// What a weight is made of, counted.
package struct WeightStatistics: Hashable, Sendable {
  /// `float`, or the alphabet of its symbols.
  package let alphabet: String
  /// How many weights there are.
  package let count: Int
  /// Bits in which one is stored, levels and codebook apart.
  package let bits: Double
  /// In the file: symbols, levels and codebook.
  package let bytes: Int
  /// The share of weights that are 0, from 0 to 1.
  package let zeros: Double
  /// Bits a weight that its symbols would need at least, were each drawn on its own: −Σ p · log₂ p over the symbols.
  /// For a codebook over its kernels, a ninth of it for each weight. Nil for floats.
  package let entropy: Double?

  /// Counts a weight. Complexity: O(weights).
  package init(_ weight: PackedWeight) {
    count = weight.shape.reduce(1, *)
    bytes = ModelEncoder.size(of: weight)
    bits = weight.bits
    switch weight {
    case .float(let tensor):
      alphabet = "float"
      let found = tensor.withUnsafeFloats { $0.reduce(0) { $1 == 0 ? $0 + 1 : $0 } }
      zeros = Double(found) / Double(max(count, 1))
      entropy = nil
    case .binary(_, let rows, _):
      alphabet = Alphabet.binary.word
      let ones = rows.words.reduce(0) { $0 + $1.nonzeroBitCount }
      zeros = 0
      entropy = Self.entropy([ones, count - ones])
    case .coded(let weight):
      alphabet = weight.alphabet.word
      let histogram = weight.histogram
      let symbols = Self.entropy(histogram)
      switch weight.alphabet {
      case .codebook:
        zeros = 0
        let kernels = histogram.reduce(0, +)
        entropy = symbols * Double(kernels) / Double(max(count, 1))
      case .binary, .symmetric: (zeros, entropy) = (0, symbols)
      case .ternary, .uniform:
        let zero = -Int(weight.alphabet.symbols.lowerBound)
        zeros = Double(histogram[zero]) / Double(max(count, 1))
        entropy = symbols
      }
    }
  }

  private static func entropy(_ counts: [Int]) -> Double {
    let total = Double(counts.reduce(0, +))
    return counts.reduce(0) { sum, count in
      let share = Double(count) / total
      return count == 0 ? sum : sum - share * log2(share)
    }
  }
}

extension CodedWeight {
  /// How often each stored number occurs.
  fileprivate var histogram: [Int] {
    var counts = [Int](repeating: 0, count: 1 << 8)
    for row in 0..<rows.rows { for number in rows.numbers(inRow: row) { counts[Int(number)] += 1 } }
    return counts
  }
}

extension PackedWeight {
  /// Bits in which a weight is stored, without levels, codebook and the padding of rows.
  package var bits: Double {
    switch self {
    case .float: 32
    case .binary: 1
    case .coded(let weight):
      switch (weight.alphabet, weight.rows.storage) {
      case (_, .trits): 1.6
      case (.codebook(let bits), _): Double(bits) / Double(Codebook.length)
      case (_, .fields(let bits)): Double(bits)
      }
    }
  }

  /// The weights for a person: `float`, `binary`, `ternary`, `4-bit`, `codebook`.
  package var words: String {
    switch self {
    case .float: "float"
    case .binary: "binary"
    case .coded(let weight):
      switch weight.alphabet {
      case .binary, .ternary, .codebook: weight.alphabet.word
      case .uniform(let bits), .symmetric(let bits): "\(bits)-bit"
      }
    }
  }

  /// In the file, levels and codebook included, without what fills it up.
  package var bytes: Int { ModelEncoder.size(of: self) }
}
