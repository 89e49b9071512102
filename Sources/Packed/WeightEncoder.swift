import Tensors

/// Weights taken apart: symbols to the bits of the file, levels to floats or to exponents.
extension ModelEncoder {
  mutating func encode(_ weight: PackedWeight, bias: [Float]?, into members: inout [String: JSON]) {
    members["weight"] = .integers(weight.shape)
    encodeNumbers(weight, into: &members)
    fillUp()
    if let bias { members["bias"] = floats(bias) }
  }

  private mutating func encodeNumbers(_ weight: PackedWeight, into members: inout [String: JSON]) {
    switch weight {
    case .float(let tensor): members["floats"] = floats(tensor.scalars)
    case .binary(_, let bits, let levels):
      members["bits"] = bytes(bits.words.map { $0.littleEndian }.withUnsafeBytes { Array($0) })
      encode(levels, "", into: &members)
    case .coded(let weight): encode(weight, into: &members)
    }
  }

  /// Bytes of a weight in a file, levels and codebook included, without what fills it up.
  static func size(of weight: PackedWeight) -> Int {
    var (encoder, members) = (ModelEncoder(), [String: JSON]())
    encoder.encodeNumbers(weight, into: &members)
    return encoder.data.bytes.count + encoder.data.floats.count * 4
  }

  private mutating func encode(_ weight: CodedWeight, into members: inout [String: JSON]) {
    members["alphabet"] = .string(weight.alphabet.word)
    if case .fields(let bits) = weight.rows.storage { members["symbol_bits"] = .integer(bits) }
    members["symbols"] = bytes(weight.table?.bytes ?? [])
    _ = bytes(weight.rows.bytes)
    encode(weight.levels, "", into: &members)
    if let negative = weight.negativeLevels { encode(negative, "negative_", into: &members) }
  }

  /// One level where all are equal; whole exponents where all are powers of two; else all of them.
  private mutating func encode(_ levels: [Float], _ prefix: String, into members: inout [String: JSON]) {
    let exponents = levels.compactMap(\.wholeExponent)
    if levels.count > 1, levels.allSatisfy({ $0.bitPattern == levels[0].bitPattern }) {
      members[prefix + "level"] = floats([levels[0]])
    } else if levels.count > 1, exponents.count == levels.count {
      members[prefix + "exponents"] = bytes(exponents.map { UInt8(bitPattern: $0) })
    } else {
      members[prefix + "levels"] = floats(levels)
    }
  }
}

extension CodedWeight {
  /// The kernels of a codebook as a row of nine bits each.
  var table: SymbolRows? {
    guard case .codebook = alphabet else { return nil }
    return SymbolRows(rows: 1, columns: patterns.count, storage: .fields(bits: Codebook.length)) { _ in patterns }
  }
}

extension Alphabet {
  /// The word for it in files.
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

extension Float {
  /// e where this is 2ᵉ, −126 ≤ e ≤ 127.
  fileprivate var wholeExponent: Int8? {
    isNormal && self > 0 && significandBitPattern == 0 ? Int8(exponent) : nil
  }
}
