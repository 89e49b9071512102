/// An option of a method that is one of a few names.
package protocol NamedOption: RawRepresentable<String>, CaseIterable, Codable, Hashable, Sendable {}

extension NamedOption {
  package init(from decoder: any Decoder) throws {
    let name = try decoder.singleValueContainer().decode(String.self)
    guard let value = Self(rawValue: name) else {
      let option = decoder.codingPath.last?.stringValue ?? "an option"
      throw UnknownName(option: option, name: name, known: Self.allCases.map(\.rawValue))
    }
    self = value
  }
}

/// A name that an option does not know.
private struct UnknownName: Error, CustomStringConvertible {
  var option: String
  var name: String
  var known: [String]

  var description: String { "option '\(option)' has no '\(name)'" + suggestion(for: name, among: known) }
}
