/// What the symbols of a weight may be.
///
/// Closed on purpose: the packed format and its kernels know every case.
package enum Alphabet: Hashable, Sendable, Codable {
  /// −1 and +1.
  case binary
}

/// A weight as it is deployed: a symbol for each scalar, and what the symbols of each output channel stand for.
///
///     decoded[o, …] = symbols[o, …] · levels[o]
package struct CodedTensor: Hashable, Sendable {
  /// `[output channels, …]`.
  package let shape: Shape
  package let alphabet: Alphabet
  /// Row-major.
  package let symbols: [Int8]
  /// One a channel, not negative.
  package let levels: [Float]

  /// - Precondition: the symbols are of the alphabet, one for each element; a level for each output channel.
  package init(_ shape: Shape, _ alphabet: Alphabet, symbols: [Int8], levels: [Float]) {
    precondition(shape.rank >= 1 && symbols.count == shape.count && levels.count == shape[0])
    precondition(symbols.allSatisfy { $0 == 1 || $0 == -1 }, "a binary symbol is −1 or +1")
    self.shape = shape
    self.alphabet = alphabet
    self.symbols = symbols
    self.levels = levels
  }

  /// The weight that the symbols stand for.
  package func decoded() -> Tensor {
    let row = shape[0] == 0 ? 0 : shape.count / shape[0]
    return Tensor(shape) { target in
      symbols.withUnsafeBufferPointer { symbols in
        for channel in 0..<shape[0] {
          for i in channel * row..<(channel + 1) * row { target[i] = Float(symbols[i]) * levels[channel] }
        }
      }
    }
  }
}
