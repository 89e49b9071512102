import Tensors

/// A weight of ternary, few-bit or codebook symbols as it is stored.
///
/// A number stands for each symbol: for a ternary one the symbol + 1, for k bits the symbol + 2ᵏ⁻¹; they lie in the
/// order in which kernels meet them. A weight from a codebook has the index of each kernel instead, in the order of
/// `CodedTensor`.
package struct CodedWeight: Hashable, Sendable {
  /// `[output channels, input channels / groups, height, width]` or `[output features, input features]`.
  package let shape: [Int]
  package let alphabet: Alphabet
  package let rows: SymbolRows
  /// 2ᵇ kernels of nine bits, for a codebook.
  package let patterns: [UInt16]
  /// One for each output channel.
  package let levels: [Float]
  /// What −1 stands for, negated, where a ternary weight has levels of their own for it.
  package let negativeLevels: [Float]?

  package init(
    shape: [Int], _ alphabet: Alphabet, rows: SymbolRows, patterns: [UInt16] = [], levels: [Float],
    negativeLevels: [Float]? = nil
  ) {
    self.shape = shape
    self.alphabet = alphabet
    self.rows = rows
    self.patterns = patterns
    self.levels = levels
    self.negativeLevels = negativeLevels
  }

  /// Columns of a row of weights: `input channels / groups · height · width`.
  var columns: Int { shape.dropFirst().reduce(1, *) }

  /// How many numbers a row has: one a weight, or one a kernel of a codebook.
  static func numbersPerRow(_ alphabet: Alphabet, columns: Int) -> Int {
    if case .codebook = alphabet { Codebook.kernels(inRow: columns) } else { columns }
  }

  /// What is added to a symbol to make a number from 0 on of it.
  private var shift: Int16 { -Int16(alphabet.symbols.lowerBound) }

  /// Packs a weight. A ternary one takes five trits a byte, or two bits a weight if asked.
  package init(_ coded: CodedTensor, ternary: SymbolRows.Storage = .trits) {
    let shape = coded.shape.dimensions
    let columns = coded.shape.count / max(shape[0], 1)
    let numbers = Self.numbersPerRow(coded.alphabet, columns: columns)
    let (storage, rows): (SymbolRows.Storage, SymbolRows)
    switch coded.alphabet {
    case .codebook(let bits):
      storage = .fields(bits: bits)
      rows = SymbolRows(rows: shape[0], columns: numbers, storage: storage) { row in
        coded.indices[row * numbers..<(row + 1) * numbers].map(UInt16.init)
      }
    default:
      storage = Self.storage(of: coded.alphabet, ternary: ternary)
      let (order, shift) = (ColumnOrder(shape), -Int16(coded.alphabet.symbols.lowerBound))
      rows = SymbolRows(rows: shape[0], columns: columns, storage: storage) { row in
        coded.symbols.withUnsafeBufferPointer { symbols in
          order.places.map { UInt16(Int16(symbols[row * columns + $0]) + shift) }
        }
      }
    }
    self.init(
      shape: shape, coded.alphabet, rows: rows, patterns: coded.codebook?.patterns ?? [], levels: coded.levels,
      negativeLevels: coded.negativeLevels)
  }

  private static func storage(of alphabet: Alphabet, ternary: SymbolRows.Storage) -> SymbolRows.Storage {
    switch alphabet {
    case .binary: .fields(bits: 1)
    case .ternary: ternary
    case .uniform(let bits), .symmetric(let bits), .codebook(let bits): .fields(bits: bits)
    }
  }

  /// The symbols of a row in the order (y, x, channel). Complexity: O(columns).
  package func symbols(inRow row: Int) -> [Int8] {
    let numbers = rows.numbers(inRow: row)
    guard case .codebook = alphabet else { return numbers.map { Int8(Int16($0) - shift) } }
    return ColumnOrder(shape).places.map { place in
      let pattern = patterns[Int(numbers[place / Codebook.length])]
      return pattern >> UInt16(place % Codebook.length) & 1 == 1 ? 1 : -1
    }
  }

  /// The weight that was packed.
  package var coded: CodedTensor {
    if case .codebook(let bits) = alphabet {
      let indices = (0..<shape[0]).flatMap { rows.numbers(inRow: $0).map { UInt8($0) } }
      return CodedTensor(Shape(shape), Codebook(bits: bits, patterns: patterns), indices: indices, levels: levels)
    }
    let (order, columns) = (ColumnOrder(shape), columns)
    var symbols = [Int8](repeating: 0, count: shape[0] * columns)
    for row in 0..<shape[0] {
      for (symbol, place) in zip(self.symbols(inRow: row), order.places) { symbols[row * columns + place] = symbol }
    }
    return CodedTensor(Shape(shape), alphabet, symbols: symbols, levels: levels, negativeLevels: negativeLevels)
  }

  /// A weight of kernels from a codebook, spelled out: a bit a weight.
  ///
  /// - Precondition: the alphabet is binary or a codebook.
  var bits: BitRows {
    precondition(alphabet.isBinary)
    let columns = columns
    let wordsPerRow = (columns + 63) / 64
    var words = [UInt64](repeating: 0, count: shape[0] * wordsPerRow)
    for row in 0..<shape[0] {
      for (column, symbol) in symbols(inRow: row).enumerated() where symbol > 0 {
        words[row * wordsPerRow + column / 64] |= 1 << UInt64(column % 64)
      }
    }
    return BitRows(rows: shape[0], columns: columns, words: words)
  }
}

/// The order of a row of weights in files and kernels, (y, x, channel), against that of tensors, (channel, y, x).
struct ColumnOrder {
  /// For each column its place in a row of a tensor.
  let places: [Int]

  init(_ shape: [Int]) {
    guard shape.count == 4 else {
      places = Array(0..<shape.dropFirst().reduce(1, *))
      return
    }
    let taps = shape[2] * shape[3]
    places = (0..<taps).flatMap { tap in (0..<shape[1]).map { $0 * taps + tap } }
  }
}

extension PackedWeight {
  /// A coded weight as it is stored. A ternary one takes five trits a byte, or two bits a weight if asked.
  package init(_ coded: CodedTensor, ternary: SymbolRows.Storage = .trits) {
    guard coded.alphabet == .binary else {
      self = .coded(CodedWeight(coded, ternary: ternary))
      return
    }
    let shape = coded.shape.dimensions
    if shape.count != 4 || shape[2] * shape[3] == 1 {
      self = .binary(shape: shape, BitRows(coded), levels: coded.levels)
      return
    }
    let order = ColumnOrder(shape)
    let columns = order.places.count
    let symbols = (0..<shape[0]).flatMap { row in order.places.map { coded.symbols[row * columns + $0] } }
    self = .binary(
      shape: shape, BitRows(rows: shape[0], columns: columns, symbols: symbols), levels: coded.levels)
  }

  /// The coded weight that this is, or nil for a float one.
  package var coded: CodedTensor? {
    switch self {
    case .float: return nil
    case .coded(let weight): return weight.coded
    case .binary(let shape, let bits, let levels):
      let order = ColumnOrder(shape)
      var symbols = [Int8](repeating: 0, count: bits.rows * bits.columns)
      for row in 0..<bits.rows {
        for (column, place) in order.places.enumerated() {
          symbols[row * bits.columns + place] = bits[row, column]
        }
      }
      return CodedTensor(Shape(shape), .binary, symbols: symbols, levels: levels)
    }
  }
}
