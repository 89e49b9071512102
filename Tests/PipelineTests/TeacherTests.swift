import Datasets
import Foundation
import Graphs
import Packed
import Pipeline
import Tensors
import TestSupport
import Testing

/// Who answers the images of training beside the labels.
@Suite(.serialized) struct TeacherTests {
  private let data = Project.path("fixtures/fashion-mnist")
  private func model(_ name: String) -> String { Project.path("fixtures/demo/\(name).onnx") }

  private func convert(
    _ teacher: Recipe.Teacher, _ name: String = "fashion_tiny", epochs: Int = 1, to path: String,
    hearing listener: Converter.Listener = .init()
  ) throws -> PackedModel {
    var recipe = Recipe()
    (recipe.method, recipe.epochs, recipe.batch, recipe.teacher) = ("xnor", epochs, 64, teacher)
    recipe.limit = 640
    let report = try Converter(recipe: recipe, listener: listener)
      .convert(model: model(name), data: data, evaluateOn: nil, to: path)
    #expect(report.verification.passes)
    return try PackedFile.read(path)
  }

  @Test func anotherNetworkTeaches() throws {
    let folder = try TemporaryFolder()
    var notes: [String] = []
    let listener = Converter.Listener(note: { notes.append($0) }, warn: { notes.append("warning: \($0)") })
    let other = try convert(.file(model("fashion_resnet8")), to: folder.path("a.signum"), hearing: listener)
    #expect(notes.contains { $0.hasPrefix("teacher: fashion_resnet8.onnx, normalization: ") }, "\(notes)")
    #expect(notes.contains { $0.hasSuffix("taught by labels and fashion_resnet8.onnx") })
    #expect(other.provenance.recipe.contains(#""teacher":"fashion_resnet8.onnx""#), "by its name, wherever it lay")
    // Its answers are other answers, and the network itself, named as a file, gives its own.
    let own = try convert(.itself, to: folder.path("b.signum"))
    let named = try convert(.file(model("fashion_tiny")), to: folder.path("c.signum"))
    #expect(own.layers != other.layers && own.layers == named.layers)
  }

  @Test func aWorseTeacherIsWarnedOf() throws {
    let folder = try TemporaryFolder()
    var warnings: [String] = []
    let listener = Converter.Listener(warn: { warnings.append($0) })
    let teacher = Recipe.Teacher.file(model("fashion_tiny"))
    _ = try convert(teacher, "fashion_resnet8", epochs: 0, to: folder.path("a.signum"), hearing: listener)
    let warning = try #require(warnings.first { $0.hasPrefix("teacher fashion_tiny.onnx: top-1 ") }, "\(warnings)")
    #expect(warning.contains("on 512 training images, and fashion_resnet8.onnx itself"))
  }

  @Test func whatDoesNotFitIsRefused() throws {
    let folder = try TemporaryFolder()
    func problem(_ teacher: String) -> String {
      do {
        _ = try convert(.file(teacher), to: folder.path("a.signum"))
        return ""
      } catch { return "\(error)" }
    }
    let colour = Project.path("fixtures/onnx/vision_ts_op17.onnx")
    #expect(problem(colour).hasPrefix("teacher \(colour): "))
    #expect(problem("nothing.onnx").hasPrefix("teacher nothing.onnx: "))
    #expect(problem("slef").hasSuffix("; a teacher is self, none or the path of a model"))
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.url.path).isEmpty)
    // The output would take the place of the teacher.
    let copy = folder.path("teacher.onnx")
    try FileManager.default.copyItem(atPath: model("fashion_resnet8"), toPath: copy)
    #expect(throws: InputError.self) { try convert(.file(copy), to: copy) }
  }

  @Test func aTeacherThatKnowsOtherClassesIsRefused() throws {
    let folder = try TemporaryFolder()
    let weight = ONNXBytes.tensor("", [12, 784], ONNXBytes.raw([Float](repeating: 0.01, count: 12 * 784)))
    let bytes = ONNXBytes.model(
      nodes: [
        ONNXBytes.constant("weight", weight), ONNXBytes.node("Flatten", ["input"], "rows"),
        ONNXBytes.node("Transpose", ["weight"], "columns"), ONNXBytes.node("MatMul", ["rows", "columns"], "output"),
      ], inputs: [ONNXBytes.port("input", [1, 1, 28, 28])], outputs: [ONNXBytes.port("output", [1, 12])])
    let path = folder.path("twelve.onnx")
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    do {
      _ = try convert(.file(path), to: folder.path("a.signum"))
      Issue.record("twelve classes cannot teach ten")
    } catch { #expect("\(error)" == "teacher \(path): it knows 12 classes, fashion_tiny.onnx 10") }
  }

  /// Images as one network wants them, read by one that wants them otherwise.
  @Test func imagesAreNormalizedAnew() throws {
    let given = Normalization(scale: 1 / 255, mean: [0.485, 0.456, 0.406], deviation: [0.229, 0.224, 0.225])
    let graph = try Networks.residual()
    let bytes = Tensor.random([2, 3, 8, 8], seed: 4).map { ($0 * 40 + 128).rounded() }
    func normalized(_ by: Normalization) -> Tensor {
      let numbers = bytes.scalars.enumerated().map { place, byte in
        let channel = place / 64 % 3
        let (mean, deviation) = (by.mean[by.mean.count == 1 ? 0 : channel], by.deviation)
        return (byte * by.scale - mean) / deviation[deviation.count == 1 ? 0 : channel]
      }
      return Tensor(bytes.shape, scalars: numbers)
    }
    for own in [
      Normalization(scale: 1), Normalization(scale: 1 / 255, mean: [0.5], deviation: [0.5]),
      Normalization(scale: 1 / 255, mean: [0.4, 0.5, 0.6], deviation: [0.2, 0.3, 0.25]),
    ] {
      let expected = graph(normalized(own))
      let found = try graph.reading(given, insteadOf: own, channels: 3)(normalized(given))
      let size = expected.scalars.reduce(0) { max($0, abs($1)) }
      #expect(found.largestDifference(to: expected) < 1e-4 * max(size, 1))
    }
    #expect(try graph.reading(given, insteadOf: given, channels: 3).nodes.count == graph.nodes.count)
    // Images in a row, as a network of dense layers reads them.
    let own = Normalization(scale: 1 / 255, mean: [0.4, 0.5, 0.6], deviation: [0.2, 0.3, 0.25])
    var rows = Graph()
    let images = rows.addInput("x", [1, 192])
    rows.outputs = [try rows.add("y", Relu(), [images])]
    let found = try rows.reading(given, insteadOf: own, channels: 3)(normalized(given).reshaped([2, 192]))
    let expected = normalized(own).reshaped([2, 192]).map { max($0, 0) }
    #expect(found.largestDifference(to: expected) < 1e-4)
  }

  /// A path in a file is relative to the file.
  @Test func pathsAreThoseOfTheRecipe() throws {
    let folder = try TemporaryFolder()
    try Data("teacher: nets/large.onnx\n".utf8).write(to: URL(fileURLWithPath: folder.path("r.yaml")))
    #expect(try Recipe(contentsOf: folder.path("r.yaml")).teacher == .file(folder.path("nets/large.onnx")))
    #expect(try Recipe(yaml: "teacher: /a/b.onnx", place: "r").teacher == .file("/a/b.onnx"))
    #expect(try Recipe(yaml: "teacher: self", place: "r").teacher == .itself)
    #expect(throws: RecipeError.self) { try Recipe(yaml: "teacher: ''", place: "r") }
    #expect(throws: RecipeError.self) { try Recipe(yaml: "teacher: [a]", place: "r") }
  }

  /// A job is of what its teacher is, not of where it lies.
  @Test func aZooKnowsItsTeachers() throws {
    func job(_ folder: TemporaryFolder, _ teacher: String?) throws -> ZooJob {
      if let teacher { try FileManager.default.copyItem(atPath: model(teacher), toPath: folder.path("teacher.onnx")) }
      let yaml = """
        models: {tiny: {file: \(model("fashion_tiny")), data: \(data)}}
        recipes: [xnor-1w32a]
        set: {teacher: teacher.onnx}
        """
      return try #require(ZooPlan(try ZooFile(yaml: yaml, path: folder.path("zoo.yaml"))).jobs.first)
    }
    let folders = try (0..<4).map { _ in try TemporaryFolder() }
    let jobs = try zip(folders, ["fashion_resnet8", "fashion_resnet8", "fashion_mlp"]).map(job)
    #expect(jobs.allSatisfy { $0.problem == nil && $0.hash != nil })
    #expect(jobs[0].hash == jobs[1].hash && jobs[0].hash != jobs[2].hash)
    #expect(try job(folders[3], nil).problem?.contains(folders[3].path("teacher.onnx")) == true)
  }
}
