import Datasets
import Foundation
import Packed
import Tensors
import TestSupport
import Testing

/// One small conversion by the command line, and what the other commands make of its file.
@Suite(.serialized) struct ConversionTests {
  private static let model = BadFiles.model
  private static let data = BadFiles.data

  /// A packed file that every test here may read.
  private struct Converted: @unchecked Sendable {
    let folder: TemporaryFolder
    let outcome: Program.Outcome
    var file: String { folder.path("a.signum") }
  }

  private static let conversion: Result<Converted, any Error> = Result { () throws -> Converted in
    let folder = try TemporaryFolder()
    // A static value is never released, and its folder would stay.
    atexit {
      guard let folder = try? ConversionTests.conversion.get().folder else { return }
      try? FileManager.default.removeItem(at: folder.url)
    }
    let recipe = try folder.write("recipe.yaml", "method: xnor\nepochs: 50\nseed: 3\nbatch: 500\n")
    let outcome = try Program.run(
      ["convert", model, "--recipe", recipe, "--epochs", "1", "--data", data, "-o", folder.path("a.signum"), "--json"])
    return Converted(folder: folder, outcome: outcome)
  }

  private func converted() throws -> Converted { try Self.conversion.get() }

  @Test func printsTheReportAsOneObject() throws {
    let converted = try converted()
    #expect(converted.outcome.status == 0)
    #expect(converted.folder.names.filter { $0.contains("signum") } == ["a.signum"])
    let report = try converted.outcome.object()
    #expect(
      Set(report.keys) == [
        "model", "output", "method", "layersCoded", "floatBytes", "packedBytes", "recalibrated", "evaluatedOn",
        "history", "verification", "warnings", "threads", "layers",
      ])
    let verification = try #require(report["verification"] as? [String: Any])
    #expect(
      Set(verification.keys) == [
        "layers", "images", "sameClass", "outputDifference", "floatTop1", "frozenTop1", "packedTop1", "passes",
        "reference",
      ])
    #expect(verification["passes"] as? Bool == true && report["method"] as? String == "xnor")
    #expect((report["history"] as? [Any])?.count == 1)
    #expect(converted.outcome.errors.contains("epoch 1/1"))
  }

  @Test func makesTheSameFileFromTheSameCommand() throws {
    let converted = try converted()
    let recipe = try converted.folder.write("other.yaml", "method: information-retention\nepochs: 7\nbatch: 500\n")
    let other = converted.folder.path("b.signum")
    let outcome = try Program.run([
      "convert", Self.model, "--recipe", recipe, "--method", "xnor", "--epochs", "1", "--seed", "3", "--data",
      Self.data,
      "--output", other,
    ])
    #expect(outcome.status == 0 && outcome.text.contains("verified: the bits compute what was trained"))
    #expect(
      try Data(contentsOf: URL(fileURLWithPath: other)) == Data(contentsOf: URL(fileURLWithPath: converted.file)))
  }

  @Test func aDryRunSaysEverythingAndWritesNothing() throws {
    let folder = try TemporaryFolder()
    let arguments = [
      "convert", Self.model, "--set", "method=xnor", "--set", "layers=[{match: '*', start: 0.5}]", "--set",
      "average=0.99",
      "--data", Self.data, "-o", folder.path("o.signum"), "--dry-run",
    ]
    let outcome = try Program.run(arguments)
    #expect(outcome.status == 0 && outcome.text.contains("average") && outcome.text.contains("about "))
    #expect(outcome.text.split(separator: "\n").contains { $0.contains("xnor") && $0.contains("50 %") })
    let plan = try Program.run(arguments + ["--json"]).object()
    let settings = try #require(plan["settings"] as? [[String: String]])
    #expect(settings.contains(["key": "average", "value": "0.99"]))
    #expect(settings.contains(["key": "learning-rate", "value": "0.02"]), "what the method suggests is filled in")
    #expect(folder.names.isEmpty)
  }

  @Test func verifies() throws {
    let arguments = ["verify", try converted().file, "--against", Self.model, "--data", Self.data, "--limit", "100"]
    let outcome = try Program.run(arguments)
    #expect(outcome.status == 0 && outcome.text.contains("100 of 100 images"))
    let report = try Program.run(arguments + ["--json"]).object()
    #expect(report["passes"] as? Bool == true && report["images"] as? Int == 100)
  }

  /// The checksum is right, and the layers that follow the first affine map compute no numbers any more.
  @Test func exitsWith2WhereVerificationFails() throws {
    let converted = try converted()
    var model = try PackedFile.read(converted.file)
    let index = try #require(
      model.layers.firstIndex { if case .convolution(_, _, _, .binary, _) = $0.kind { true } else { false } })
    guard
      case .convolution(let window, let dilations, let groups, .binary(let shape, let rows, let levels), let bias) =
        model.layers[index].kind
    else { return }
    let overflowing = PackedWeight.binary(shape: shape, rows, levels: levels.map { $0 * 3e37 })
    model.layers[index].kind = .convolution(
      window, dilations: dilations, groups: groups, overflowing, bias: bias)
    let file = converted.folder.path("overflow.signum")
    try PackedFile.write(model, to: file)
    let arguments = ["verify", file, "--against", Self.model, "--data", Self.data, "--limit", "10"]
    let outcome = try Program.run(arguments)
    #expect(outcome.status == 2 && outcome.text.contains("DIFFERS"))
    #expect(outcome.errors.hasPrefix("error: \(file): FAILED: the first layer that differs is '"))
    let json = try Program.run(arguments + ["--json"])
    #expect(json.status == 2)
    #expect(try json.object()["passes"] as? Bool == false)
  }

  @Test func evaluatesBothKinds() throws {
    for file in [Self.model, try converted().file] {
      let arguments = ["evaluate", file, "--data", Self.data, "--limit", "500"]
      let report = try Program.run(arguments + ["--json"]).object()
      #expect(Set(report.keys) == ["model", "data", "images", "top1", "imagesPerSecond", "normalization"])
      #expect(try #require(report["top1"] as? Double) > 0.5)
      let outcome = try Program.run(arguments)
      #expect(outcome.status == 0 && outcome.text.contains("top-1") && outcome.text.contains("images/s"))
    }
  }

  /// The ONNX file is a model like any other: it answers what the packed file answers.
  @Test func exportsWhatItConverted() throws {
    let (converted, input) = (try converted(), try converted().folder.path("image.npy"))
    try NumPyFile.write(Tensor.random([3, 1, 28, 28], seed: 6), to: input)
    func answers(_ file: String) throws -> Tensor {
      let output = converted.folder.path("answers.npy")
      #expect(try Program.run(["run", file, "--input", input, "--output", output]).status == 0)
      return try NumPyFile.read(output)
    }
    let beside = try Program.run(["export", converted.file, "--format", "onnx"])
    let path = converted.folder.path("a.packed.onnx")
    #expect(beside.status == 0 && beside.output.isEmpty && beside.errors.contains("\(path): "))
    #expect(try answers(path).largestDifference(to: answers(converted.file)) < 1e-4)
    let again = try Program.run([
      "convert", Self.model, "--recipe", converted.folder.path("recipe.yaml"), "--epochs", "0", "--data", Self.data,
      "--limit", "500", "-o", converted.folder.path("c.signum"), "--export", "onnx", "--export", "onnx-compact",
    ])
    #expect(again.status == 0, "\(again.errors)")
    for name in ["c.packed.onnx", "c.compact.onnx"] { #expect(converted.folder.names.contains(name)) }
    for more in [[], ["--dry-run"]] {
      let unknown = try Program.run(
        [
          "convert", Self.model, "--method", "xnor", "--data", Self.data, "-o", converted.folder.path("d.signum"),
          "--export", "onx",
        ] + more)
      #expect(unknown.status == 64 && unknown.errors.contains("there is no export 'onx'; did you mean 'onnx'"))
    }
  }

  @Test func packsWeightsAlone() throws {
    let folder = try TemporaryFolder()
    let (model, output) = ("fixtures/onnx/vision_ts_op17.onnx", folder.path("w.signum"))
    let arguments = ["convert", model, "--weights-only", "--method", "round:bits=3", "-o", output]
    let report = try Program.run(arguments + ["--json"]).object()
    #expect(report["method"] as? String == "round" && (report["tensors"] as? [Any])?.isEmpty == false)
    #expect(try Program.run(arguments).text.contains("8 of 24 coded by round"))
    let shown = try Program.run(["inspect", output, "--json"]).object()
    #expect(shown["format"] as? String == "weights")
    for command in [["export", output, "--format", "onnx"], ["evaluate", output, "--data", Self.data]] {
      let outcome = try Program.run(command)
      #expect(outcome.status == 1 && outcome.errors.contains("holds weights without a network"), "\(outcome.errors)")
    }
    #expect(try Program.run(arguments + ["--data", Self.data]).status == 64)
    #expect(try Program.run(["convert", model, "--method", "xnor", "-o", output]).status == 64)
  }

  @Test func inspectsBothKinds() throws {
    for (file, format) in [(Self.model, "float"), (try converted().file, "packed"), (BadFiles.packed, "packed")] {
      let json = try Program.run(["inspect", file, "--json"]).object()
      #expect(json["format"] as? String == format && (json["layers"] as? [Any])?.isEmpty == false)
      #expect(try Program.run(["inspect", file]).text.contains("\(format) model"))
    }
    let coded = try Program.run(["inspect", "formats/golden/ternary.signum", "--json"]).object()
    let weights = try #require(coded["layers"] as? [[String: Any]]).compactMap { $0["weight"] as? [String: Any] }
    #expect(weights.count == 5 && weights.allSatisfy { $0["alphabet"] as? String == "ternary" })
    #expect(weights.allSatisfy { ($0["zeros"] as? Double).map { (0.1...0.6).contains($0) } == true })
    #expect(weights.allSatisfy { ($0["entropy"] as? Double).map { (1...1.585).contains($0) } == true })
    #expect(try Program.run(["inspect", "formats/golden/ternary.signum"]).text.contains("ternary convolution"))
    let hierarchy = try Program.run(["inspect", "fixtures/hdf5/objects.h5", "--json"]).object()
    #expect((hierarchy["objects"] as? [Any])?.isEmpty == false)
  }

  @Test func runsTheSameBitsOnEveryInstructionSetAndThreadCount() throws {
    let converted = try converted()
    let (input, output) = (converted.folder.path("x.npy"), converted.folder.path("y.npy"))
    try NumPyFile.write(Tensor.random([3, 1, 28, 28], seed: 4), to: input)
    var outputs: Set<Data> = []
    for set in InstructionSet.available.map(\.rawValue) {
      for threads in ["1", "3"] {
        let outcome = try Program.run(
          ["run", converted.file, "--input", input, "--output", output],
          environment: ["SIGNUM_ISA": set, "SIGNUM_THREADS": threads])
        #expect(outcome.status == 0 && outcome.output.isEmpty, "\(outcome.errors)")
        outputs.insert(try Data(contentsOf: URL(fileURLWithPath: output)))
      }
    }
    #expect(outputs.count == 1)
    #expect(try NumPyFile.read(output).shape == [3, 10])
  }

  @Test func bothKindsRefuseTheSameInputInTheSameWords() throws {
    let converted = try converted()
    let input = converted.folder.path("narrow.npy")
    try NumPyFile.write(Tensor.random([2, 1, 28, 27], seed: 4), to: input)
    let messages = try [Self.model, converted.file].map { file in
      let outcome = try Program.run(["run", file, "--input", input, "--output", converted.folder.path("n.npy")])
      #expect(outcome.status == 1)
      return outcome.errors.replacing(file, with: "MODEL")
    }
    #expect(messages[0] == messages[1])
  }

  @Test(arguments: [("SIGNUM_ISA", "sse9"), ("SIGNUM_THREADS", "many"), ("SIGNUM_THREADS", "0")])
  func refusesSettingsThatDoNotExist(_ name: String, _ value: String) throws {
    let arguments = ["evaluate", try converted().file, "--data", Self.data, "--limit", "10"]
    let outcome = try Program.run(arguments, environment: [name: value])
    #expect(outcome.status == 1 && outcome.output.isEmpty && outcome.errors.hasPrefix("error: \(name): "))
  }

  /// What would stop a conversion after its training stops it before: a hundred thousand epochs are not begun.
  @Test func whatWouldFailInTheEndFailsAtTheBeginning() throws {
    let folder = try TemporaryFolder()
    let arguments = [
      "convert", Self.model, "--method", "xnor", "--epochs", "100000", "--data", Self.data, "-o",
      folder.path("o.signum"),
    ]
    let outcome = try Program.run(arguments, environment: ["SIGNUM_THREADS": "many"])
    #expect(outcome.status == 1 && outcome.output.isEmpty)
    #expect(outcome.errors.contains("error: SIGNUM_THREADS: "))
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.url.path).isEmpty)
  }
}
