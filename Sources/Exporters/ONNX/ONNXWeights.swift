import Packed
import Tensors

/// Weights as nodes that compute them from packed bytes.
struct ONNXWeights {
  /// Whether `DequantizeLinear` says what it can say.
  let isCompact: Bool

  /// Adds a weight of its own shape. The name of its value.
  func add(_ weight: PackedWeight, _ name: String, to document: inout ONNXDocument) -> String {
    if case .float(let tensor) = weight { return document.constant(name, weight.shape, tensor.scalars) }
    let coded = weight.coded!
    if isCompact, let added = dequantized(coded, name, &document) { return added }
    switch coded.alphabet {
    case .binary:
      let symbols = unpacked(.signs, coded.shape.dimensions, name, &document) { coded.symbols[$0] > 0 ? 1 : 0 }
      return scaled(symbols, coded.levels, coded, name, &document)
    case .ternary: return ternary(coded, name, &document)
    case .uniform(let bits), .symmetric(let bits):
      let least = Int(coded.alphabet.symbols.lowerBound)
      let symbols = unpacked(
        bits: bits, offset: Float(least) + coded.alphabet.offset, coded.shape.dimensions, name, &document
      ) { Int(coded.symbols[$0]) - least }
      return scaled(symbols, coded.levels, coded, name, &document)
    case .codebook(let bits):
      return scaled(kernels(coded, bits, name, &document), coded.levels, coded, name, &document)
    }
  }

  // MARK: Bytes and tables

  /// Bytes, each replaced by its row of a table, in the given shape.
  private func unpacked(
    _ form: SymbolBytes, _ dimensions: [Int], _ name: String, _ document: inout ONNXDocument,
    table: String? = nil, _ value: (Float) -> Float = { $0 }, digit: (Int) -> Int
  ) -> String {
    let count = dimensions.reduce(1, *)
    let bytes = form.bytes(of: count, digit)
    let packed = document.constant("\(name).bytes", .uint8, [bytes.count], bytes)
    let rows = self.rows(packed, bytes.count, form, table ?? form.name, name, &document, value)
    return trimmed(rows, bytes.count * form.count, count, dimensions, name, &document)
  }

  private func rows(
    _ packed: String, _ count: Int, _ form: SymbolBytes, _ table: String, _ name: String,
    _ document: inout ONNXDocument, _ value: (Float) -> Float
  ) -> String {
    let places = document.add(
      .init(
        operation: "Cast", inputs: [packed], attributes: [("to", .integer(ONNXDocument.Element.int32.rawValue))],
        element: .int32, shape: .fixed([count])), wanting: "\(name).places")
    let table = document.shared(table, [form.rows, form.count]) { form.table(value) }
    return document.add(
      .init(
        operation: "Gather", inputs: [table, places], attributes: [("axis", .integer(0))],
        shape: .fixed([count, form.count])), wanting: "\(name).rows")
  }

  /// The first `count` of `all` numbers in another shape.
  private func trimmed(
    _ rows: String, _ all: Int, _ count: Int, _ dimensions: [Int], _ name: String, _ document: inout ONNXDocument
  ) -> String {
    guard all > count else { return reshaped(rows, dimensions, "\(name).symbols", &document) }
    let flat = reshaped(rows, [all], "\(name).flat", &document)
    let cut = self.cut(flat, .fixed([count]), axis: 0, to: count, "\(name).cut", &document)
    return dimensions == [count] ? cut : reshaped(cut, dimensions, "\(name).symbols", &document)
  }

  private func cut(
    _ value: String, _ shape: ONNXDocument.Shape, axis: Int, to count: Int, _ name: String,
    _ document: inout ONNXDocument
  ) -> String {
    let limits = [("starts", 0), ("ends", count), ("axes", axis)].map { word, number in
      document.constant("\(name).\(word)", integers: [number])
    }
    return document.add(.init(operation: "Slice", inputs: [value] + limits, shape: shape), wanting: name)
  }

  private func reshaped(
    _ value: String, _ dimensions: [Int], _ name: String, _ document: inout ONNXDocument
  ) -> String {
    let shape = document.constant("\(name).shape", integers: dimensions)
    return document.add(
      .init(operation: "Reshape", inputs: [value, shape], shape: .fixed(dimensions)), wanting: name)
  }

  /// Numbers of any number of bits: fields that divide a byte, added up.
  private func unpacked(
    bits: Int, offset: Float, _ dimensions: [Int], _ name: String, _ document: inout ONNXDocument,
    number: (Int) -> Int
  ) -> String {
    let parts = SymbolBytes.parts(bits: bits, offset: offset)
    var sum: String?
    for part in parts {
      let own = parts.count == 1 ? name : "\(name).\(part.shift)"
      let mask = 1 << part.bits - 1
      let value = unpacked(part.bytes, dimensions, own, &document) { number($0) >> part.shift & mask }
      sum = sum.map { add($0, value, dimensions, name, &document) } ?? value
    }
    return sum!
  }

  private func add(
    _ left: String, _ right: String, _ dimensions: [Int], _ name: String, _ document: inout ONNXDocument
  ) -> String {
    document.add(.init(operation: "Add", inputs: [left, right], shape: .fixed(dimensions)), wanting: "\(name).sum")
  }

  // MARK: Alphabets

  private func ternary(_ coded: CodedTensor, _ name: String, _ document: inout ONNXDocument) -> String {
    let dimensions = coded.shape.dimensions
    let digit = { Int(coded.symbols[$0]) + 1 }
    guard let negative = coded.negativeLevels else {
      let symbols = unpacked(.trits, dimensions, name, &document, digit: digit)
      return scaled(symbols, coded.levels, coded, name, &document)
    }
    // The same bytes through two tables: what is +1 times one level, what is −1 times the other.
    let bytes = SymbolBytes.trits.bytes(of: coded.shape.count, digit)
    let packed = document.constant("\(name).bytes", .uint8, [bytes.count], bytes)
    let sides: [(String, [Float], (Float) -> Float)] = [
      ("plus", coded.levels, { max($0, 0) }), ("minus", negative, { min($0, 0) }),
    ]
    let values = sides.map { side, levels, value in
      let own = "\(name).\(side)"
      let table = "\(SymbolBytes.trits.name).\(side)"
      let rows = self.rows(packed, bytes.count, .trits, table, own, &document, value)
      let symbols = trimmed(rows, bytes.count * 5, coded.shape.count, dimensions, own, &document)
      return scaled(symbols, levels, coded, own, &document)
    }
    return add(values[0], values[1], dimensions, name, &document)
  }

  /// Kernels of nine signs, looked up by their index.
  private func kernels(
    _ coded: CodedTensor, _ bits: Int, _ name: String, _ document: inout ONNXDocument
  ) -> String {
    let (codebook, length) = (coded.codebook!, Codebook.length)
    let patterns = unpacked(.signs, [1 << bits, length], "\(name).codebook", &document) {
      Int(codebook.patterns[$0 / length] >> UInt16($0 % length) & 1)
    }
    let (rows, columns) = (coded.shape[0], coded.shape.count / coded.shape[0])
    let count = Codebook.kernels(inRow: columns)
    let numbers = unpacked(bits: bits, offset: 0, [rows, count], "\(name).indices", &document) {
      Int(coded.indices[$0])
    }
    let places = document.add(
      .init(
        operation: "Cast", inputs: [numbers], attributes: [("to", .integer(ONNXDocument.Element.int32.rawValue))],
        element: .int32, shape: .fixed([rows, count])), wanting: "\(name).kernels")
    var value = document.add(
      .init(
        operation: "Gather", inputs: [patterns, places], attributes: [("axis", .integer(0))],
        shape: .fixed([rows, count, length])), wanting: "\(name).nines")
    if count * length > columns {
      value = reshaped(value, [rows, count * length], "\(name).wide", &document)
      value = cut(value, .fixed([rows, columns]), axis: 1, to: columns, "\(name).rows", &document)
    }
    return reshaped(value, coded.shape.dimensions, "\(name).symbols", &document)
  }

  /// Symbols times the level of their output channel.
  private func scaled(
    _ symbols: String, _ levels: [Float], _ coded: CodedTensor, _ name: String, _ document: inout ONNXDocument
  ) -> String {
    guard levels.contains(where: { $0 != 1 }) else { return symbols }
    let isOne = levels.allSatisfy { $0 == levels[0] }
    let shape = isOne ? [1] : [levels.count] + Array(repeating: 1, count: coded.shape.rank - 1)
    let constant = document.constant("\(name).levels", shape, isOne ? [levels[0]] : levels)
    return document.add(
      .init(operation: "Mul", inputs: [symbols, constant], shape: .fixed(coded.shape.dimensions)), wanting: name)
  }

  // MARK: Compact

  /// A weight whose symbols are small whole numbers with one level for both sides; nil for any other.
  private func dequantized(_ coded: CodedTensor, _ name: String, _ document: inout ONNXDocument) -> String? {
    let bits: Int
    switch coded.alphabet {
    case .ternary where coded.negativeLevels == nil: bits = 2
    case .uniform(let count): bits = count
    default: return nil
    }
    let (element, width, operatorSet): (ONNXDocument.Element, Int, Int) =
      bits == 2 ? (.int2, 2, 25) : bits <= 4 ? (.int4, 4, 21) : (.int8, 8, 13)
    document.require(operatorSet: operatorSet)
    let bytes = SymbolBytes(bits: width).bytes(of: coded.shape.count) { Int(coded.symbols[$0]) & (1 << width - 1) }
    let symbols = document.constant("\(name).symbols", element, coded.shape.dimensions, bytes)
    let isOne = coded.levels.allSatisfy { $0 == coded.levels[0] }
    let levels = document.constant(
      "\(name).levels", isOne ? [] : [coded.levels.count], isOne ? [coded.levels[0]] : coded.levels)
    return document.add(
      .init(
        operation: "DequantizeLinear", inputs: [symbols, levels], attributes: isOne ? [] : [("axis", .integer(0))],
        shape: .fixed(coded.shape.dimensions)), wanting: name)
  }
}

extension SymbolBytes {
  /// What its table is called: tables are shared by all weights of a file.
  fileprivate var name: String {
    if self == .signs { return "table.signs" }
    if self == .trits { return "table.trits" }
    return "table.\(base)x\(factor)+\(offset)"
  }
}
