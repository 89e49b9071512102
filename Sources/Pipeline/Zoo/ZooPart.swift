import Methods
import Yams

/// A mapping in the YAML of a zoo, read key by key; what is wrong is collected in words.
struct ZooPart {
  private let node: Node?
  private let pairs: [(key: String, value: Node)]

  /// Throws what the parser of YAML throws.
  init(_ text: String) throws { self.init(try YAMLText.tree(text)) }

  private init(_ node: Node?) {
    self.node = node
    pairs = (node?.mapping).map { mapping in mapping.compactMap { key, value in key.string.map { ($0, value) } } } ?? []
  }

  /// The text that stands where a mapping could.
  var onlyText: String? { node?.scalar?.string }

  private subscript(key: String) -> Node? { pairs.first { $0.key == key }?.value }

  func has(_ key: String) -> Bool { self[key] != nil }
  func isList(_ key: String) -> Bool { self[key]?.sequence != nil }

  /// One word or number; a key that has something else is a problem.
  func text(_ key: String, _ place: String, _ problems: inout [String]) -> String? {
    guard let value = self[key] else { return nil }
    if value.scalar == nil { problems.append("\(place): '\(key)' wants one name, pattern or path") }
    return value.scalar?.string
  }

  func unknownKeys(_ known: [String], _ place: String) -> [String] {
    guard node?.mapping != nil else { return ["\(place): 'key: value' lines are wanted"] }
    let others = (node?.mapping?.count ?? 0) - pairs.count
    let strange = others > 0 ? ["\(place): \(others) keys are no text"] : []
    return strange
      + pairs.filter { !known.contains($0.key) }.map {
        "\(place): there is no key '\($0.key)'" + suggestion(for: $0.key, among: known)
      }
  }

  /// A mapping from names to mappings, in its order.
  func entries(_ key: String, _ problems: inout [String], allowsText: Bool = false) -> [(String, ZooPart)] {
    guard let value = self[key] else { return [] }
    guard let mapping = value.mapping else {
      problems.append("'\(key)' wants names with what belongs to each")
      return []
    }
    return mapping.compactMap { name, value in
      guard let name = name.string, value.mapping != nil || (allowsText && value.scalar != nil) else {
        problems.append("'\(key)': '\(name.string ?? "?")' wants 'key: value' lines")
        return nil
      }
      return (name, ZooPart(value))
    }
  }

  /// A list of mappings.
  func parts(_ key: String, _ problems: inout [String]) -> [ZooPart] {
    guard let value = self[key] else { return [] }
    guard let list = value.sequence else {
      problems.append("'\(key)' wants a list")
      return []
    }
    return list.map { ZooPart($0) }
  }

  /// A list of words; one word alone is a list of it.
  func names(_ key: String, _ problems: inout [String]) -> [String] {
    guard let value = self[key] else { return [] }
    let nodes = value.sequence.map { Array($0) } ?? [value]
    let names = nodes.compactMap { $0.scalar?.string }
    if names.count != nodes.count { problems.append("'\(key)' wants a list of names") }
    return names
  }

  /// Keys of a recipe with their values.
  func changes(_ key: String, _ problems: inout [String]) -> [ZooFile.Change] {
    guard let value = self[key] else { return [] }
    guard let mapping = value.mapping else {
      problems.append("'\(key)' wants keys of a recipe with their values")
      return []
    }
    return mapping.compactMap { name, value in
      guard let name = name.string, let text = try? Yams.serialize(node: value) else { return nil }
      return ZooFile.Change(key: name, value: text)
    }
  }
}
