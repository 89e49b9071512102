import Exporters
import Foundation
import Methods
import Yams

/// Many conversions in one YAML file: models, recipes, formats, and what differs for some of them.
///
///     models:
///       resnet20: {file: resnet20.onnx, data: cifar10/}
///     recipes:
///       - xnor-1w32a
///       - mine.yaml
///     set: {epochs: 60}
///     overrides:
///       - {recipe: "xnor-*", set: {seed: 2}}
///
/// Paths are relative to the file. Every model is converted by every recipe unless it names its own.
package struct ZooFile: Hashable, Sendable {
  package struct Model: Hashable, Sendable {
    package var name: String
    package var file: String
    package var data: String
    package var evaluateOn: String?
    /// Patterns of names of recipes.
    var recipes = ["*"]
  }

  package struct NamedRecipe: Hashable, Sendable {
    package var name: String
    /// A file, or a recipe that comes with the program.
    package var source: String
    var changes: [Change] = []
  }

  /// A key of a recipe and its value, as YAML.
  struct Change: Hashable, Sendable {
    var key: String
    var value: String
  }

  /// What differs for jobs whose names match.
  struct Override: Hashable, Sendable {
    var model = "*"
    var recipe = "*"
    var changes: [Change] = []
  }

  package let path: String
  package private(set) var models: [Model] = []
  package private(set) var recipes: [NamedRecipe] = []
  package private(set) var exports: [String] = [PackedExporter.name]
  /// What every recipe is changed by, before its own changes.
  private(set) var changes: [Change] = []
  /// In the order in which they are laid over recipes: the last one wins.
  private(set) var overrides: [Override] = []

  /// The folder that its paths are relative to; empty for the current one.
  private var folder: String { (path as NSString).deletingLastPathComponent }

  /// Where its results lie unless another folder is named: the file's name without its extension.
  package static func resultsFolder(of path: String) -> String {
    let bare = (path as NSString).deletingPathExtension
    return bare == path ? path + "-results" : bare
  }

  /// Reads a file. Throws `InputError` with everything that is wrong in it.
  package init(_ path: String) throws {
    switch Output.kind(path) {
    case nil: throw InputError(["\(path): no such file"])
    case S_IFDIR: throw InputError(["\(path): is a folder; a zoo is a YAML file"])
    default: break
    }
    guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
      throw InputError(["\(path): cannot be read as UTF-8 text; a zoo is a YAML file"])
    }
    try self.init(yaml: text, path: path)
  }

  package init(yaml text: String, path: String) throws {
    self.path = path
    let part: ZooPart
    do { part = try ZooPart(text) } catch { throw InputError(["\(path): \(Recipe.explanation(error))"]) }
    var problems = part.unknownKeys(["models", "recipes", "exports", "set", "overrides"], "a zoo")
    models = part.entries("models", &problems).map { Self.model($0, $1, folder, &problems) }
    recipes = Self.recipes(part, folder, &problems)
    changes = part.changes("set", &problems)
    overrides = part.parts("overrides", &problems).map { Self.override($0, &problems) }
    if part.has("exports") { exports = part.names("exports", &problems) }
    problems += inconsistencies
    guard problems.isEmpty else { throw InputError(problems.map { "\(path): \($0)" }) }
  }

  // MARK: Parts

  private static func model(
    _ name: String, _ part: ZooPart, _ folder: String, _ problems: inout [String]
  ) -> Model {
    let place = "model '\(name)'"
    var model = Model(name: name, file: "", data: "")
    problems += part.unknownKeys(["file", "data", "evaluate-on", "recipes"], place)
    if let file = part.text("file", place, &problems) { model.file = located(file, in: folder) }
    if let data = part.text("data", place, &problems) { model.data = located(data, in: folder) }
    for key in ["file", "data"] where !part.has(key) { problems.append("\(place): '\(key)' is missing: a path") }
    model.evaluateOn = part.text("evaluate-on", place, &problems).map { located($0, in: folder) }
    if part.has("recipes") { model.recipes = part.names("recipes", &problems) }
    return model
  }

  private static func recipes(_ part: ZooPart, _ folder: String, _ problems: inout [String]) -> [NamedRecipe] {
    if part.isList("recipes") {
      return part.names("recipes", &problems).map { text in
        let name = ((text as NSString).lastPathComponent as NSString).deletingPathExtension
        return NamedRecipe(
          name: shippedRecipes.contains { $0.name == text } ? text : name, source: source(text, in: folder))
      }
    }
    return part.entries("recipes", &problems, allowsText: true).map { name, part in
      if let text = part.onlyText { return NamedRecipe(name: name, source: source(text, in: folder)) }
      problems += part.unknownKeys(["recipe", "set"], "recipe '\(name)'")
      let recipe = part.text("recipe", "recipe '\(name)'", &problems)
      if !part.has("recipe") {
        problems.append("recipe '\(name)': 'recipe' is missing: a file, or a name from 'signum list recipes'")
      }
      return NamedRecipe(
        name: name, source: source(recipe ?? "", in: folder), changes: part.changes("set", &problems))
    }
  }

  private static func override(_ part: ZooPart, _ problems: inout [String]) -> Override {
    problems += part.unknownKeys(["model", "recipe", "set"], "an override")
    if !part.has("set") { problems.append("an override: 'set' is missing: keys of a recipe with their values") }
    return Override(
      model: part.text("model", "an override", &problems) ?? "*",
      recipe: part.text("recipe", "an override", &problems) ?? "*", changes: part.changes("set", &problems))
  }

  private static func located(_ path: String, in folder: String) -> String {
    path.hasPrefix("/") || folder.isEmpty ? path : folder + "/" + path
  }

  /// A recipe that comes with the program has no place; a file of its name beside the zoo wins, as in `convert`.
  private static func source(_ text: String, in folder: String) -> String {
    let path = located(text, in: folder)
    return Output.kind(path) != S_IFREG && shippedRecipes.contains { $0.name == text } ? text : path
  }

  // MARK: What must hold between parts

  private var inconsistencies: [String] {
    var problems: [String] = []
    if models.isEmpty { problems.append("'models' names no model") }
    if recipes.isEmpty { problems.append("'recipes' names no recipe") }
    if exports.isEmpty { problems.append("'exports' names no format") }
    for (what, names) in [("model", models.map(\.name)), ("recipe", recipes.map(\.name)), ("export", exports)] {
      problems += Self.nameProblems(what, names)
    }
    let formats = exporters.map { $0.name }
    problems += exports.filter { !formats.contains($0) }.map {
      "there is no export '\($0)'" + suggestion(for: $0, among: formats)
    }
    let names = recipes.map(\.name)
    for model in models {
      if model.recipes.isEmpty { problems.append("model '\(model.name)': 'recipes' names none") }
      problems += model.recipes.filter { pattern in !names.contains { $0.matches(pattern) } }.map {
        "model '\(model.name)': no recipe matches '\($0)'" + suggestion(for: $0, among: names)
      }
    }
    for override in overrides {
      for (what, pattern, known) in [("model", override.model, models.map(\.name)), ("recipe", override.recipe, names)]
      where !known.contains(where: { $0.matches(pattern) }) {
        problems.append("an override: no \(what) matches '\(pattern)'" + suggestion(for: pattern, among: known))
      }
    }
    return problems + changeProblems
  }

  /// Keys that no recipe has, and values that none can have, in what is laid over many recipes: said once, of the line
  /// that they stand in. A recipe's own are a problem of its jobs alone.
  private var changeProblems: [String] {
    let places =
      [("'set'", changes)] + overrides.map { ("the override for '\($0.model)' × '\($0.recipe)'", $0.changes) }
    return places.flatMap { place, changes in
      var recipe = Recipe()
      return changes.compactMap { change in
        let misfit = recipe.set(change.key, toYAML: change.value)
        return (misfit ?? recipe.limitProblem(of: change.key)).map { "\(place): \($0)" }
      }
    }
  }

  /// Names become names of folders.
  private static func nameProblems(_ what: String, _ names: [String]) -> [String] {
    let twice = Dictionary(grouping: names) { $0 }.filter { $1.count > 1 }.keys.sorted()
    return twice.map { "the \(what) '\($0)' occurs twice" }
      + names.filter { !isName($0) }.map {
        "the \(what) '\($0)' cannot name a folder: it wants letters, digits, '-', '_' and '.', no sign first, and neither lock nor ledger.sqlite"
      }
  }

  private static func isName(_ text: String) -> Bool {
    // The zoo's own files lie beside the folders of the models.
    guard text != "lock", !text.hasPrefix(ZooLedger.fileName) else { return false }
    guard let first = text.first, first.isASCII, first.isLetter || first.isNumber, text.utf8.count <= 100 else {
      return false
    }
    return text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-_.".contains($0)) }
  }
}

extension ZooFile {
  /// The recipe of a job. Throws `RecipeError` with everything that is wrong in it.
  package func recipe(_ named: NamedRecipe, for model: Model) throws(RecipeError) -> Recipe {
    var recipe = try Recipe(fileOrName: named.source)
    let fitting = overrides.filter { model.name.matches($0.model) && named.name.matches($0.recipe) }
    let all = changes + named.changes + fitting.flatMap(\.changes)
    let misfits = all.compactMap { recipe.set($0.key, toYAML: $0.value) }
    if all.contains(where: { $0.key == "teacher" }) { recipe.teacher = recipe.teacher.located(in: folder) }
    // The recipe that a job is given lies in a folder of its own.
    if let path = recipe.teacher.path, !path.isEmpty { recipe.teacher = .file(URL(fileURLWithPath: path).path) }
    let problems = misfits + recipe.problems
    guard problems.isEmpty else { throw RecipeError("recipe '\(named.name)'", problems) }
    return recipe
  }
}
