import Foundation
import TestSupport
import Testing

struct BenchmarkTests {
  private func results(_ arguments: [String]) throws -> [[String: Any]] {
    let report = try Program.run(["benchmark"] + arguments + ["--steps", "1", "--batch", "2", "--json"]).object()
    #expect(report["peakMultiplyAddsPerSecond"] as? Double ?? 0 > 1e8)
    return try #require(report["results"] as? [[String: Any]])
  }

  @Test func saysWhereTheTimeGoes() throws {
    let results = try results(["training", "lenet", "mlp", "--methods", "none", "--threads", "1"])
    #expect(results.map { $0["network"] as? String } == ["lenet", "mlp"])
    for result in results {
      for key in ["bestImagesPerSecond", "medianImagesPerSecond", "shareOfPeak", "peakMemoryBytes"] {
        #expect(result[key] as? Double ?? 0 > 0)
      }
      let breakdown = try #require(result["breakdown"] as? [String: Any])
      let operations = try #require(breakdown["operations"] as? [[String: Any]])
      #expect(operations.contains { $0["name"] as? String == "dense" && $0["backward"] as? Double ?? 0 > 0 })
      #expect(breakdown["optimizer"] as? Double ?? 0 > 0 && breakdown["loss"] as? Double ?? 0 > 0)
    }
  }

  /// A file as before there were subcommands, with every method and with one.
  @Test func timesFiles() throws {
    let model = Project.path("fixtures/demo/fashion_tiny.onnx")
    let all = try results([model]).map { $0["method"] as? String }
    #expect(all.first == "float" && all.count > 2)
    #expect(try results([model, "--method", "xnor"]).map { $0["method"] as? String } == ["float", "xnor"])
    let text = try Program.run(["benchmark", model, "--methods", "xnor", "--steps", "1", "--batch", "2"]).text
    #expect(text.contains("images/s at best") && text.contains("coding") && text.contains("optimizer"))
  }

  @Test func refusesWhatIsNoNetwork() throws {
    let outcome = try Program.run(["benchmark", "training", "resnet21"])
    #expect(outcome.status == 1 && outcome.output.isEmpty)
    #expect(outcome.errors.hasPrefix("error: resnet21: neither a file nor one of the networks resnet20, "))
  }
}
