import ArgumentParser
import Datasets
import Exporters
import Graphs
import Importers
import Methods
import Packed
import Pipeline

struct ListCommand: ComputesNothing {
  enum Topic: String, CaseIterable, ExpressibleByArgument {
    case methods, activations, structures, operators, passes, importers, exporters, kernels, datasets, settings, recipes
  }

  struct Entry: Encodable {
    var name: String
    var summary: String
    /// Of a recipe: the file.
    var yaml: String?
    /// Of a setting: what its value is, and which it has where a recipe leaves it out.
    var value, standard: String?

    enum CodingKeys: String, CodingKey {
      case name, summary, yaml, value
      case standard = "default"
    }
  }

  static let configuration = CommandConfiguration(
    commandName: "list",
    abstract:
      "List what signum knows: methods for weights and activations, structures, operators, passes, importers, "
      + "exporters, kernels, datasets, settings of recipes, recipes.",
    discussion: """
      With the name of a recipe its YAML is printed, to be copied and edited.

      Examples:

        signum list methods
        signum list recipes best-15-epochs > mine.yaml
      """)

  @Argument(help: "What to list.")
  var topic: Topic

  @Argument(help: "One of them alone.")
  var name: String?

  @Flag(help: "Print one JSON object.")
  var json = false

  func run() throws {
    var entries = entries
    if let name {
      let known = entries.map(\.name)
      entries.removeAll { $0.name != name }
      guard !entries.isEmpty else {
        throw ValidationError("\(topic.rawValue): there is no '\(name)'" + suggestion(for: name, among: known))
      }
    }
    if name != nil, !json, let yaml = entries.first?.yaml { return print(yaml, terminator: "") }
    if json { return try Console.printJSON([topic.rawValue: entries]) }
    let width = entries.map(\.name.count).max() ?? 0
    for entry in entries {
      let name = entry.name.padding(toLength: width + 2, withPad: " ", startingAt: 0)
      print(entry.summary.isEmpty ? entry.name : name + entry.summary)
    }
  }

  private var entries: [Entry] {
    switch topic {
    case .methods: methods.map { Entry(name: $0.name, summary: Self.explanation(of: $0)) }
    case .activations:
      [Entry(name: "float", summary: "as they are")]
        + activationMethods.map { Entry(name: $0.name, summary: Self.explanation(of: $0)) }
    case .structures: structures.map { Entry(name: $0.name, summary: "\($0.summary); \($0.paper)") }
    case .operators: operators.map { Entry(name: $0.name, summary: "") }
    case .passes:
      passes.map { type(of: $0) }.map { Entry(name: $0.name, summary: $0.summary) }
        + [
          Entry(name: AttachMethod.name, summary: AttachMethod.summary),
          Entry(name: AttachActivation.name, summary: AttachActivation.summary),
          Entry(name: Freeze.name, summary: Freeze.summary),
        ]
    case .importers: importers.map { Entry(name: $0.name, summary: $0.summary) }
    case .exporters: exporters.map { Entry(name: $0.name, summary: $0.summary) }
    case .kernels:
      kernels.map {
        Entry(name: $0.name, summary: "\($0.isAvailable ? "available" : "not on this processor"); needs \($0.requires)")
      }
    case .datasets: datasetReaders.map { Entry(name: $0.name, summary: $0.summary) }
    case .settings:
      Recipe.settings.map { setting in
        let standard = setting.text(Recipe())
        return Entry(
          name: setting.key, summary: json ? setting.meaning : setting.summary, value: setting.wanted,
          standard: standard.isEmpty ? nil : standard)
      }
    case .recipes: shippedRecipes.map { Self.entry(of: $0) }
    }
  }

  private static func entry(of recipe: ShippedRecipe) -> Entry {
    Entry(
      name: recipe.name, summary: recipe.summary + (recipe.paper.isEmpty ? "" : "; \(recipe.paper)"),
      yaml: recipe.yaml)
  }

  /// What it does, where it was published, and what can be set.
  private static func explanation(of type: any Configurable.Type) -> String {
    let options = defaultOptions(of: type).sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
    return type.summary + (type.paper.isEmpty ? "" : "; \(type.paper)")
      + (options.isEmpty ? "" : "; options: \(options.joined(separator: ", "))")
  }
}
