import Foundation

/// A piece of a page. Text that comes from files gets in only through `Markup(text:)`, which escapes it.
struct Markup: ExpressibleByStringInterpolation, Sendable {
  let source: String

  /// Text as it is to be read; nothing in it is markup.
  init(text: String) {
    var escaped = ""
    for character in text.unicodeScalars {
      switch character {
      case "&": escaped += "&amp;"
      case "<": escaped += "&lt;"
      case ">": escaped += "&gt;"
      case "\"": escaped += "&quot;"
      case "'": escaped += "&#39;"
      // What no page may hold; a tab and ends of lines it may.
      case "\u{0}"..."\u{8}", "\u{B}", "\u{C}", "\u{E}"..."\u{1F}", "\u{7F}"..."\u{9F}": escaped += "\u{FFFD}"
      default: escaped.unicodeScalars.append(character)
      }
    }
    source = escaped
  }

  /// Markup written in this program.
  init(stringLiteral source: String) { self.source = source }

  init(stringInterpolation: Interpolation) { source = stringInterpolation.source }

  /// Puts text in as text, markup as markup, and numbers as they are.
  struct Interpolation: StringInterpolationProtocol {
    fileprivate var source = ""
    init(literalCapacity: Int, interpolationCount: Int) { source.reserveCapacity(literalCapacity) }
    mutating func appendLiteral(_ literal: String) { source += literal }
    mutating func appendInterpolation(_ text: String) { source += Markup(text: text).source }
    mutating func appendInterpolation(_ markup: Markup) { source += markup.source }
    mutating func appendInterpolation(_ pieces: [Markup]) { for piece in pieces { source += piece.source } }
    mutating func appendInterpolation(_ number: Int) { source += "\(number)" }
    /// A coordinate, to a tenth.
    mutating func appendInterpolation(_ number: Double) { source += String(format: "%.1f", number) }
  }
}
