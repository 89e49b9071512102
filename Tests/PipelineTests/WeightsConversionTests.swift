import Foundation
import Importers
import Packed
import Pipeline
import TestSupport
import Tensors
import Testing

/// Each tensor coded on its own, without data.
struct WeightsConversionTests {
  private let folder = try? TemporaryFolder()

  private func recipe(_ method: String) -> Recipe {
    var recipe = Recipe()
    recipe.method = method
    return recipe
  }

  @Test(arguments: ["xnor", "round", "absolute-mean", "sub-bit"], ["residual_dynamo_op20", "vision_ts_op17"])
  func everyTensorIsThere(_ method: String, _ name: String) throws {
    let model = Project.path("fixtures/onnx/\(name).onnx")
    let output = try #require(folder).path("w.signum")
    let report = try WeightsConversion(recipe: recipe(method)).convert(model: model, to: output)
    let found = try WeightsFile.read(output)
    let source = try ONNXTensorSource(model)
    let floats = source.entries.filter { $0.type.hasPrefix("float") }
    #expect(found.weights.map(\.name) == floats.map(\.name) && report.tensors.map(\.name) == floats.map(\.name))
    #expect(report.leftOut == source.entries.filter { !$0.type.hasPrefix("float") }.map(\.name))
    #expect(report.packedBytes == (try Data(contentsOf: URL(fileURLWithPath: output))).count)
    for (entry, weight) in zip(floats, found.weights) {
      let tensor = try source.read(entry.name)
      if entry.shape.count < 2 || tensor.count == entry.shape[0] {
        #expect(weight.weight == .float(tensor))
      } else {
        let coded = try #require(weight.weight.coded)
        #expect(coded.shape == tensor.shape)
        // Nearer to the weight than nothing is.
        let decoded = coded.decoded()
        let distance = zip(decoded.scalars, tensor.scalars).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
        #expect(distance < tensor.scalars.reduce(0) { $0 + $1 * $1 }, "\(entry.name)")
        if method == "xnor" { #expect(zip(decoded.scalars, tensor.scalars).allSatisfy { ($0 > 0) == ($1 >= 0) }) }
      }
    }
  }

  @Test func theSameCommandMakesTheSameFile() throws {
    let model = Project.path("fixtures/onnx/vision_ts_op17.onnx")
    let paths = ["a.signum", "b.signum"].compactMap { folder?.path($0) }
    for path in paths { _ = try WeightsConversion(recipe: recipe("sub-bit")).convert(model: model, to: path) }
    let files = try paths.map { try Data(contentsOf: URL(fileURLWithPath: $0)) }
    #expect(files[0] == files[1] && !files[0].isEmpty)
    let shown = try Inspection(of: paths[0])
    #expect(shown.format == "weights" && shown.layers.contains { $0.kind == "codebook" } && shown.multiplyAdds == nil)
    #expect(shown.table.contains("tensor") && shown.types.contains { $0.type == "codebook" })
    #expect(shown.provenance["recipe"] == #"{"layers":"inner","method":"sub-bit","options":{},"seed":1}"#)
  }

  /// What is wrong with a file of weights is said, not that it is no network.
  @Test func aDamagedFileSaysWhatIsDamaged() throws {
    let output = try #require(folder).path("w.signum")
    _ = try WeightsConversion(recipe: recipe("xnor")).convert(
      model: Project.path("fixtures/onnx/vision_ts_op17.onnx"), to: output)
    var bytes = try Data(contentsOf: URL(fileURLWithPath: output))
    bytes[bytes.count - 100] ^= 1
    try bytes.write(to: URL(fileURLWithPath: output))
    #expect { try Inspection(of: output) } throws: { "\($0)".contains("has the checksum") }
  }

  /// What holds what is no number stays as it is, and is named.
  @Test func oddTensorsStayFloat() throws {
    let output = try #require(folder).path("w.signum")
    var notes: [String] = []
    let conversion = WeightsConversion(recipe: recipe("xnor")) { notes.append($0) }
    let report = try conversion.convert(model: Project.path("fixtures/keras/nan_k3.h5"), to: output)
    let odd = try #require(report.tensors.first { $0.name.hasSuffix("conv/kernel") })
    #expect(odd.coding == "float" && notes.contains { $0.contains(odd.name) && $0.contains("stays float") })
    #expect(report.tensors.contains { $0.coding == "binary" })
    #expect(try WeightsFile.read(output).weights.count == report.tensors.count)
  }

  /// Exporters write weights as initializers, or as nodes.
  @Test func weightsInConstantNodes() throws {
    let folder = try #require(folder)
    let weight = ONNXBytes.tensor("", [8, 2, 1, 1], ONNXBytes.raw((0..<16).map { Float($0) - 7.5 }))
    let places = ONNXBytes.tensor(type: 7, [1], ONNXBytes.raw([Int64(3)]))
    let model = ONNXBytes.model(
      nodes: [
        ONNXBytes.constant("weight", weight), ONNXBytes.constant("places", places),
        ONNXBytes.node("Conv", ["input", "weight"], "output"),
      ], inputs: [ONNXBytes.port("input", [1, 2, 4, 4])], outputs: [ONNXBytes.port("output", [1, 8, 4, 4])])
    try Data(model).write(to: URL(fileURLWithPath: folder.path("net.onnx")))
    let output = folder.path("w.signum")
    let report = try WeightsConversion(recipe: recipe("xnor")).convert(model: folder.path("net.onnx"), to: output)
    #expect(report.tensors.map(\.coding) == ["binary"] && report.leftOut == ["places"])
    let found = try #require(try WeightsFile.read(output).weights.first)
    #expect(found.name == "weight" && found.weight.coded?.decoded().scalars.prefix(4) == [-7, -7, -5, -5])
  }

  /// Only training that goes on reads what an optimizer keeps.
  @Test(arguments: ["trained_k3.h5", "trained_k3.keras"])
  func momentsOfTheOptimizerAreLeftOut(_ file: String) throws {
    let output = try #require(folder).path("w.signum")
    var notes: [String] = []
    let conversion = WeightsConversion(recipe: recipe("xnor")) { notes.append($0) }
    let report = try conversion.convert(model: Project.path("fixtures/keras/\(file)"), to: output)
    #expect(report.tensors.map(\.shape) == [[2], [3, 2]] || report.tensors.map(\.shape) == [[3, 2], [2]])
    #expect(notes.contains { $0.hasPrefix("left out are ") && $0.contains("arrays of the optimizer") })
  }

  /// As in networks: of the rules whose pattern covers a tensor's name the last wins.
  @Test func rulesSayWhatBecomesOfATensor() throws {
    let output = try #require(folder).path("w.signum")
    let model = Project.path("fixtures/onnx/vision_ts_op17.onnx")
    let names = try ONNXTensorSource(model).entries.filter { $0.type == "float32" && $0.shape.count >= 2 }.map(\.name)
    let (kept, other) = try (#require(names.first), #require(names.last))
    var recipe = recipe("xnor")
    var rules = [LayerRule](repeating: LayerRule(), count: 3)
    (rules[0].match, rules[0].method) = (other, "round")
    rules[0].options = ["bits": "4"]
    (rules[1].match, rules[1].method) = (kept, "round")
    (rules[2].match, rules[2].keep) = (kept, .float)
    recipe.layers = .rules(rules)
    recipe.activations = "sign"
    var notes: [String] = []
    let report = try WeightsConversion(recipe: recipe) { notes.append($0) }.convert(model: model, to: output)
    func coding(_ name: String) -> String? { report.tensors.first { $0.name == name }?.coding }
    #expect(coding(kept) == "float" && coding(other) == "4-bit" && report.method == "round, xnor")
    #expect(report.tensors.count { $0.coding == "binary" } > 0)
    #expect(notes.contains("of the recipe activations count for nothing: only weights become bits"))
    #expect(report.tensors.map(\.coding) == (try WeightsFile.read(output).weights.map { $0.weight.words }))
  }

  @Test func rulesThatMeanNothingAreRefused() throws {
    let output = try #require(folder).path("w.signum")
    var recipe = recipe("xnor")
    var rules = [LayerRule](repeating: LayerRule(), count: 2)
    (rules[0].match, rules[0].keep) = ("nothing*", .float)
    rules[1].kind = .dense
    func problem(_ rules: [LayerRule]) -> String {
      recipe.layers = .rules(rules)
      do {
        let model = Project.path("fixtures/onnx/vision_ts_op17.onnx")
        _ = try WeightsConversion(recipe: recipe).convert(model: model, to: output)
        return ""
      } catch { return "\(error)" }
    }
    let both = problem(rules)
    #expect(both.contains("rule 1 of 'layers' matches no tensor: 'nothing*'"))
    #expect(both.contains("rule 2 of 'layers' has 'operator', but a tensor alone has none"))
    #expect(try FileManager.default.contentsOfDirectory(atPath: #require(folder).url.path).isEmpty)
  }

  @Test func whatCannotBeDoneIsSaid() throws {
    let output = try #require(folder).path("w.signum")
    func problem(_ model: String, _ output: String) -> String {
      do {
        _ = try WeightsConversion(recipe: recipe("xnor")).convert(model: Project.path(model), to: output)
        return ""
      } catch { return "\(error)" }
    }
    #expect(problem("fixtures/onnx/rejected/external_escape.onnx", output).contains("must stand beside the model"))
    #expect(problem("fixtures/onnx/rejected/twice_constant.onnx", output).contains("occurs twice"))
    #expect(problem("fixtures/onnx/rejected/truncated.onnx", output).contains("cut short"))
    #expect(problem("formats/golden/dense.signum", output).contains("unknown file extension"))
    #expect(problem("fixtures/onnx/vision_ts_op17.onnx", "/nowhere/w.signum").contains("no folder"))
    #expect(try FileManager.default.contentsOfDirectory(atPath: #require(folder).url.path).isEmpty)
  }
}
