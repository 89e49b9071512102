import Foundation
import Testing

struct HelpTests {
  @Test(arguments: [
    "inspect", "convert", "export", "verify", "evaluate", "run", "list", "doctor", "benchmark", "zoo", "report",
  ])
  func readsLikeDocumentation(_ command: String) throws {
    let outcome = try Program.run([command, "--help"])
    #expect(outcome.status == 0 && outcome.errors.isEmpty)
    #expect(outcome.text.contains("Example") && outcome.text.contains("  signum \(command)"))
    try Snapshot.check("help-\(command)", [command, "--help"], outcome)
  }

  @Test(arguments: ["run", "status", "report"]) func ofZoos(_ command: String) throws {
    let outcome = try Program.run(["zoo", command, "--help"])
    #expect(outcome.status == 0 && outcome.text.contains("  signum zoo \(command) zoo.yaml"))
    try Snapshot.check("help-zoo-\(command)", ["zoo", command, "--help"], outcome)
  }

  @Test func ofTheTrainingBenchmark() throws {
    let outcome = try Program.run(["benchmark", "training", "--help"])
    #expect(outcome.status == 0 && outcome.text.contains("resnet20"))
    try Snapshot.check("help-benchmark-training", ["benchmark", "training", "--help"], outcome)
  }

  @Test func ofTheWhole() throws {
    let outcome = try Program.run(["--help"])
    #expect(outcome.status == 0)
    try Snapshot.check("help", ["--help"], outcome)
    #expect(try Program.run([]).output == outcome.output)
  }

  @Test(arguments: [
    "methods", "operators", "passes", "importers", "exporters", "kernels", "datasets", "settings", "recipes",
  ])
  func lists(_ topic: String) throws {
    let outcome = try Program.run(["list", topic])
    #expect(outcome.status == 0 && outcome.errors.isEmpty && !outcome.output.isEmpty)
    let json = try Program.run(["list", topic, "--json"]).object()
    #expect((json[topic] as? [Any])?.count == outcome.text.split(separator: "\n").count)
  }

  @Test func doctorKnowsTheMachine() throws {
    #expect(try Program.run(["doctor"]).text.contains("instruction set"))
    #expect(try Program.run(["doctor", "--json"]).object()["oneDNN"] is String)
  }

  @Test func doctorKnowsANetwork() throws {
    let model = "fixtures/onnx/inverted_ts_op17.onnx"
    #expect(try Program.run(["doctor", model]).text.contains("multiply-adds an image"))
    #expect(try Program.run(["doctor", model, "--json"]).object()["multiplyAdds"] is Int)
  }

  @Test func endsQuietlyWhereNobodyReads() throws {
    let outcome = try Program.shell("\"$0\" list operators | head -n 1", [])
    #expect(outcome.text == "add\n" && outcome.errors.isEmpty)
  }

  @Test func saysThatStandardOutputIsFull() throws {
    let outcome = try Program.shell("\"$0\" list operators > /dev/full", [])
    #expect(outcome.status == 1)
    #expect(outcome.errors == "error: standard output: cannot be written: No space left on device\n")
  }
}

extension Program.Outcome {
  /// Standard output as the one JSON object that it must be.
  func object() throws -> [String: Any] {
    try #require(JSONSerialization.jsonObject(with: output) as? [String: Any])
  }
}
