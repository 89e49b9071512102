/// Reads JSON of strangers: nesting, counts and lengths are limited, and anything odd is an error with its place.
struct JSONReader {
  private let bytes: [UInt8]
  private var position = 0
  private var values = 0

  private static let deepest = 128
  private static let mostValues = 4 << 20
  private static let longestString = 16 << 20

  private init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// The value that the whole text stands for. Complexity: O(bytes).
  static func read(_ bytes: [UInt8]) throws(ImportError.Problem) -> JSONValue {
    var reader = JSONReader(bytes)
    let value = try reader.value(depth: 0)
    reader.skipSpaces()
    guard reader.position == bytes.count else { throw reader.odd("something follows the end") }
    return value
  }

  private var current: UInt8? { position < bytes.count ? bytes[position] : nil }

  private func odd(_ problem: String) -> ImportError.Problem {
    .damaged("its JSON is not well-formed: \(problem) at byte \(position)")
  }

  private mutating func skipSpaces() {
    while let byte = current, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
  }

  private mutating func skip(_ character: Unicode.Scalar) throws(ImportError.Problem) {
    guard current == UInt8(ascii: character) else { throw odd("'\(character)' is missing") }
    position += 1
  }

  private mutating func value(depth: Int) throws(ImportError.Problem) -> JSONValue {
    guard depth < Self.deepest else { throw .tooDeep(limit: Self.deepest) }
    values += 1
    guard values <= Self.mostValues else { throw .tooMany("values in its JSON", limit: Self.mostValues) }
    skipSpaces()
    switch current {
    case UInt8(ascii: "{"): return try object(depth: depth)
    case UInt8(ascii: "["): return try array(depth: depth)
    case UInt8(ascii: "\""): return .string(try string())
    default: break
    }
    for (word, value) in Self.words where bytes[position...].starts(with: word.utf8) {
      position += word.utf8.count
      return value
    }
    return try number()
  }

  private static let words: [(String, JSONValue)] = [
    ("true", .boolean(true)), ("false", .boolean(false)), ("null", .null), ("NaN", .number(.nan)),
    ("Infinity", .number(.infinity)), ("-Infinity", .number(-.infinity)),
  ]

  private mutating func number() throws(ImportError.Problem) -> JSONValue {
    let start = position
    while let byte = current, "0123456789+-.eE".utf8.contains(byte), position - start < 400 { position += 1 }
    let digits = String(decoding: bytes[start..<position], as: UTF8.self)
    guard let first = digits.first(where: { $0 != "-" }), first.isNumber, let number = Double(digits) else {
      position = start
      throw odd("a value is missing")
    }
    return .number(number)
  }

  private mutating func array(depth: Int) throws(ImportError.Problem) -> JSONValue {
    try skip("[")
    var elements: [JSONValue] = []
    skipSpaces()
    if current == UInt8(ascii: "]") { position += 1; return .array([]) }
    while true {
      elements.append(try value(depth: depth + 1))
      skipSpaces()
      guard current == UInt8(ascii: ",") else { break }
      position += 1
    }
    try skip("]")
    return .array(elements)
  }

  private mutating func object(depth: Int) throws(ImportError.Problem) -> JSONValue {
    try skip("{")
    var members: [String: JSONValue] = [:]
    skipSpaces()
    if current == UInt8(ascii: "}") { position += 1; return .object([:]) }
    while true {
      skipSpaces()
      let key = try string()
      guard members[key] == nil else { throw odd("the key '\(key.prefix(60))' stands twice") }
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

  private mutating func string() throws(ImportError.Problem) -> String {
    try skip("\"")
    var content: [UInt8] = []
    while let byte = current, byte != UInt8(ascii: "\"") {
      guard content.count < Self.longestString else { throw .tooMany("bytes in a string", limit: Self.longestString) }
      position += 1
      if byte == UInt8(ascii: "\\") { content += try escaped() } else { content.append(byte) }
    }
    try skip("\"")
    // What is not UTF-8 is only ever shown.
    return String(decoding: content, as: UTF8.self)
  }

  private mutating func escaped() throws(ImportError.Problem) -> [UInt8] {
    guard let byte = current else { throw odd("a string does not end") }
    position += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [byte]
    case UInt8(ascii: "n"): return [0x0A]
    case UInt8(ascii: "t"): return [0x09]
    case UInt8(ascii: "r"): return [0x0D]
    case UInt8(ascii: "b"): return [0x08]
    case UInt8(ascii: "f"): return [0x0C]
    case UInt8(ascii: "u"): return try unicode()
    default: throw odd("an escape is not known")
    }
  }

  /// Half a surrogate pair, which Python writes as it is, becomes the sign for what is not a character.
  private mutating func unicode() throws(ImportError.Problem) -> [UInt8] {
    let first = try hexadecimal()
    if 0xD800..<0xDC00 ~= first, bytes[position...].starts(with: [0x5C, 0x75]) {
      let start = position
      position += 2
      let second = try hexadecimal()
      if 0xDC00..<0xE000 ~= second, let scalar = Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00)) {
        return Array(String(Character(scalar)).utf8)
      }
      position = start
    }
    return Array(String(Character(Unicode.Scalar(first) ?? "\u{FFFD}")).utf8)
  }

  private mutating func hexadecimal() throws(ImportError.Problem) -> UInt32 {
    guard position + 4 <= bytes.count,
      let value = UInt32(String(decoding: bytes[position..<(position + 4)], as: UTF8.self), radix: 16)
    else { throw odd("four hexadecimal digits are missing") }
    position += 4
    return value
  }
}
