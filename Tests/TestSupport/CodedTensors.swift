import Tensors

/// Weights of every alphabet that is not plain binary, drawn from a seed, with every form that levels have.
package enum CodedTensors {
  package static let names = [
    "ternary", "ternary, one level", "ternary, two sides", "ternary, exponents", "uniform 2", "uniform 3, one level",
    "uniform 8", "symmetric 2", "symmetric 5, one level", "symmetric 8", "codebook 1", "codebook 4, exponents",
    "codebook 6, one level", "codebook 8",
  ]

  /// The weight of a name. Every symbol of its alphabet may occur, and the largest and smallest do in large weights.
  package static func named(_ name: String, _ shape: Shape, seed: UInt64) -> CodedTensor {
    let words = name.split(separator: " ", maxSplits: 1)
    let kind = words[0].prefix { $0 != "," }
    var generator = SplitMix64(seed: seed)
    var levels = (0..<shape[0]).map { _ in generator.uniform() * 0.5 + 0.25 }
    if name.hasSuffix("one level") { levels = levels.map { _ in 0.3 } }
    if name.hasSuffix("exponents") {
      levels = levels.indices.map { Float(sign: .plus, exponent: -$0 % 5, significand: 1) }
    }
    let bits = words.count > 1 ? Int(words[1].prefix { $0.isNumber }) ?? 0 : 0
    let row = shape.count / shape[0]
    if kind == "codebook" {
      let patterns = (0..<1 << bits).map { _ in UInt16(generator.below(512)) }
      let indices = (0..<shape[0] * Codebook.kernels(inRow: row)).map { _ in UInt8(generator.below(1 << bits)) }
      return CodedTensor(shape, Codebook(bits: bits, patterns: patterns), indices: indices, levels: levels)
    }
    let alphabet: Alphabet =
      switch kind {
      case "ternary": .ternary
      case "uniform": .uniform(bits: bits)
      default: .symmetric(bits: bits)
      }
    let (least, count) = (Int(alphabet.symbols.lowerBound), alphabet.symbols.count)
    let symbols = (0..<shape.count).map { _ in Int8(least + generator.below(count)) }
    let negative = name.hasSuffix("two sides") ? levels.map { $0 * 0.7 + 0.01 } : nil
    return CodedTensor(shape, alphabet, symbols: symbols, levels: levels, negativeLevels: negative)
  }
}
