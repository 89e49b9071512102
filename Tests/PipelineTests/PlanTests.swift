import Foundation
import Pipeline
import TestSupport
import Testing

/// What a recipe comes to, layer by layer, before anything is trained.
@Suite(.serialized) struct PlanTests {
  private func plan(_ model: String, _ yaml: String) throws -> ConversionPlan {
    try Converter(recipe: Recipe(yaml: yaml, place: "r.yaml")).plan(
      model: Project.path("fixtures/demo/\(model).onnx"), data: Project.path("fixtures/fashion-mnist"),
      evaluateOn: nil, to: "nowhere.signum")
  }

  @Test func saysTheSizeThatTheFileWillHave() throws {
    let folder = try TemporaryFolder()
    var recipe = Recipe()
    recipe.epochs = 0
    let model = Project.path("fixtures/demo/fashion_tiny.onnx")
    let data = Project.path("fixtures/fashion-mnist")
    let planned = try Converter(recipe: recipe)
      .plan(model: model, data: data, evaluateOn: nil, to: folder.path("a.signum"))
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.url.path).isEmpty, "nothing is written")
    let report = try Converter(recipe: recipe)
      .convert(model: model, data: data, evaluateOn: nil, to: folder.path("a.signum"))
    // The levels are other numbers after calibration, and numbers have more or fewer digits.
    #expect(abs(planned.packedBytes - report.packedBytes) < 100)
    #expect(planned.seconds == nil && planned.floatBytes == report.floatBytes)
  }

  @Test func theLastRuleThatMatchesWins() throws {
    let found = try plan(
      "fashion_resnet8",
      """
      epochs: 1
      layers:
        - {match: "*conv2*", method: xnor, activations: sign}
        - {match: "*layer1*", options: {sharpness-at-end: 20}, start: 0.3}
        - {match: "*layer1/conv2*", keep: float}
        - {operator: dense, method: information-retention}
      """)
    let table = Dictionary(uniqueKeysWithValues: found.layers.map { ($0.name, $0) })
    func layer(_ part: String) throws -> ConversionPlan.Layer {
      try #require(table.first { $0.key.contains(part) }?.value, "\(table.keys)")
    }
    #expect(found.layers[0].coding == "float" && found.layers[0].bitsPerWeight == 32)
    #expect(try layer("layer1/conv1").coding == "information-retention")
    #expect(try layer("layer1/conv1").options == ["sharpness-at-end": "20"])
    #expect(try layer("layer1/conv1").start == 0.3 && layer("layer1/conv1").activations == "float")
    #expect(try layer("layer1/conv2").coding == "float" && layer("layer1/conv2").activations == "float")
    #expect(try layer("layer2/conv2").coding == "xnor" && layer("layer2/conv2").activations == "sign")
    #expect(try layer("layer2/conv2").bitsPerWeight == 1 && layer("layer2/conv2").options == [:])
    #expect(found.layers.last!.coding == "information-retention")
    #expect(found.seconds! > 0 && found.secondsPerStep! > 0 && found.stepsPerEpoch == 37)
    #expect(found.table.contains("information-retention:sharpness-at-end=20"))
  }

  @Test func layersBecomeBitsOneAfterTheOther() throws {
    func starts(_ yaml: String) throws -> [Float] {
      try plan("fashion_resnet8", "epochs: 0\n" + yaml).layers.filter { $0.coding != "float" }.map(\.start)
    }
    #expect(try starts("progressive: {from: 0, to: 0.5}") == [0, 0.1, 0.2, 0.3, 0.4, 0.5])
    #expect(try starts("progressive: {from: 0.5, to: 0, order: last-to-first}").first == 0)
    #expect(try starts("progressive: {to: 0.5, order: last-to-first}") == [0.5, 0.4, 0.3, 0.2, 0.1, 0])
    #expect(try starts("weights-from: 0.25") == Array(repeating: 0.25, count: 6))
  }

  @Test func aRuleThatMatchesNothingIsRefused() throws {
    let error = #expect(throws: InputError.self) {
      try plan("fashion_tiny", "layers: [{match: 'layer9*'}, {match: 'x', operator: dense}]")
    }
    #expect(error?.problems.count == 2)
    #expect(
      error?.problems[0].hasPrefix("fashion_tiny.onnx: rule 1 of 'layers' matches no layer with weights: 'layer9*' (")
        == true)
    #expect(error?.problems[1].contains("rule 2 of 'layers' matches no dense layer: 'x'") == true)
  }

  @Test func whatIsLeftOpenIsFilledIn() throws {
    func value(_ key: String, _ yaml: String) throws -> String? {
      try plan("fashion_tiny", "epochs: 0\n" + yaml).settings.first { $0.key == key }?.value
    }
    #expect(try value("learning-rate", "method: xnor") == "0.02")
    #expect(try value("learning-rate", "optimizer: adamw") == "0.001")
    #expect(try value("normalization", "") == "fashion-mnist")
    #expect(try value("crop", "") == "2" && value("flip", "") == "false")
    #expect(try value("batch", "batch: 60000") == "4750")
  }

  @Test func theStructureIsShown() throws {
    let found = try plan(
      "fashion_resnet8",
      """
      epochs: 0
      activations: sign
      activation-options: {estimator: error-decay}
      structure: [bi-real, average-pool-downsampling]
      layers: [{match: "*layer3*", activations: float}]
      """)
    let network = try #require(found.network)
    // Six convolutions become bits; batch norms take the shortcuts in.
    #expect(network.count { $0.operation.hasPrefix("batch-norm + skip") } == 6)
    #expect(network.count { $0.operation == "sign-activation" } == 4)
    // Two shortcuts skip rows, then columns.
    #expect(network.count { $0.operation == "average-pool" } == 4 && !network.contains { $0.operation == "slice" })
    let layer = try #require(found.layers.first { $0.name.contains("layer1/conv1") })
    #expect(layer.activations == "sign:estimator=error-decay")
    #expect(found.layers.filter { $0.name.contains("layer3") }.allSatisfy { $0.activations == "float" })
    #expect(found.table.contains("batch-norm + skip"))
    #expect(try plan("fashion_tiny", "epochs: 0").network == nil)
  }

  @Test func matchedLayersAreNamed() throws {
    #expect(try !plan("fashion_resnet8", "epochs: 0\nmatching: attention").matchedLayers.isEmpty)
    #expect(throws: InputError.self) { try plan("fashion_mlp", "epochs: 0\nmatching: features") }
    #expect(throws: InputError.self) {
      try plan("fashion_resnet8", "epochs: 0\nmatching: features\nmatching-layers: nothing*")
    }
  }

  /// Every new key at once, the whole way: it trains, it is verified, and it is the same bytes again.
  @Test func aRecipeOfEverythingIsVerified() throws {
    let folder = try TemporaryFolder()
    let recipe = try Recipe(
      yaml: """
        epochs: 2
        batch: 64
        optimizer: adamw
        schedule: one-cycle
        clip-gradient: 5
        average: 0.9
        label-smoothing: 0.1
        decay-biases: 0.01
        matching: attention
        progressive: {to: 0.4}
        activations: sign
        layers: [{match: "*", options: {sharpness-at-end: 20}}]
        """, place: "r.yaml")
    let contents = try ["a", "b"].map { name in
      let report = try Converter(recipe: recipe).convert(
        model: Project.path("fixtures/demo/fashion_tiny.onnx"), data: Project.path("fixtures/fashion-mnist"),
        evaluateOn: nil, to: folder.path(name))
      #expect(report.verification.passes && report.verification.packedTop1! > 0.4)
      return try Data(contentsOf: URL(fileURLWithPath: folder.path(name)))
    }
    #expect(contents[0] == contents[1])
  }
}
