/// A JSON value, as far as headers need it: objects without duplicate keys, numbers as they are written.
enum JSON: Hashable {
  case null
  case boolean(Bool)
  /// The digits as they stand in the text.
  case number(String)
  case string(String)
  case array([JSON])
  case object([String: JSON])

  static func integer(_ value: Int) -> JSON { .number(String(value)) }
  static func integers(_ values: [Int]) -> JSON { .array(values.map(JSON.integer)) }
  /// The shortest digits that read back as the same float. The value is finite.
  static func float(_ value: Float) -> JSON {
    .number(
      value == value.rounded() && abs(value) < 1e6 && value != 0
        ? String(Int(value)) : "\(value)")
  }
  static func floats(_ values: [Float]) -> JSON { .array(values.map(JSON.float)) }

  /// Without spaces, keys sorted by their bytes: the same value gives the same text.
  var text: String {
    switch self {
    case .null: "null"
    case .boolean(let value): value ? "true" : "false"
    case .number(let digits): digits
    case .string(let value): JSON.quoted(value)
    case .array(let values): "[" + values.map(\.text).joined(separator: ",") + "]"
    case .object(let members):
      "{"
        + members.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
        .map { JSON.quoted($0.key) + ":" + $0.value.text }.joined(separator: ",") + "}"
    }
  }

  private static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case _ where scalar.value < 0x20:
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}
