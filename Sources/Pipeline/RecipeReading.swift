import Foundation
import Methods
import Yams

extension Recipe {
  /// Reads a recipe from a YAML file. Throws `RecipeError`.
  public init(contentsOf path: String) throws(RecipeError) {
    let text: String
    do {
      text = try String(contentsOfFile: path, encoding: .utf8)
    } catch {
      switch Output.kind(path) {
      case nil: throw RecipeError(path, ["no such file"])
      case S_IFDIR: throw RecipeError(path, ["is a folder; a recipe is a YAML file"])
      default: throw RecipeError(path, ["cannot be read as UTF-8 text; a recipe is a YAML file"])
      }
    }
    try self.init(yaml: text, place: path)
    teacher = teacher.located(in: (path as NSString).deletingLastPathComponent)
  }

  /// Reads a recipe from YAML text; `place` begins every message.
  public init(yaml text: String, place: String) throws(RecipeError) {
    let loaded: Any?
    do { loaded = try YAMLText.value(text) } catch { throw RecipeError(place, [Self.explanation(error)]) }
    guard let keys = loaded as? [String: Any] else {
      throw RecipeError(place, ["a recipe is a list of 'key: value' lines"])
    }
    var recipe = Recipe()
    var problems: [String] = []
    for (key, value) in keys.sorted(by: { $0.key < $1.key }) {
      if let problem = recipe.set(key, to: value) { problems.append(problem) }
    }
    problems += recipe.problems
    guard problems.isEmpty else { throw RecipeError(place, problems) }
    self = recipe
  }

  /// Sets one key to a value written as in a recipe, such as `0.1` or `{from: 0, to: 0.5}`; what is wrong, or nil.
  ///
  /// Whether the value is within its limits, `problems` says.
  public mutating func set(_ key: String, toYAML text: String) -> String? {
    do {
      guard let value = try YAMLText.value(text) else { return "'\(key)' has no value" }
      return set(key, to: value)
    } catch { return "'\(key)' \(Self.explanation(error))" }
  }

  /// What the parser of YAML says, in one line.
  static func explanation(_ error: any Error) -> String {
    if error is YAMLText.TooLarge { return "is too large: \(error)" }
    return switch error as? YamlError {
    case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
      .composer(_, let problem, let mark, _):
      "is not YAML: line \(mark.line), column \(mark.column): \(problem)"
    case .reader(let problem, let offset, _, _): "is not YAML: byte \(offset ?? 0): \(problem)"
    case .duplicatedKeysInMapping(let keys, _):
      keys.sorted().map { "the key '\($0)' occurs twice" }.joined(separator: ", ")
    default: "is not YAML: \("\(error)".split(separator: "\n").first ?? "it cannot be read")"
    }
  }

  /// Sets one value, as YAML gives it; what is wrong with it, or nil.
  mutating func set(_ key: String, to value: Any) -> String? {
    guard let setting = Self.settings.first(where: { $0.key == key }) else {
      return "there is no key '\(key)'" + suggestion(for: key, among: Self.settings.map(\.key).sorted())
    }
    if key == "options" || key == "activation-options" {
      guard let options = value as? [String: Any] else { return "'\(key)' wants \(setting.wanted)" }
      let words = options.mapValues { "\($0)" }
      if key == "options" { self.options = words } else { activationOptions = words }
      return nil
    }
    guard let data = json.data(using: .utf8),
      var object = try? JSONSerialization.jsonObject(with: data) as? [String: Any],
      JSONSerialization.isValidJSONObject([key: value])
    else { return "'\(key)' has a value that is not understood" }
    object[key] = value
    do {
      self = try JSONDecoder().decode(Recipe.self, from: JSONSerialization.data(withJSONObject: object))
      return nil
    } catch let misfit as RecipeMisfit {
      return "'\(key)': \(misfit.problem)"
    } catch { return "'\(key)' wants \(setting.wanted), not '\(value)'" }
  }
}

extension RecipeSetting {
  /// What it does, wants, and has where a recipe leaves it out, in a line.
  package var summary: String {
    let standard = text(Recipe())
    return "\(meaning); \(wanted)" + (standard.isEmpty ? "" : "; default: \(standard)")
  }
}

extension Recipe {
  /// The keys as a table for the README: key, what it wants, default, meaning.
  package static var documentation: String {
    let rows = settings.map { setting in
      let standard = setting.text(Recipe())
      return [
        "`\(setting.key)`", setting.wanted.replacing("'N epochs'", with: "`N epochs`"),
        standard.isEmpty ? "" : "`\(standard)`", setting.meaning,
      ].joined(separator: " | ")
    }
    return (["| key | value | default | what it says |", "|---|---|---|---|"] + rows.map { "| \($0) |" })
      .joined(separator: "\n")
  }
}
