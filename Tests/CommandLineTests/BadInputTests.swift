import Foundation
import TestSupport
import Testing

/// Files that cannot be used: exit code 1, one clear message, nothing on standard output, and nothing left behind.
struct BadInputTests {
  private typealias F = BadFiles

  /// Arguments with `@` before what lies in the temporary folder.
  static let models: [(String, [String])] = [
    ("missing-onnx", ["inspect", "@missing.onnx"]), ("folder-onnx", ["inspect", "@folder.onnx"]),
    ("empty-onnx", ["inspect", "@empty.onnx"]), ("text-onnx", ["inspect", "@text.onnx"]),
    ("cut-onnx", ["inspect", "@cut.onnx"]), ("flipped-onnx", ["doctor", "@flipped.onnx"]),
    ("missing-packed", ["inspect", "@missing.signum"]), ("folder-packed", ["inspect", "@folder.signum"]),
    ("empty-packed", ["inspect", "@empty.signum"]), ("text-packed", ["inspect", "@text.signum"]),
    ("cut-packed", ["inspect", "@cut.signum"]), ("flipped-packed", ["inspect", "@flipped.signum", "--json"]),
    ("cut-hdf5", ["inspect", "@cut.h5"]), ("text-hdf5", ["inspect", "@text.h5"]),
    ("missing-hdf5", ["inspect", "@missing.h5", "--json"]),
    ("unknown-extension", ["inspect", "@model.pt"]), ("no-extension", ["inspect", "@model"]),
    ("empty-path", ["inspect", ""]),
    ("unsupported-operators", ["doctor", "fixtures/onnx/rejected/several.onnx"]),
    ("shapes-that-clash", ["doctor", "fixtures/onnx/rejected/wrong_channels.onnx"]),
    ("pointer", ["inspect", "fixtures/onnx/rejected/pointer.onnx"]),
    ("weights-missing", ["doctor", "fixtures/onnx/rejected/external_missing.onnx"]),
    ("verify-flipped", ["verify", "@flipped.signum", "--against", F.model, "--data", F.data]),
    ("verify-float", ["verify", F.model, "--against", F.model, "--data", F.data]),
    ("verify-against-packed", ["verify", F.packed, "--against", F.packed, "--data", F.data]),
    ("verify-other-model", ["verify", F.packed, "--against", F.model, "--data", F.data]),
    ("evaluate-no-data", ["evaluate", F.model, "--data", "@missing"]),
    ("evaluate-wrong-shape", ["evaluate", F.packed, "--data", F.data]),
    ("evaluate-colour-normalization", ["evaluate", F.model, "--data", F.data, "--normalization", "imagenet"]),
    ("export-float", ["export", F.model, "--format", "onnx", "-o", "@o.onnx"]),
    ("export-over-input", ["export", F.packed, "--format", "onnx-compact", "-o", F.packed]),
    ("export-no-folder", ["export", F.packed, "--format", "onnx", "-o", "@nowhere/o.onnx"]),
    ("run-missing", ["run", F.model, "--input", "@missing.npy", "--output", "@y.npy"]),
    ("run-no-array", ["run", F.model, "--input", F.model, "--output", "@y.npy"]),
    ("run-wrong-shape", ["run", F.model, "--input", "@narrow.npy", "--output", "@y.npy"]),
    ("run-scalar", ["run", F.model, "--input", "@scalar.npy", "--output", "@y.npy"]),
    ("run-packed-wrong-shape", ["run", F.packed, "--input", "@array.npy", "--output", "@y.npy"]),
    ("run-no-folder", ["run", F.model, "--input", "@array.npy", "--output", "@nowhere/y.npy"]),
    ("run-over-input", ["run", F.model, "--input", "@array.npy", "--output", "@array.npy"]),
  ]

  /// The model, the data, the output, and what else is wrong.
  private static func convert(
    _ model: String = F.model, _ data: String = F.data, to output: String = "@o.signum", _ rest: [String] = []
  ) -> [String] {
    ["convert", model, "--method", "xnor", "--epochs", "0", "--data", data, "-o", output] + rest
  }

  private static func recipe(_ name: String) -> (String, [String]) {
    let file = name == "folder" ? "@nothing" : "@\(name).yaml"
    return ("recipe-\(name)", ["convert", F.model, "--recipe", file, "--data", F.data, "-o", "@o.signum"])
  }

  static let conversions: [(String, [String])] = [
    ("convert-missing", convert("@missing.onnx")), ("convert-packed", convert(F.packed)),
    ("convert-unsupported", convert("fixtures/onnx/rejected/several.onnx") + ["--json"]),
    ("data-missing", convert(F.model, "@missing")), ("data-none", convert(F.model, "@nothing")),
    ("data-is-model", convert(F.model, F.model)), ("data-wrong-shape", convert(F.model, "@colour")),
    ("data-labels-out-of-range", convert(F.model, "@labels")), ("data-label-fraction", convert(F.model, "@fraction")),
    ("data-counts-differ", convert(F.model, "@counts")),
    ("data-unreadable-images", convert(F.model, "@photographs", to: "@o.signum", ["--strict"])),
    ("data-loose-images", convert(F.model, "@loose")),
    ("data-hdf5-no-array", convert(F.model, "fixtures/hdf5/objects.h5")),
    ("data-to-evaluate-on-missing", convert(to: "@o.signum", ["--evaluate-on", "@missing"])),
    ("colour-normalization", convert(to: "@o.signum", ["--normalization", "imagenet"])),
    ("output-no-folder", convert(to: "@nowhere/o.signum")), ("output-folder", convert(to: "@folder.signum")),
    ("output-read-only", convert(to: "/proc/o.signum")), ("output-device", convert(to: "@device.signum")),
    ("output-name-too-long", convert(to: "@\(String(repeating: "o", count: 230)).signum")),
    recipe("missing"), recipe("folder"), recipe("keys"), recipe("types"), recipe("ranges"), recipe("tab"),
    recipe("open"), recipe("twice"), recipe("empty"), recipe("bytes"),
  ]

  @Test(arguments: (models + conversions).map(\.0))
  func isRefusedWithCode1(_ name: String) throws {
    let files = try BadFiles()
    // Stands for a device: to replace a real one would harm the machine if this ever failed.
    #expect(mkfifo(files.path("device.signum"), 0o600) == 0)
    let before = files.folder.names
    let given = try #require((Self.models + Self.conversions).first { $0.0 == name }).1
    let arguments = given.map { $0.hasPrefix("@") ? files.path(String($0.dropFirst())) : $0 }
    let outcome = try Program.run(arguments)
    #expect(outcome.status == 1 && outcome.output.isEmpty)
    let lines = outcome.errors.split(separator: "\n", omittingEmptySubsequences: false)
    #expect(lines.last == "" && lines.dropLast().last?.hasPrefix("error: ") == true)
    #expect(!outcome.errors.contains("error: error") && !outcome.errors.contains("Swift runtime"))
    #expect(files.folder.names == before)
    try Snapshot.check("input-\(name)", arguments, outcome, in: files.folder)
  }
}
