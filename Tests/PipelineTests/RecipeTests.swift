import Methods
import Pipeline
import Testing

struct RecipeTests {
  private func problems(_ yaml: String) -> [String] {
    do throws(RecipeError) {
      _ = try Recipe(yaml: yaml, place: "r.yaml")
      return []
    } catch { return error.description.split(separator: "\n").map(String.init) }
  }

  @Test func keepsTheDefaultsOfWhatIsLeftOut() throws {
    let recipe = try Recipe(yaml: "method: xnor\nepochs: 3\nlearning-rate: 0.5", place: "r.yaml")
    var expected = Recipe()
    expected.method = "xnor"
    expected.epochs = 3
    expected.learningRate = 0.5
    #expect(recipe == expected)
    #expect(Recipe().problems.isEmpty)
  }

  @Test func readsEveryKey() throws {
    let recipe = try Recipe(
      yaml: """
        method: information-retention
        options: {sharpness-at-end: 20}
        layers: all
        activations: sign
        activation-options: {estimator: error-decay, sharpness-at-end: 20}
        structure: [bi-real, average-pool-downsampling]
        epochs: 2
        batch: 64
        learning-rate: 0.1
        momentum: 0.8
        weight-decay: 0
        teacher: none
        distillation: 0.5
        temperature: 4
        crop: 2
        flip: true
        validation: 0.1
        normalization: "0.5:0.1,0.2,0.3:1"
        seed: 7
        weights-from: 0.2
        activations-from: 0.1
        hard-at: 0.8
        optimizer: adamw
        second-momentum: 0.99
        epsilon: 1.0e-6
        schedule: one-cycle
        warm-up: 3 epochs
        milestones: [0.5, 2 epochs]
        milestone-factor: 0.2
        learning-rate-at-end: 0.001
        companion-rate: 0.5
        decay-biases: 0.01
        decay-normalization: 0.02
        decay-companions: 0.03
        clip-gradient: 1
        average: 0.999
        label-smoothing: 0.1
        matching: none
        matching-weight: 10
        matching-layers: "layer*"
        """, place: "r.yaml")
    #expect(recipe.optimizer == .adamw && recipe.schedule == .oneCycle && recipe.warmUp == .epochs(3))
    #expect(recipe.milestones == [.share(0.5), .epochs(2)] && recipe.clipGradient == 1 && recipe.average == 0.999)
    let again = try Recipe(yaml: recipe.json, place: "JSON is YAML")
    #expect(again == recipe && again.json == recipe.json)
    #expect(recipe.options == ["sharpness-at-end": "20"])
    #expect(recipe.activationOptions == ["estimator": "error-decay", "sharpness-at-end": "20"])
    #expect(recipe.structure == ["bi-real", "average-pool-downsampling"])
    #expect(recipe.layers == .all && recipe.activations == "sign" && recipe.teacher == .none)
    #expect(recipe.flip == true && recipe.crop == 2 && recipe.seed == 7)
  }

  @Test func reportsAllProblemsAtOnce() {
    #expect(
      problems("method: xnorr\nepoch: 3\nbatch: many\nmomentum: 2\nlayers: outer") == [
        "r.yaml: 'batch' wants a whole number, not 'many'",
        "r.yaml: there is no key 'epoch'; did you mean 'epochs'? (known: \(Recipe.settings.map(\.key).sorted().joined(separator: ", ")))",
        "r.yaml: 'layers' wants inner, all or a list of rules, not 'outer'",
        "r.yaml: 'momentum' must be from 0 to below 1, not 2",
        "r.yaml: method 'xnorr': there is no such method; did you mean 'xnor'? (known: \(methods.map { $0.name }.joined(separator: ", ")))",
      ])
  }

  @Test func refusesWhatIsNoRecipe() {
    #expect(problems("- a\n- b") == ["r.yaml: a recipe is a list of 'key: value' lines"])
    #expect(problems("{")[0].hasPrefix("r.yaml: is not YAML"))
    #expect(
      problems("normalization: imagnet")[0].hasPrefix(
        "r.yaml: 'normalization': there is no normalization 'imagnet'; did you mean 'imagenet'?"))
    #expect(problems("options: 3") == ["r.yaml: 'options' wants a list of 'option: value' lines"])
    #expect(throws: RecipeError("nowhere.yaml", ["no such file"])) { try Recipe(contentsOf: "nowhere.yaml") }
  }
}
