import Foundation
import Pipeline
import TestSupport
import Testing

/// What holds for every key of a recipe.
struct RecipeSettingTests {
  /// A value that is not the default, for each key.
  private static let others: [String: String] = [
    "method": "xnor", "options": "{sharpness-at-end: 20.0}", "layers": "all", "activations": "sign",
    "activation-options": "{sharpness-at-end: 20.0}", "structure": "[bi-real, prelu]",
    "weights-from": "0.25", "activations-from": "0.25", "progressive": "{from: 0.25, to: 0.5, order: last-to-first}",
    "hard-at": "0.75", "epochs": "3", "batch": "7", "optimizer": "adam", "learning-rate": "0.5", "schedule": "step",
    "warm-up": "2 epochs", "milestones": "[0.25, 3 epochs]", "milestone-factor": "0.5", "learning-rate-at-end": "0.5",
    "companion-rate": "2", "momentum": "0.5", "second-momentum": "0.5", "epsilon": "0.5", "weight-decay": "0.5",
    "decay-biases": "0.5", "decay-normalization": "0.5", "decay-companions": "0.5", "clip-gradient": "2",
    "average": "0.5", "teacher": "none", "distillation": "0.5", "temperature": "2", "label-smoothing": "0.5",
    "matching": "attention", "matching-weight": "2", "matching-layers": "block*", "crop": "3", "flip": "true",
    "cutout": "8", "brightness": "0.5", "contrast": "0.5", "saturation": "0.5", "mixup": "0.5", "views": "8",
    "limit": "100",
    "resize": "64", "validation-split": "random", "validation": "0.5", "normalization": "imagenet",
    "seed": "4611686018427387905",
  ]

  /// Options are refused without what they are of.
  private func plain(for key: String) -> Recipe {
    var recipe = Recipe()
    if key == "activation-options" { recipe.activations = "sign" }
    return recipe
  }

  @Test(arguments: Recipe.settings.map(\.key)) func isReadAndWritten(_ key: String) throws {
    let value = try #require(Self.others[key], "the test knows no value for the new key '\(key)'")
    let plain = plain(for: key)
    var recipe = plain
    #expect(recipe.set(key, toYAML: value) == nil)
    #expect(recipe != plain && recipe.json != plain.json)
    #expect(recipe.problems == [], "each of these values is allowed alone")
    #expect(try JSONDecoder().decode(Recipe.self, from: Data(recipe.json.utf8)) == recipe)
    var text = plain
    let setting = try #require(Recipe.settings.first { $0.key == key })
    #expect(text.set(key, toYAML: setting.text(recipe)) == nil && text == recipe, "the text is a value again")
  }

  @Test(arguments: Recipe.settings.map(\.key)) func refusesWhatItCannotBe(_ key: String) throws {
    var recipe = Recipe()
    let found = recipe.set(key, toYAML: "[[{a: [b]}]]")
    #expect(found?.hasPrefix("'\(key)'") == true && recipe == Recipe())
    #expect(recipe.set(key, toYAML: "[") != nil)
  }

  /// The text of a recipe from before is the text that it was, and files are made of it.
  @Test func newKeysAreLeftOutWhereTheyHaveTheirDefault() {
    #expect(
      Recipe().json
        == #"{"activations":"float","batch":128,"distillation":0.7,"epochs":10,"layers":"inner","#
        + #""method":"information-retention","momentum":0.9,"normalization":"auto","options":{},"seed":1,"#
        + #""teacher":"self","temperature":3,"validation":0.05,"weight-decay":0.0001}"#)
  }

  @Test(arguments: [
    ("progressive: {from: 0.5, until: 1}", "'progressive': it has no key 'until' (known: from, order, to)"),
    ("progressive: {order: random}", "'progressive': its 'order' wants first-to-last or last-to-first"),
    ("progressive: {to: 0.95}", "'progressive' must lie before 'hard-at' (0.9), not at 0.95"),
    (
      "progressive: {to: 0.5}\nweights-from: 0.1",
      "'progressive' and 'weights-from' both say when weights become bits: leave one out"
    ),
    ("weights-from: 0.5\nhard-at: 0.5", "'weights-from' must lie before 'hard-at' (0.5), not at 0.5"),
    ("layers: [{mach: a}]", "'layers': a rule has no key 'mach'; did you mean 'match'?"),
    ("layers: [{keep: bits}]", "'layers': its 'keep' wants float"),
    ("layers: [{operator: dens}]", "'layers': its 'operator' wants convolution or dense"),
    ("layers: [{method: xnro}]", "'layers', rule 1: method 'xnro': there is no such method; did you mean 'xnor'?"),
    ("layers: [{}, {options: {sharp: 1}}]", "'layers', rule 2: method 'information-retention': there is no option"),
    ("layers: [{method: xnor, keep: float}]", "'layers', rule 1: 'keep' and 'method' cannot both be given"),
    (
      "activations: sgn",
      "activation 'sgn': there is no such activation; did you mean 'sign'? (known: float, learned-step, react-sign, "
        + "semi-relaxed, sign)"
    ),
    (
      "activations: sign\nactivation-options: {estimator: approx}",
      "activation 'sign': option 'estimator' has no 'approx' (known: straight-through, approximate, error-decay)"
    ),
    (
      "activations: learned-step\nactivation-options: {bits: 2.5}",
      "activation 'learned-step': option 'bits' wants a whole number, not '2.5'"
    ),
    (
      "activations: learned-step\nactivation-options: {bits: 1}",
      "activation 'learned-step': option 'bits' must be from 2 to 8, not 1; for 1 bit there are signs"
    ),
    ("activation-options: {bits: 3}", "activation 'float': there is no option 'bits'; it has no options"),
    ("activation-options: 3", "'activation-options' wants a list of 'option: value' lines"),
    ("layers: [{activations: sing}]", "'layers', rule 1: activation 'sing': there is no such activation"),
    (
      "layers: [{activations: sign, activation-options: {bits: 2}}]",
      "'layers', rule 1: activation 'sign': there is no option 'bits'"
    ),
    ("structure: [bi-reel]", "'structure': there is no structure 'bi-reel'; did you mean 'bi-real'? (known: "),
    ("structure: [bi-real, bi-real]", "'structure': 'bi-real' is given twice"),
    ("structure: [prelu, hardtanh]", "'structure': 'hardtanh' and 'prelu' both replace rectifiers: name one of them"),
    (
      "structure: [prelu, no-rectifiers, hardtanh]",
      "'structure': 'hardtanh' and 'prelu' and 'no-rectifiers' all replace rectifiers: name one of them"
    ),
    ("structure: bi-real", "'structure' wants a list of names, not 'bi-real'"),
    ("layers: [{start: 2}]", "'layers', rule 1: 'start' must be from 0 to below 'hard-at', which is 0.9, not 2.0"),
    ("warm-up: 1e19 epochs", "'warm-up' wants a share or 'N epochs', not '1e19 epochs'"),
    ("matching: attention\nteacher: none", "'matching' needs a teacher, but 'teacher' is none"),
    ("warm-up: 3 weeks", "'warm-up' wants a share or 'N epochs', not '3 weeks'"),
    ("average: 1", "'average' must be above 0 and below 1, not 1"),
    ("optimizer: adan", "'optimizer' wants sgd, nesterov, adam or adamw, not 'adan'"),
  ])
  func says(_ yaml: String, _ expected: String) {
    let error = #expect(throws: RecipeError.self) { try Recipe(yaml: yaml, place: "r.yaml") }
    #expect(error?.description.hasPrefix("r.yaml: \(expected)") == true, "\(error?.description ?? "")")
  }

  /// Nine lines of anchors that stand for 9^9 values.
  @Test func whatExpandsWithoutEndIsRefused() {
    var yaml = "a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1]\n"
    for i in 1..<9 {
      yaml += "a\(i): &a\(i) [" + Array(repeating: "*a\(i - 1)", count: 9).joined(separator: ", ") + "]\n"
    }
    let expected = "is too large: it stands for more than 100000 values, or is longer than 4 MiB"
    #expect(throws: RecipeError("r.yaml", [expected])) { try Recipe(yaml: yaml, place: "r.yaml") }
    let error = #expect(throws: InputError.self) { try ZooFile(yaml: yaml, path: "z.yaml") }
    #expect(error?.problems == ["z.yaml: \(expected)"])
  }

  @Test func theREADMEHasEveryKey() throws {
    let file = URL(fileURLWithPath: Project.path("README.md"))
    let text = try String(contentsOf: file, encoding: .utf8)
    let parts = text.components(separatedBy: "<!-- settings -->\n")
    try #require(parts.count == 3, "README.md has the table between two marks")
    for line in Recipe.documentation.split(separator: "\n") { #expect(line.count <= 120) }
    let expected = "\n" + Recipe.documentation + "\n\n"
    if ProcessInfo.processInfo.environment["RECORD"] == "1" {
      try Data([parts[0], expected, parts[2]].joined(separator: "<!-- settings -->\n").utf8).write(to: file)
      Issue.record("recorded \(file.path)")
      return
    }
    #expect(parts[1] == expected, "README.md differs; RECORD=1 writes it anew")
  }
}
