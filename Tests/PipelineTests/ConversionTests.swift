import Datasets
import Exporters
import Foundation
import Graphs
import Methods
import Packed
import Pipeline
import Tensors
import TestSupport
import Testing

/// The whole way, on real images and small pretrained networks.
@Suite(.serialized) struct ConversionTests {
  let data = Project.path("fixtures/fashion-mnist")

  private func convert(
    _ model: String, to path: String, epochs: Int = 1, _ change: (inout Recipe) -> Void = { _ in }
  ) throws -> ConversionReport {
    var recipe = Recipe()
    recipe.epochs = epochs
    recipe.batch = 64
    change(&recipe)
    return try Converter(recipe: recipe)
      .convert(model: Project.path("fixtures/demo/\(model).onnx"), data: data, evaluateOn: nil, to: path)
  }

  @Test(arguments: ["information-retention", "xnor"]) func learnsAndIsVerified(_ method: String) throws {
    let folder = try TemporaryFolder()
    let report = try convert("fashion_tiny", to: folder.path("a.signum"), epochs: 2) { $0.method = method }
    let verification = report.verification
    #expect(verification.passes && verification.firstDifference == nil)
    #expect(verification.sameClass == 2000 && verification.images == 2000)
    #expect(abs(verification.floatTop1! - 0.874) < 1e-6, "onnxruntime finds 1,748 of 2,000")
    #expect(verification.packedTop1! > 0.75)
    #expect(verification.packedTop1 == verification.frozenTop1)
    #expect(report.layersCoded == 2)
    #expect(report.packedBytes < report.floatBytes)
    #expect(try PackedFile.read(folder.path("a.signum")).input.normalization != nil)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.url.path) == ["a.signum"])
  }

  @Test func theSameCommandMakesTheSameBytes() throws {
    let folder = try TemporaryFolder()
    for name in ["a", "b"] { _ = try convert("fashion_tiny", to: folder.path(name)) }
    let (a, b) = (
      try Data(contentsOf: URL(fileURLWithPath: folder.path("a"))),
      try Data(contentsOf: URL(fileURLWithPath: folder.path("b")))
    )
    #expect(a == b)
  }

  @Test func batchNormIsPutBackWhereTheExporterFoldedIt() throws {
    let folder = try TemporaryFolder()
    let report = try convert("fashion_tiny_folded", to: folder.path("a.signum"), epochs: 2)
    #expect(report.verification.passes)
    #expect(report.verification.packedTop1! > 0.75)
  }

  @Test func denseNetworksAndAllLayers() throws {
    let folder = try TemporaryFolder()
    let report = try convert("fashion_mlp", to: folder.path("a.signum"), epochs: 2) { $0.layers = .all }
    #expect(report.layersCoded == 3)
    #expect(report.verification.passes)
    #expect(report.verification.packedTop1! > 0.6)
  }

  /// One bit by one bit: the coded layers read signs, and convolution, batch norm and sign become thresholds.
  @Test func activationsOfOneBit() throws {
    let folder = try TemporaryFolder()
    let report = try convert("fashion_tiny", to: folder.path("a.signum"), epochs: 2) { $0.activations = "sign" }
    #expect(report.verification.passes)
    #expect(report.verification.packedTop1! > 0.5)
    let kinds = try PackedFile.read(folder.path("a.signum")).layers.map(\.kind.name)
    #expect(kinds.contains("sign"))
  }

  /// What layers read is trained, packed and verified, whatever the method, and the same bytes again.
  @Test(arguments: activationMethods.map { $0.name }) func activationsOfFewBits(_ name: String) throws {
    let folder = try TemporaryFolder()
    let contents = try ["a", "b"].map { file in
      let report = try convert("fashion_tiny", to: folder.path(file)) {
        $0.activations = name
        $0.activationsFrom = 0.3
        $0.limit = 2000
      }
      #expect(report.verification.passes && report.verification.packedTop1! > 0.4)
      return try Data(contentsOf: URL(fileURLWithPath: folder.path(file)))
    }
    #expect(contents[0] == contents[1])
    let layers = try PackedFile.read(folder.path("a")).layers
    let bits = try #require(try makeActivation(named: name)).bits
    #expect(layers.count { $0.kind.name == (bits == 1 ? "sign" : "quantize") } == 2)
    for case .quantize(let step, _, _) in layers.map(\.kind) { #expect(step > 0 && step != 1, "it was measured") }
  }

  /// Bits in both, with a shortcut around each layer; the signs begin before the weights do.
  @Test func theBiRealStructureIsVerified() throws {
    let folder = try TemporaryFolder()
    let report = try convert("fashion_resnet8", to: folder.path("a.signum"), epochs: 2) {
      $0.activations = "sign"
      $0.activationOptions = ["estimator": "error-decay"]
      $0.structure = ["bi-real"]
      $0.weightsFrom = 0.5
      $0.limit = 2000
    }
    #expect(report.verification.passes && report.layersCoded == 6)
    #expect(report.verification.packedTop1! > 0.5)
    let kinds = try PackedFile.read(folder.path("a.signum")).layers.map(\.kind.words)
    #expect(kinds.count { $0 == "sign" } == 6 && kinds.count { $0 == "binary convolution" } == 6)
  }

  @Test func aFlippedBitIsFoundAndNamed() throws {
    let folder = try TemporaryFolder()
    _ = try convert("fashion_tiny", to: folder.path("a.signum"))
    let model = try PackedFile.read(folder.path("a.signum"))
    let frozen = try Raising(model, source: "a").raised()
    var damaged = model
    let index = try #require(model.layers.lastIndex { $0.kind.words == "binary convolution" })
    guard
      case .convolution(let window, let dilations, let groups, .binary(let shape, let rows, let levels), let bias) =
        model.layers[index].kind
    else { Issue.record("no binary convolution"); return }
    var words = rows.words
    words[0] ^= 1 << 5
    let flipped = BitRows(rows: rows.rows, columns: rows.columns, words: words)
    damaged.layers[index].kind = .convolution(
      window, dilations: dilations, groups: groups, .binary(shape: shape, flipped, levels: levels), bias: bias)
    let images = try DatasetFinder.open(data, split: .test).first(64)
    let good = try Verification(frozen: frozen, packed: model, normalization: model.input.normalization)
      .run(on: images, float: nil)
    let bad = try Verification(frozen: frozen, packed: damaged, normalization: model.input.normalization)
      .run(on: images, float: nil)
    #expect(good.passes)
    #expect(!bad.passes && bad.firstDifference == model.layers[index].name)
    #expect(bad.verdict == "FAILED: the first layer that differs is '\(model.layers[index].name)'")
  }

  @Test func unlabelledImagesAreTaughtByTheNetworkAlone() throws {
    let folder = try TemporaryFolder()
    let images = try DatasetFinder.open(data, split: .train).first(256).images(0..<256)
    try NumPyFile.write(images, to: folder.path("images.npy"))
    var recipe = Recipe()
    recipe.epochs = 1
    recipe.batch = 64
    recipe.normalization = "fashion-mnist"
    let model = Project.path("fixtures/demo/fashion_tiny.onnx")
    let report = try Converter(recipe: recipe)
      .convert(
        model: model, data: folder.path("images.npy"), evaluateOn: folder.path("images.npy"),
        to: folder.path("a.signum"))
    #expect(report.verification.passes)
    #expect(report.verification.floatTop1 == nil)
    recipe.teacher = .none
    let error = #expect(throws: InputError.self) {
      try Converter(recipe: recipe)
        .convert(model: model, data: folder.path("images.npy"), evaluateOn: nil, to: folder.path("b.signum"))
    }
    #expect(error?.description.contains("a teacher is needed") == true)
  }

  @Test func theHashCoversWeightsBesideTheModel() throws {
    let folder = try TemporaryFolder()
    let name = "mobile_dynamo_op20.onnx"
    for file in [name, name + ".data"] {
      try FileManager.default.copyItem(atPath: Project.path("fixtures/onnx/\(file)"), toPath: folder.path(file))
    }
    let before = try SourceModel(folder.path(name))
    let weights = URL(fileURLWithPath: folder.path(name + ".data"))
    var bytes = try Data(contentsOf: weights)
    #expect(before.bytes == bytes.count + 14_148)
    bytes[0] ^= 1
    try bytes.write(to: weights)
    #expect(try SourceModel(folder.path(name)).hash != before.hash)
  }

  @Test func theNormalizationIsFound() throws {
    let source = try SourceModel(Project.path("fixtures/demo/fashion_resnet8.onnx"))
    let images = try DatasetFinder.open(data, split: .train)
    #expect(Normalizations.detect(for: source.graph, on: images)?.name == "fashion-mnist")
  }
}
