/// What the symbols of a weight may be.
///
/// Closed on purpose: the packed format and its kernels know every case.
package enum Alphabet: Hashable, Sendable, Codable {
  /// −1 and +1.
  case binary
  /// −1, 0 and +1.
  case ternary
  /// From −2ᵇ⁻¹ to 2ᵇ⁻¹ − 1, each standing for so many steps. From 2 to 8 bits.
  case uniform(bits: Int)
  /// The same symbols, each standing for half a step more: as many below 0 as above, and no 0. From 2 to 8 bits.
  case symmetric(bits: Int)
  /// −1 and +1 in kernels of nine, which are among 2ᵇ of all 512. From 1 to 8 bits.
  case codebook(bits: Int)

  /// Which symbols occur.
  package var symbols: ClosedRange<Int8> {
    switch self {
    case .binary, .codebook, .ternary: -1...1
    case .uniform(let bits), .symmetric(let bits): Int8(-(1 << (bits - 1)))...Int8((1 << (bits - 1)) - 1)
    }
  }

  /// What is added to a symbol before it counts steps.
  package var offset: Float { if case .symmetric = self { 0.5 } else { 0 } }

  /// Bits that a weight takes, apart from levels and codebooks: log₂ 3 for a ternary one.
  package var bitsPerWeight: Double {
    switch self {
    case .binary: 1
    case .ternary: 1.584_962_500_721_156
    case .uniform(let bits), .symmetric(let bits): Double(bits)
    case .codebook(let bits): Double(bits) / Double(Codebook.length)
    }
  }

  /// Whether every symbol is −1 or +1.
  package var isBinary: Bool {
    switch self {
    case .binary, .codebook: true
    case .ternary, .uniform, .symmetric: false
    }
  }
}

/// The kernels that the weights of a layer are made of: 2ᵇ of the 512 patterns of nine signs.
///
/// A row of weights, as it lies in memory, is cut into kernels of nine: those of a 3 × 3 convolution are one for each
/// input channel. Where nine do not divide a row, only the beginning of its last kernel counts.
package struct Codebook: Hashable, Sendable {
  /// How many signs a kernel has.
  package static let length = 9
  package let bits: Int
  /// Bit i of a pattern is the i-th sign: 1 stands for +1, 0 for −1. 2ᵇ of them, from 0 to 511.
  package let patterns: [UInt16]

  /// - Precondition: `1 ≤ bits ≤ 8`, 2ᵇ patterns below 512.
  package init(bits: Int, patterns: [UInt16]) {
    precondition(1...8 ~= bits && patterns.count == 1 << bits && patterns.allSatisfy { $0 < 512 })
    self.bits = bits
    self.patterns = patterns
  }

  /// How many kernels a row of weights is cut into.
  package static func kernels(inRow length: Int) -> Int { (length + Self.length - 1) / Self.length }
}

/// A weight as it is deployed: a symbol for each scalar, and what the symbols of each output channel stand for.
///
///     decoded[o, …] = (symbols[o, …] + offset) · levels[o]        offset: ½ for a symmetric alphabet, else 0
///     ternary with negative levels:  +1 → levels[o],  −1 → −negativeLevels[o]
package struct CodedTensor: Hashable, Sendable {
  /// `[output channels, …]`.
  package let shape: Shape
  package let alphabet: Alphabet
  /// Row-major.
  package let symbols: [Int8]
  /// One a channel: what one step stands for.
  package let levels: [Float]
  /// One a channel: what −1 stands for, negated, where a ternary weight has levels of their own for it.
  package let negativeLevels: [Float]?
  /// The kernels, for a codebook alphabet.
  package let codebook: Codebook?
  /// Which of them each is, `[output channels, kernels in a row]`; empty for other alphabets.
  package let indices: [UInt8]

  /// - Precondition: the symbols are of the alphabet, which has no codebook, one for each element; levels for each
  ///   output channel; negative levels for a ternary alphabet only.
  package init(
    _ shape: Shape, _ alphabet: Alphabet, symbols: [Int8], levels: [Float], negativeLevels: [Float]? = nil
  ) {
    precondition(shape.rank >= 1 && symbols.count == shape.count && levels.count == shape[0])
    precondition(negativeLevels == nil || (alphabet == .ternary && negativeLevels?.count == shape[0]))
    switch alphabet {
    case .binary: precondition(Self.areSigns(symbols), "a binary symbol is −1 or +1")
    case .codebook: preconditionFailure("a weight from a codebook is made of indices")
    case .ternary, .uniform, .symmetric:
      let range = alphabet.symbols
      precondition(symbols.allSatisfy { range.contains($0) }, "a symbol is of its alphabet")
    }
    self.shape = shape
    self.alphabet = alphabet
    self.symbols = symbols
    self.levels = levels
    self.negativeLevels = negativeLevels
    codebook = nil
    indices = []
  }

  /// Whether every symbol is −1 or +1. Looks at all of them, many at once: leaving early would mean one at a time.
  private static func areSigns(_ symbols: [Int8]) -> Bool {
    symbols.withUnsafeBufferPointer { symbols in
      var others: Int8 = 0
      // −1 and +1 are 0 and 2 here, and nothing else leaves no other bit.
      for symbol in symbols { others |= (symbol &+ 1) & ~2 }
      return others == 0
    }
  }

  /// A weight of kernels from a codebook.
  ///
  /// - Precondition: an index below 2ᵇ for each kernel of each row; a level for each output channel.
  package init(_ shape: Shape, _ codebook: Codebook, indices: [UInt8], levels: [Float]) {
    let row = shape.rank >= 1 && shape[0] > 0 ? shape.count / shape[0] : 0
    let kernels = Codebook.kernels(inRow: row)
    precondition(shape.rank >= 1 && levels.count == shape[0] && indices.count == shape[0] * kernels)
    precondition(indices.allSatisfy { Int($0) < codebook.patterns.count }, "an index is below the codebook's size")
    self.shape = shape
    alphabet = .codebook(bits: codebook.bits)
    symbols = [Int8](unsafeUninitializedCapacity: shape.count) { symbols, count in
      for channel in 0..<shape[0] {
        for i in 0..<row {
          let pattern = codebook.patterns[Int(indices[channel * kernels + i / Codebook.length])]
          symbols[channel * row + i] = pattern >> UInt16(i % Codebook.length) & 1 == 1 ? 1 : -1
        }
      }
      count = shape.count
    }
    self.levels = levels
    negativeLevels = nil
    self.codebook = codebook
    self.indices = indices
  }

  /// The weight that the symbols stand for.
  package func decoded() -> Tensor {
    let row = shape[0] == 0 ? 0 : shape.count / shape[0]
    let offset = alphabet.offset
    return Tensor(shape) { target in
      symbols.withUnsafeBufferPointer { symbols in
        for channel in 0..<shape[0] {
          let level = levels[channel]
          for i in channel * row..<(channel + 1) * row { target[i] = (Float(symbols[i]) + offset) * level }
          guard let negative = negativeLevels?[channel] else { continue }
          for i in channel * row..<(channel + 1) * row where symbols[i] < 0 { target[i] = -negative }
        }
      }
    }
  }

  /// The same symbols with each channel's levels multiplied by a factor.
  ///
  /// Signs change sides where a factor is negative, so that the level stays above 0; other symbols keep theirs.
  package func scaled(by factors: [Float]) -> CodedTensor {
    precondition(factors.count == shape[0])
    let levels = Swift.zip(levels, factors).map { $0 * $1 }
    let row = shape[0] == 0 ? 0 : shape.count / shape[0]
    switch alphabet {
    case .binary:
      let symbols = symbols.enumerated().map { factors[$0 / row] < 0 ? -$1 : $1 }
      return CodedTensor(shape, .binary, symbols: symbols, levels: levels.map(abs))
    case .codebook: return CodedTensor(shape, codebook!, indices: indices, levels: levels)
    case .ternary, .uniform, .symmetric:
      let negative = negativeLevels.map { Swift.zip($0, factors).map { $0 * $1 } }
      return CodedTensor(shape, alphabet, symbols: symbols, levels: levels, negativeLevels: negative)
    }
  }
}
