import Archives
import Tensors

/// What the first bytes of a `.npy` file say: the type of its elements, their order and the array's dimensions.
///
/// https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html, versions 1, 2 and 3.
struct NumPyHeader: Equatable {
  /// What an element is.
  enum Element: String, CaseIterable {
    case bool = "b1"
    case uint8 = "u1"
    case uint16 = "u2"
    case uint32 = "u4"
    case uint64 = "u8"
    case int8 = "i1"
    case int16 = "i2"
    case int32 = "i4"
    case int64 = "i8"
    case float16 = "f2"
    case float32 = "f4"
    case float64 = "f8"

    var size: Int { Int(rawValue.utf8.last! - UInt8(ascii: "0")) }
  }

  let element: Element
  let isBigEndian: Bool
  let isFortran: Bool
  let dimensions: [Int]
  /// Where the elements begin.
  let start: Int

  static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)
  /// numpy refuses headers beyond 10,000 bytes; more is no description of an array.
  private static let longest = 1 << 16

  /// - Parameter path: the place for messages.
  init(_ file: [UInt8], path: String) throws(DatasetError) {
    guard file.starts(with: NumPyHeader.magic) else {
      throw .badHeader(path, "is no NumPy array: it does not begin with \\x93NUMPY")
    }
    guard file.count >= 10 else { throw .truncated(path, expected: 10, found: file.count) }
    let version = file[6]
    guard (1...3).contains(version) else {
      throw .unsupported(path, "version \(version) of the .npy format; 1 to 3 are read")
    }
    let prefix = version == 1 ? 10 : 12
    let length =
      version == 1 ? file.integer(UInt16.self, at: 8).map(Int.init) : file.integer(UInt32.self, at: 8).map(Int.init)
    guard let length else { throw .truncated(path, expected: prefix, found: file.count) }
    guard length <= NumPyHeader.longest else { throw .badHeader(path, "a header of \(length) bytes is too long") }
    guard length <= file.count - prefix else {
      throw .truncated(path, expected: prefix + length, found: file.count)
    }
    start = prefix + length
    var parser = DictionaryParser(file[prefix..<start])
    guard let entries = parser.dictionary() else {
      throw .badHeader(path, "its header is not a dictionary of descr, fortran_order and shape")
    }
    (element, isBigEndian) = try NumPyHeader.element(entries["descr"], path: path)
    guard case .bool(let isFortran) = entries["fortran_order"] else {
      throw .badHeader(path, "'fortran_order' in its header is neither True nor False")
    }
    guard case .tuple(let dimensions) = entries["shape"] else {
      throw .badHeader(path, "'shape' in its header is not a tuple of numbers")
    }
    self.isFortran = isFortran
    self.dimensions = dimensions
  }

  /// How many elements there are, once it is sure that the file holds as many.
  func checkedCount(fileSize: Int, path: String) throws(DatasetError) -> Int {
    guard dimensions.count <= 32, let bytes = Shape.count(of: dimensions + [element.size]),
      Shape.count(of: dimensions.filter { $0 != 0 } + [element.size]) != nil
    else { throw .tooLarge(path, dimensions: dimensions) }
    let found = fileSize - start
    guard found >= bytes else { throw .truncated(path, expected: bytes &+ start, found: fileSize) }
    guard found == bytes else { throw .tooLong(path, expected: bytes + start, found: fileSize) }
    return bytes / element.size
  }

  private static func element(
    _ value: DictionaryParser.Value?, path: String
  ) throws(DatasetError) -> (Element, isBigEndian: Bool) {
    guard let value else { throw .badHeader(path, "'descr' is missing in its header") }
    guard case .string(let text) = value else {
      throw .unsupported(path, "elements of several fields; save each field as an array of its own")
    }
    let order = text.first.flatMap { "<>|=".contains($0) ? $0 : nil }
    let name = String(order == nil ? text[...] : text.dropFirst())
    // Numpy also writes '?' for what it calls b1 in descr.
    guard let element = Element(rawValue: name == "?" ? "b1" : name) else {
      let known = Element.allCases.map(\.rawValue).joined(separator: ", ")
      throw .unsupported(path, "elements of type '\(text)'; \(known) are read, convert with astype('float32')")
    }
    return (element, order == ">")
  }
}

/// Reads the one kind of Python literal that heads a `.npy` file.
private struct DictionaryParser {
  enum Value: Equatable {
    case string(String)
    case bool(Bool)
    case tuple([Int])
    case other
  }

  private let text: ArraySlice<UInt8>
  private var place: Int

  init(_ text: ArraySlice<UInt8>) {
    self.text = text
    place = text.startIndex
  }

  mutating func dictionary() -> [String: Value]? {
    var entries: [String: Value] = [:]
    guard take("{") else { return nil }
    while !take("}") {
      guard let key = string(), take(":"), let value = value(), entries[key] == nil else { return nil }
      entries[key] = value
      if take("}") { break }
      guard take(",") else { return nil }
    }
    skipSpaces()
    return place == text.endIndex ? entries : nil
  }

  private mutating func value() -> Value? {
    skipSpaces()
    guard place < text.endIndex else { return nil }
    switch Character(UnicodeScalar(text[place])) {
    case "'", "\"": return string().map { .string($0) }
    case "(": return tuple().map { .tuple($0) }
    case "[": return skipList() ? .other : nil
    default:
      if take("True") { return .bool(true) }
      return take("False") ? .bool(false) : nil
    }
  }

  private mutating func tuple() -> [Int]? {
    var numbers: [Int] = []
    guard take("(") else { return nil }
    while !take(")") {
      guard let number = number() else { return nil }
      numbers.append(number)
      if take(")") { break }
      guard take(",") else { return nil }
    }
    return numbers
  }

  private mutating func number() -> Int? {
    skipSpaces()
    let digits = text[place...].prefix { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }
    place = digits.endIndex
    // Python 2 wrote long numbers with an L behind them.
    defer { _ = take("L") }
    return Int(String(decoding: digits, as: UTF8.self))
  }

  private mutating func string() -> String? {
    skipSpaces()
    guard place < text.endIndex, text[place] == UInt8(ascii: "'") || text[place] == UInt8(ascii: "\"") else {
      return nil
    }
    let quote = text[place]
    guard let end = text[(place + 1)...].firstIndex(of: quote) else { return nil }
    defer { place = end + 1 }
    return String(decoding: text[(place + 1)..<end], as: UTF8.self)
  }

  /// A structured type: only that it is one matters.
  private mutating func skipList() -> Bool {
    var depth = 0
    while place < text.endIndex {
      if text[place] == UInt8(ascii: "[") { depth += 1 }
      if text[place] == UInt8(ascii: "]") { depth -= 1 }
      place += 1
      if depth == 0 { return true }
    }
    return false
  }

  private mutating func take(_ word: String) -> Bool {
    skipSpaces()
    guard text[place...].starts(with: word.utf8) else { return false }
    place += word.utf8.count
    return true
  }

  private mutating func skipSpaces() {
    while place < text.endIndex, [0x20, 0x0A, 0x0D, 0x09].contains(text[place]) { place += 1 }
  }
}
