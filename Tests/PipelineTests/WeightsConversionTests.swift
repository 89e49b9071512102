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
