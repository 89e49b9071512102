/// A JSON value as Python writes it: with NaN and Infinity, and without a key that stands twice.
enum JSONValue: Hashable, Sendable {
  case null
  case boolean(Bool)
  case number(Double)
  case string(String)
  case array([JSONValue])
  case object([String: JSONValue])

  subscript(key: String) -> JSONValue? { if case .object(let members) = self { members[key] } else { nil } }

  var string: String? { if case .string(let text) = self { text } else { nil } }
  var array: [JSONValue]? { if case .array(let values) = self { values } else { nil } }
  var object: [String: JSONValue]? { if case .object(let members) = self { members } else { nil } }
  var boolean: Bool? { if case .boolean(let value) = self { value } else { nil } }
  var number: Double? { if case .number(let value) = self { value } else { nil } }
  var integer: Int? { number.flatMap { Int(exactly: $0) } }
  var isNull: Bool { self == .null }

  /// In messages: short, as it may stand in the file.
  var words: String {
    switch self {
    case .null: "null"
    case .boolean(let value): "\(value)"
    case .number(let value): Int(exactly: value).map { "\($0)" } ?? "\(value)"
    case .string(let text): "'\(text.prefix(60))'"
    case .array(let values): "[" + values.prefix(8).map(\.words).joined(separator: ", ") + "]"
    case .object(let members): "{" + members.keys.sorted().prefix(8).joined(separator: ", ") + "}"
    }
  }
}
