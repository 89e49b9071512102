import Packed
import Tensors

/// Weights as nodes that compute them from packed bytes.
struct ONNXWeights {
  /// Whether `DequantizeLinear` says what it can say.
  let isCompact: Bool

  /// Whole numbers of the shape of a weight, and what they are multiplied by for each output channel.
  struct Side {
    var symbols: String
    var levels: [Float]
  }

  /// Adds a weight as it is multiplied by. The name of its value.
  func add(_ weight: PackedWeight, _ name: String, to document: inout ONNXDocument) -> String {
    if case .float(let tensor) = weight { return document.constant(name, weight.shape, tensor.scalars) }
    let coded = weight.coded!
    if isCompact, let added = dequantized(coded, coded.levels, name, &document) { return added }
    let sides = sides(of: coded, name, doubled: false, &document)
    let values = sides.enumerated().map { index, side in
      scaled(side, coded.shape.dimensions, index == 0 ? name : "\(name).minus", &document)
    }
    guard values.count == 2 else { return values[0] }
    return document.add(
      .init(operation: "Add", inputs: values, shape: .fixed(coded.shape.dimensions)), wanting: "\(name).sum")
  }

  /// Adds the whole numbers that a coded weight is made of: one side, or two for a ternary one with two levels.
  func addSymbols(_ coded: CodedTensor, _ name: String, to document: inout ONNXDocument) -> [Side] {
    let ones = [Float](repeating: 1, count: coded.levels.count)
    if isCompact, let added = dequantized(coded, ones, name, &document) {
      return [Side(symbols: added, levels: coded.levels)]
    }
    return sides(of: coded, name, doubled: true, &document)
  }

  /// - Parameter doubled: whether symbols that count half steps are doubled to be whole, and their levels halved.
  private func sides(
    of coded: CodedTensor, _ name: String, doubled: Bool, _ document: inout ONNXDocument
  ) -> [Side] {
    let dimensions = coded.shape.dimensions
    switch coded.alphabet {
    case .binary:
      let symbols = unpacked(.signs, dimensions, name, &document) { coded.symbols[$0] > 0 ? 1 : 0 }
      return [Side(symbols: symbols, levels: coded.levels)]
    case .ternary: return ternary(coded, name, &document)
    case .uniform(let bits), .symmetric(let bits):
      let least = Int(coded.alphabet.symbols.lowerBound)
      let factor: Float = doubled && coded.alphabet.offset != 0 ? 2 : 1
      let symbols = unpacked(
        bits: bits, factor: factor, offset: (Float(least) + coded.alphabet.offset) * factor, dimensions, name, &document
      ) { Int(coded.symbols[$0]) - least }
      return [Side(symbols: symbols, levels: coded.levels.map { $0 / factor })]
    case .codebook(let bits):
      return [Side(symbols: kernels(coded, bits, name, &document), levels: coded.levels)]
    }
  }

  // MARK: Bytes and tables

  /// Bytes, each replaced by its row of a table, in the given shape.
  private func unpacked(
    _ form: SymbolBytes, _ dimensions: [Int], _ name: String, _ document: inout ONNXDocument, digit: (Int) -> Int
  ) -> String {
    let count = dimensions.reduce(1, *)
    let bytes = form.bytes(of: count, digit)
    let packed = document.constant("\(name).bytes", .uint8, [bytes.count], bytes)
    let places = self.places(packed, [bytes.count], &document)
    let table = document.shared(form.name, [form.rows, form.count]) { form.table() }
    return trimmed(rows(of: table, places, [bytes.count], form.count, &document), dimensions, &document)
  }

  /// Numbers as indices, which are wider.
  private func places(_ value: String, _ dimensions: [Int], _ document: inout ONNXDocument) -> String {
    let element = ONNXDocument.Element.int32
    return document.add(
      .init(
        operation: "Cast", inputs: [value], attributes: [("to", .integer(element.rawValue))], element: element,
        shape: .fixed(dimensions)))
  }

  private func rows(
    of table: String, _ places: String, _ dimensions: [Int], _ length: Int, _ document: inout ONNXDocument
  ) -> (value: String, count: Int) {
    let dimensions = dimensions + [length]
    let rows = document.add(
      .init(
        operation: "Gather", inputs: [table, places], attributes: [("axis", .integer(0))], shape: .fixed(dimensions)))
    return (rows, dimensions.reduce(1, *))
  }

  /// As many of the numbers as a shape has, in that shape.
  private func trimmed(
    _ rows: (value: String, count: Int), _ dimensions: [Int], _ document: inout ONNXDocument
  ) -> String {
    let count = dimensions.reduce(1, *)
    guard rows.count > count else { return reshaped(rows.value, dimensions, &document) }
    let flat = reshaped(rows.value, [rows.count], &document)
    return reshaped(cut(flat, [count], axis: 0, to: count, &document), dimensions, &document)
  }

  private func cut(
    _ value: String, _ dimensions: [Int], axis: Int, to count: Int, _ document: inout ONNXDocument
  ) -> String {
    let limits = [0, count, axis].map { document.sharedIndex($0) }
    return document.add(.init(operation: "Slice", inputs: [value] + limits, shape: .fixed(dimensions)))
  }

  private func reshaped(_ value: String, _ dimensions: [Int], _ document: inout ONNXDocument) -> String {
    document.add(
      .init(operation: "Reshape", inputs: [value, document.sharedShape(dimensions)], shape: .fixed(dimensions)))
  }

  /// Numbers of any number of bits: fields that divide a byte, added up.
  private func unpacked(
    bits: Int, factor: Float, offset: Float, _ dimensions: [Int], _ name: String, _ document: inout ONNXDocument,
    number: (Int) -> Int
  ) -> String {
    var sum: String?
    let parts = SymbolBytes.parts(bits: bits, factor: factor, offset: offset)
    for part in parts {
      let own = parts.count == 1 ? name : "\(name).\(part.shift)"
      let mask = 1 << part.bits - 1
      let value = unpacked(part.bytes, dimensions, own, &document) { number($0) >> part.shift & mask }
      sum =
        sum.map {
          document.add(.init(operation: "Add", inputs: [$0, value], shape: .fixed(dimensions)))
        } ?? value
    }
    return sum!
  }

  // MARK: Alphabets

  private func ternary(_ coded: CodedTensor, _ name: String, _ document: inout ONNXDocument) -> [Side] {
    let (dimensions, form) = (coded.shape.dimensions, SymbolBytes.trits)
    guard let negative = coded.negativeLevels else {
      let symbols = unpacked(form, dimensions, name, &document) { Int(coded.symbols[$0]) + 1 }
      return [Side(symbols: symbols, levels: coded.levels)]
    }
    // The same bytes through two tables: what is +1, and what is −1.
    let bytes = form.bytes(of: coded.shape.count) { Int(coded.symbols[$0]) + 1 }
    let packed = document.constant("\(name).bytes", .uint8, [bytes.count], bytes)
    let places = self.places(packed, [bytes.count], &document)
    let halves: [(String, [Float], (Float) -> Float)] = [
      ("plus", coded.levels, { max($0, 0) }), ("minus", negative, { min($0, 0) }),
    ]
    return halves.map { side, levels, value in
      let table = document.shared("\(form.name).\(side)", [form.rows, form.count]) { form.table(value) }
      let rows = self.rows(of: table, places, [bytes.count], form.count, &document)
      return Side(symbols: trimmed(rows, dimensions, &document), levels: levels)
    }
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
    let numbers = unpacked(bits: bits, factor: 1, offset: 0, [rows, count], "\(name).indices", &document) {
      Int(coded.indices[$0])
    }
    let places = self.places(numbers, [rows, count], &document)
    var value = self.rows(of: patterns, places, [rows, count], length, &document).value
    if count * length > columns {
      value = reshaped(value, [rows, count * length], &document)
      value = cut(value, [rows, columns], axis: 1, to: columns, &document)
    }
    return reshaped(value, coded.shape.dimensions, &document)
  }

  /// Symbols times the level of their output channel.
  private func scaled(
    _ side: Side, _ dimensions: [Int], _ name: String, _ document: inout ONNXDocument
  ) -> String {
    let axes = Array(repeating: 1, count: dimensions.count - 1)
    guard let levels = document.levels("\(name).levels", side.levels, axesAfter: axes) else { return side.symbols }
    return document.add(
      .init(operation: "Mul", inputs: [side.symbols, levels], shape: .fixed(dimensions)), wanting: name)
  }

  // MARK: Compact

  /// A weight whose symbols are small whole numbers with one level for both sides; nil for any other.
  private func dequantized(
    _ coded: CodedTensor, _ levels: [Float], _ name: String, _ document: inout ONNXDocument
  ) -> String? {
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
    let isOne = levels.allSatisfy { $0 == levels[0] }
    let scale = document.constant("\(name).levels", isOne ? [] : [levels.count], isOne ? [levels[0]] : levels)
    return document.add(
      .init(
        operation: "DequantizeLinear", inputs: [symbols, scale], attributes: isOne ? [] : [("axis", .integer(0))],
        shape: .fixed(coded.shape.dimensions)), wanting: name)
  }
}

extension ONNXDocument {
  /// Levels as a constant, one number where all are equal; nil where all are 1.
  mutating func levels(_ name: String, _ levels: [Float], axesAfter axes: [Int]) -> String? {
    guard levels.contains(where: { $0 != 1 }) else { return nil }
    let isOne = levels.allSatisfy { $0 == levels[0] }
    return constant(name, isOne ? [1] : [levels.count] + axes, isOne ? [levels[0]] : levels)
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
