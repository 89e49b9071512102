/// Reads JSON from untrusted bytes; anything odd is an error with its place.
struct JSONParser {
  /// What is being read, for errors.
  private let place: String
  private let bytes: [UInt8]
  private var position = 0

  private init(_ bytes: [UInt8], place: String) {
    self.bytes = bytes
    self.place = place
  }

  /// The value that the whole text stands for; spaces may follow it.
  static func parse(_ bytes: [UInt8], place: String) throws(PackedFileError) -> JSON {
    var parser = JSONParser(bytes, place: place)
    let value = try parser.value(depth: 0)
    parser.skipSpaces()
    guard parser.position == bytes.count else { throw parser.invalid("something follows the end") }
    return value
  }

  private var current: UInt8? { position < bytes.count ? bytes[position] : nil }

  private func invalid(_ reason: String) -> PackedFileError { .invalidJSON(place, offset: position, reason: reason) }

  private mutating func skipSpaces() {
    while let byte = current, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
  }

  private mutating func skip(_ character: Unicode.Scalar) throws(PackedFileError) {
    guard current == UInt8(ascii: character) else { throw invalid("'\(character)' is missing") }
    position += 1
  }

  private mutating func value(depth: Int) throws(PackedFileError) -> JSON {
    guard depth < 32 else { throw invalid("values are nested too deeply") }
    skipSpaces()
    switch current {
    case UInt8(ascii: "{"): return try object(depth: depth)
    case UInt8(ascii: "["): return try array(depth: depth)
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try word("true", .boolean(true))
    case UInt8(ascii: "f"): return try word("false", .boolean(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    default: return try number()
    }
  }

  private mutating func word(_ word: String, _ value: JSON) throws(PackedFileError) -> JSON {
    guard bytes[position...].starts(with: word.utf8) else { throw invalid("a value is missing") }
    position += word.utf8.count
    return value
  }

  private mutating func number() throws(PackedFileError) -> JSON {
    let start = position
    while let byte = current, "0123456789+-.eE".utf8.contains(byte) { position += 1 }
    let digits = String(decoding: bytes[start..<position], as: UTF8.self)
    let whole = digits.drop { $0 == "-" }
    let isNumber = whole.first?.isNumber == true && (!whole.hasPrefix("0") || whole.dropFirst().first?.isNumber != true)
    guard isNumber, digits.utf8.count <= 40, Double(digits) != nil else { throw invalid("a value is missing") }
    return .number(digits)
  }

  private mutating func array(depth: Int) throws(PackedFileError) -> JSON {
    try skip("[")
    var values: [JSON] = []
    skipSpaces()
    if current == UInt8(ascii: "]") {
      position += 1
      return .array([])
    }
    while true {
      values.append(try value(depth: depth + 1))
      skipSpaces()
      guard current == UInt8(ascii: ",") else { break }
      position += 1
    }
    try skip("]")
    return .array(values)
  }

  private mutating func object(depth: Int) throws(PackedFileError) -> JSON {
    try skip("{")
    var members: [String: JSON] = [:]
    skipSpaces()
    if current == UInt8(ascii: "}") {
      position += 1
      return .object([:])
    }
    while true {
      skipSpaces()
      let start = position
      let key = try string()
      guard members[key] == nil else { throw .duplicateKey(key, offset: start) }
      skipSpaces()
      try skip(":")
      members[key] = try value(depth: depth + 1)
      skipSpaces()
      guard current == UInt8(ascii: ",") else { break }
      position += 1
    }
    try skip("}")
    return .object(members)
  }

  private mutating func string() throws(PackedFileError) -> String {
    try skip("\"")
    var content: [UInt8] = []
    while let byte = current, byte != UInt8(ascii: "\"") {
      guard byte >= 0x20 else { throw invalid("a control character stands in a string") }
      position += 1
      if byte == UInt8(ascii: "\\") { content += try escaped() } else { content.append(byte) }
    }
    try skip("\"")
    guard let text = String(validating: content, as: UTF8.self) else { throw invalid("a string is not UTF-8") }
    return text
  }

  private mutating func escaped() throws(PackedFileError) -> [UInt8] {
    guard let byte = current else { throw invalid("a string does not end") }
    position += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [byte]
    case UInt8(ascii: "n"): return [0x0A]
    case UInt8(ascii: "t"): return [0x09]
    case UInt8(ascii: "r"): return [0x0D]
    case UInt8(ascii: "b"): return [0x08]
    case UInt8(ascii: "f"): return [0x0C]
    case UInt8(ascii: "u"): return try unicode()
    default: throw invalid("an escape is not known")
    }
  }

  private mutating func unicode() throws(PackedFileError) -> [UInt8] {
    let first = try hexadecimal()
    guard 0xD800..<0xDC00 ~= first else {
      guard let scalar = Unicode.Scalar(first) else { throw invalid("half a surrogate pair stands alone") }
      return Array(String(Character(scalar)).utf8)
    }
    try skip("\\")
    try skip("u")
    let second = try hexadecimal()
    guard 0xDC00..<0xE000 ~= second, let scalar = Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
    else { throw invalid("half a surrogate pair stands alone") }
    return Array(String(Character(scalar)).utf8)
  }

  private mutating func hexadecimal() throws(PackedFileError) -> UInt32 {
    guard bytes.count - position >= 4 else { throw invalid("a string does not end") }
    let digits = bytes[position..<position + 4]
    position += 4
    guard digits.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }),
      let value = UInt32(String(decoding: digits, as: UTF8.self), radix: 16)
    else { throw invalid("four hexadecimal digits are missing") }
    return value
  }
}
