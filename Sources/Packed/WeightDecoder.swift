import Tensors

/// Weights put together again: the twin of what `ModelEncoder` does to them.
extension ModelDecoder {
  mutating func weight(
    _ reader: inout JSONReader, _ shape: [Int], _ layer: String
  ) throws(PackedFileError) -> PackedWeight {
    let weight: PackedWeight
    let (rows, columns) = (shape[0], shape.dropFirst().reduce(1, *))
    if reader.has("symbols") {
      weight = .coded(try coded(&reader, shape, layer))
    } else if reader.has("bits") {
      let bytes = try takeBytes(&reader, "bits", rows * ((columns + 63) / 64) * 8, layer)
      let bits = BitRows(rows: rows, columns: columns, words: bytes.words)
      weight = .binary(shape: shape, bits, levels: try levels(&reader, "", rows, layer))
    } else {
      return .float(Tensor(Shape(shape), scalars: try takeFloats(&reader, "floats", rows * columns, layer)))
    }
    try skipFilling()
    return weight
  }

  private mutating func coded(
    _ reader: inout JSONReader, _ shape: [Int], _ layer: String
  ) throws(PackedFileError) -> CodedWeight {
    let (alphabet, storage) = try alphabet(&reader)
    let numbers = CodedWeight.numbersPerRow(alphabet, columns: shape.dropFirst().reduce(1, *))
    let size = SymbolRows.bytesPerRow(numbers, storage)
    var patterns: [UInt16] = []
    var bytes: [UInt8]
    if case .codebook(let bits) = alphabet {
      let length = SymbolRows.bytesPerRow(1 << bits, .fields(bits: Codebook.length))
      bytes = try takeBytes(&reader, "symbols", length + shape[0] * size, layer)
      let table = SymbolRows(
        rows: 1, columns: 1 << bits, storage: .fields(bits: Codebook.length), bytes: Array(bytes[..<length]))
      guard table.firstRowWithPadding == nil else { throw .paddingBitsSet(layer: layer, row: 0) }
      patterns = table.numbers(inRow: 0)
      bytes = Array(bytes[length...])
    } else {
      bytes = try takeBytes(&reader, "symbols", shape[0] * size, layer)
    }
    let rows = SymbolRows(rows: shape[0], columns: numbers, storage: storage, bytes: bytes)
    let positive = try levels(&reader, "", shape[0], layer)
    let hasNegative = ["levels", "level", "exponents"].contains { reader.has("negative_" + $0) }
    let negative = hasNegative && alphabet == .ternary ? try levels(&reader, "negative_", shape[0], layer) : nil
    return CodedWeight(
      shape: shape, alphabet, rows: rows, patterns: patterns, levels: positive, negativeLevels: negative)
  }

  private func alphabet(
    _ reader: inout JSONReader
  ) throws(PackedFileError) -> (Alphabet, SymbolRows.Storage) {
    let word = try reader.string("alphabet")
    if word == "ternary" {
      guard reader.has("symbol_bits") else { return (.ternary, .trits) }
      guard try reader.integer("symbol_bits") == 2 else { throw reader.invalid("symbol_bits", "2, or left out") }
      return (.ternary, .fields(bits: 2))
    }
    guard ["uniform", "symmetric", "codebook"].contains(word) else {
      throw reader.invalid("alphabet", "ternary, uniform, symmetric or codebook")
    }
    let (bits, least) = (try reader.integer("symbol_bits"), word == "codebook" ? 1 : 2)
    guard least...8 ~= bits else { throw reader.invalid("symbol_bits", "from \(least) to 8") }
    switch word {
    case "uniform": return (.uniform(bits: bits), .fields(bits: bits))
    case "symmetric": return (.symmetric(bits: bits), .fields(bits: bits))
    default: return (.codebook(bits: bits), .fields(bits: bits))
    }
  }

  private mutating func levels(
    _ reader: inout JSONReader, _ prefix: String, _ count: Int, _ layer: String
  ) throws(PackedFileError) -> [Float] {
    if reader.has(prefix + "level") {
      return Array(repeating: try takeFloats(&reader, prefix + "level", 1, layer)[0], count: count)
    }
    guard reader.has(prefix + "exponents") else { return try takeFloats(&reader, prefix + "levels", count, layer) }
    let exponents = try takeBytes(&reader, prefix + "exponents", count, layer).map { Int8(bitPattern: $0) }
    guard exponents.allSatisfy({ $0 >= -126 }) else {
      throw reader.invalid(prefix + "exponents", "from -126 to 127")
    }
    return exponents.map { Float(sign: .plus, exponent: Int($0), significand: 1) }
  }
}

extension [UInt8] {
  /// Little-endian words. The bytes are a multiple of 8.
  fileprivate var words: [UInt64] {
    withUnsafeBytes { bytes in
      (0..<bytes.count / 8).map {
        UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: $0 * 8, as: UInt64.self))
      }
    }
  }
}
