import Foundation
import Pipeline
import TestSupport
import Testing

struct ZooFileTests {
  private func problems(_ yaml: String) -> [String] {
    do {
      _ = try ZooFile(yaml: yaml, path: "z.yaml")
      return []
    } catch { return "\(error)".split(separator: "\n").map(String.init) }
  }

  private static let whole = """
    models:
      small: {file: small.onnx, data: images/}
      large: {file: /models/large.onnx, data: more/, evaluate-on: more/test.npz, recipes: [x*]}
    recipes:
      x: xnor-1w32a
      mine: {recipe: mine.yaml, set: {seed: 4, epochs: 9}}
    exports: [packed]
    set: {epochs: 3, layers: [{match: "conv*", start: 0.2}]}
    overrides:
      - {model: small, set: {epochs: 5}}
      - {recipe: "x", set: {epochs: 6, options: {}}}
    """

  @Test func readsEveryKey() throws {
    let zoo = try ZooFile(yaml: Self.whole, path: "folder/z.yaml")
    #expect(zoo.models.map(\.name) == ["small", "large"] && zoo.recipes.map(\.name) == ["x", "mine"])
    #expect(zoo.models[0].file == "folder/small.onnx" && zoo.models[1].file == "/models/large.onnx")
    #expect(zoo.models[1].evaluateOn == "folder/more/test.npz" && zoo.models[0].evaluateOn == nil)
    #expect(zoo.recipes[0].source == "xnor-1w32a" && zoo.recipes[1].source == "folder/mine.yaml")
    #expect(ZooFile.resultsFolder(of: "folder/z.yaml") == "folder/z")
  }

  /// From what holds for all to what holds for one: the last one wins.
  @Test func changesAreLaidOverEachOther() throws {
    let folder = try TemporaryFolder()
    try Data("method: xnor\nbatch: 7\nepochs: 1\n".utf8).write(to: folder.url.appendingPathComponent("mine.yaml"))
    let zoo = try ZooFile(yaml: Self.whole, path: folder.path("z.yaml"))
    let (small, large, x, mine) = (zoo.models[0], zoo.models[1], zoo.recipes[0], zoo.recipes[1])
    #expect(try zoo.recipe(mine, for: large).epochs == 9)
    #expect(try zoo.recipe(mine, for: small).epochs == 5)
    #expect(try zoo.recipe(x, for: small).epochs == 6)
    let resolved = try zoo.recipe(mine, for: large)
    #expect(resolved.batch == 7 && resolved.seed == 4)
    guard case .rules(let rules) = resolved.layers else { return #expect(Bool(false), "the rules are lost") }
    #expect(rules[0].match == "conv*" && rules[0].start == 0.2)
    #expect(ZooPlan(zoo).jobs.map(\.name) == ["small × x", "small × mine", "large × x"])
  }

  @Test func reportsAllProblemsAtOnce() {
    #expect(
      problems(
        """
        modles: {}
        models:
          ../up: {file: a.onnx, data: d}
          b: {data: d, recipes: [y]}
        recipes: [x.yaml, other/x.yaml]
        exports: [paked]
        overrides: [{model: c, set: {epochs: 1}}, {recipe: x}]
        """) == [
          "z.yaml: a zoo: there is no key 'modles'; did you mean 'models'? (known: models, recipes, exports, set, overrides)",
          "z.yaml: model 'b': 'file' is missing: a path",
          "z.yaml: an override: 'set' is missing: keys of a recipe with their values",
          "z.yaml: the model '../up' cannot name a folder: it wants letters, digits, '-', '_' and '.', no sign first, "
            + "and neither lock nor ledger.sqlite",
          "z.yaml: the recipe 'x' occurs twice",
          "z.yaml: there is no export 'paked'; did you mean 'packed'? (known: packed, onnx, onnx-compact)",
          "z.yaml: model 'b': no recipe matches 'y' (known: x, x)",
          "z.yaml: an override: no model matches 'c' (known: ../up, b)",
        ])
  }

  @Test(arguments: [
    (
      "models: {a: {file: f, data: d, evaluate-on: [x]}}\nrecipes: [xnor-1w32a]",
      "model 'a': 'evaluate-on' wants one name"
    ),
    (
      "models: {a: {file: f, data: d}}\nrecipes: [xnor-1w32a]\noverrides: [{model: [a], set: {seed: 2}}]",
      "an override: 'model' wants one name"
    ), ("models: {lock: {file: f, data: d}}\nrecipes: [xnor-1w32a]", "the model 'lock' cannot name a folder"),
    ("models: {a: {file: f, data: d, recipes: []}}\nrecipes: [xnor-1w32a]", "model 'a': 'recipes' names none"),
    ("- a", "a zoo: 'key: value' lines are wanted"), ("models: 3\nrecipes: [a]", "'models' wants names"),
    ("models: {a: {file: f, data: d}}\nrecipes: [xnor-1w32a]\nset: {epoch: 3}", "'set': there is no key 'epoch'; did"),
    ("models: {a: {file: f, data: d}}\nrecipes: [xnor-1w32a]\nset: {epochs: -3}", "'set': 'epochs' must be from 0"),
    (
      "models: {a: {file: f, data: d}}\nrecipes: [xnor-1w32a]\noverrides: [{model: a, set: {seed: x}}]",
      "the override for 'a' × '*': 'seed' wants a whole number"
    ),
    ("{", "is not YAML"), ("models: {a: 3}\nrecipes: [a]", "'models': 'a' wants 'key: value' lines"),
    ("models: {a: {file: f, data: d}}\nrecipes: [[a]]", "'recipes' wants a list of names"),
    ("models: {a: {file: f, data: d}}\nrecipes: []", "'recipes' names no recipe"), ("", "'key: value' lines"),
    ("models: {a: {file: f, data: d}}\nmodels: {}\nrecipes: [a]", "the key 'models' occurs twice"),
  ])
  func refusesWhatIsNoZoo(_ yaml: String, _ problem: String) {
    #expect(problems(yaml).contains { $0.hasPrefix("z.yaml: ") && $0.contains(problem) }, "\(problems(yaml))")
  }

  @Test func aJobWhoseFilesAreNotThereSaysSo() throws {
    let plan = ZooPlan(try ZooFile(yaml: Self.whole, path: "nowhere/z.yaml"))
    #expect(plan.jobs.allSatisfy { $0.hash == nil })
    let mine = try #require(plan.jobs.first { $0.recipeName == "mine" })
    let problem = try #require(mine.problem)
    #expect(problem.contains("nowhere/small.onnx") && problem.contains("nowhere/mine.yaml: no such file"))
  }

  /// The hash changes with everything that the result depends on, and with nothing else.
  @Test func theHashIsOfWhatTheResultDependsOn() throws {
    func hash(_ set: String, model: String = "fashion_tiny.onnx") throws -> String {
      let yaml = """
        models: {m: {file: \(Project.path("fixtures/demo/\(model)")), data: \(Project.path("fixtures/fashion-mnist"))}}
        recipes: [xnor-1w32a]
        set: \(set)
        """
      let jobs = ZooPlan(try ZooFile(yaml: yaml, path: "z.yaml")).jobs
      return try #require(jobs.first?.hash, "\(jobs.first?.problem ?? "")")
    }
    let first = try hash("{epochs: 1}")
    #expect(try hash("{seed: 1, epochs: 1}") == first)
    #expect(try hash("{epochs: 2}") != first && hash("{seed: 2, epochs: 1}") != first)
    #expect(try hash("{epochs: 1}", model: "fashion_tiny_folded.onnx") != first)
  }
}
