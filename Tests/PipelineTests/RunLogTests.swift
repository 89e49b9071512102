import Foundation
import Pipeline
import TestSupport
import Testing

struct RunLogTests {
  static func line(_ event: String, _ second: Int, _ rest: String = "") -> String {
    let time = String(format: "2026-11-22T10:%02d:%02dZ", second / 60, second % 60)
    return "{\"event\":\"\(event)\",\"time\":\"\(time)\"\(rest.isEmpty ? "" : "," + rest)}\n"
  }
  static let recipe = "\"model\":\"a/net.onnx\",\"threads\":2,\"recipe\":{\"method\":\"xnor\",\"epochs\":4,\"seed\":7}"
  static func step(_ second: Int, _ epoch: Int, _ step: Int) -> String {
    line("step", second, "\"epoch\":\(epoch),\"step\":\(step),\"steps\":10,\"loss\":1.5,\"top1\":0.5")
  }
  static func epoch(_ second: Int, _ number: Int, loss: String = "1.25") -> String {
    line(
      "epoch", second,
      "\"epoch\":\(number),\"epochs\":4,\"loss\":\(loss),\"top1\":0.5,\"validationTop1\":0.25,\"learningRate\":0.1")
  }

  @Test func tellsHowFarAConversionIs() throws {
    let text = Self.line("start", 0, Self.recipe) + Self.step(10, 1, 5) + Self.epoch(15, 1) + Self.step(20, 2, 5)
    let log = RunLog(Data((text + "{\"event\":\"st").utf8))
    #expect(log.model == "net.onnx" && log.method == "xnor" && log.recipe["seed"] == "7" && log.threads == 2)
    #expect(log.epochs == [.init(number: 1, loss: 1.25, top1: 0.5, validationTop1: 0.25)])
    let place = try #require(log.place)
    #expect(place.done == 1.5 && place.epochs == 4 && log.outcome == nil)
    // One epoch in ten seconds; two and a half are left, and five seconds of them have passed.
    #expect(log.secondsPerEpoch == 10)
    #expect(log.secondsLeft(at: place.time.addingTimeInterval(5)) == 20)
    #expect(log.seconds == 20)
  }

  @Test func aResumedConversionIsOneRun() {
    let first = Self.line("start", 0, Self.recipe) + Self.epoch(30, 1) + Self.epoch(60, 2)
    let second = Self.line("start", 100, Self.recipe) + Self.epoch(120, 2, loss: "\"nan\"") + Self.epoch(130, 3)
    let log = RunLog(Data((first + second + Self.line("end", 131, "\"outcome\":\"interrupted\"")).utf8))
    #expect(log.epochs.map(\.number) == [1, 2, 3] && log.epochs[1].loss.isNaN)
    #expect(log.seconds == 91 && log.secondsPerEpoch == 10 && log.outcome == "interrupted" && log.result == nil)
  }

  @Test func whatIsNoLogIsRefused() throws {
    let folder = try TemporaryFolder()
    let file = folder.path("log.jsonl")
    for text in ["", "no\n", "{}\n", "{\"event\":\"epoch\"}\n"] {
      try Data(text.utf8).write(to: URL(fileURLWithPath: file))
      #expect { try RunLog(contentsOf: file) } throws: { "\($0)" == "\(file): is no log of a conversion" }
    }
    #expect { try RunLog(contentsOf: folder.url.path) } throws: { "\($0)".contains("is a folder") }
    #expect { try RunLog(contentsOf: folder.path("none")) } throws: { "\($0)".contains("no such file") }
  }
}
