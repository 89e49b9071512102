import Yams

/// The way in for all YAML: recipes, zoos, and values on the command line.
enum YAMLText {
  /// Values that a text may have, each counted as often as its anchor is named. A few lines of anchors that name each
  /// other could otherwise stand for more values than memory holds.
  private static let mostValues = 100_000

  struct TooLarge: Error, CustomStringConvertible {
    var description: String { "it stands for more than \(mostValues) values, or is longer than 4 MiB" }
  }

  /// The tree that a text stands for, nil for a text without a value. Throws what the parser of YAML throws, and
  /// `TooLarge`.
  static func tree(_ text: String) throws -> Node? {
    guard text.utf8.count <= 1 << 22 else { throw TooLarge() }
    guard let node = try Yams.compose(yaml: text) else { return nil }
    var left = mostValues
    guard isWithin(&left, node) else { throw TooLarge() }
    return node
  }

  /// As Swift's values: dictionaries, arrays, numbers, texts.
  static func value(_ text: String) throws -> Any? { try tree(text)?.any }

  private static func isWithin(_ left: inout Int, _ node: Node) -> Bool {
    left -= 1
    guard left >= 0 else { return false }
    switch node {
    case .mapping(let pairs): return pairs.allSatisfy { isWithin(&left, $0.key) && isWithin(&left, $0.value) }
    case .sequence(let values): return values.allSatisfy { isWithin(&left, $0) }
    default: return true
    }
  }
}
