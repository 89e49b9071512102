import Foundation
import Tensors
import TestSupport
import Testing

/// Conversions that are ended in the middle, and go on.
@Suite(.serialized) struct ResumeTests {
  private func data(_ path: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: path)) }

  /// Killed without warning at a step that a seed chooses, perhaps while it writes.
  @Test(arguments: [UInt64(1), 2]) func aKilledConversionComesToTheSameFile(_ seed: UInt64) throws {
    let conversion = try LongConversion()
    var generator = SplitMix64(seed: seed)
    let (epoch, step) = (2 + generator.below(2), 1 + generator.below(19))
    let ended = try conversion.ended(by: SIGKILL, atEpoch: epoch, step: step)
    #expect(ended.reason == .uncaughtSignal && ended.status == SIGKILL)
    #expect(!conversion.folder.names.contains("o.signum"))
    let outcome = try Program.run(conversion.arguments(["--resume", "--json"]))
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(try data(conversion.output) == LongConversion.file.get(), "killed at step \(step) of epoch \(epoch)")
    #expect(conversion.folder.names == ["o.signum"])
    let report = try outcome.object()
    #expect((report["history"] as? [Any])?.count == 5)
    let resumed = try #require(report["resumed"] as? [String: Int])
    #expect(try #require(resumed["epochs"]) >= epoch - 1 && resumed["steps"] == 0)
  }

  @Test(arguments: [SIGINT, SIGTERM]) func aSignalSavesTheState(_ signal: Int32) throws {
    let conversion = try LongConversion()
    let ended = try conversion.ended(by: signal, atEpoch: 2, step: 4)
    #expect(ended.reason == .exit && ended.status == 128 + signal)
    #expect(ended.errors.contains("saving the state after this step; a second signal ends at once\n"))
    #expect(ended.errors.hasSuffix("'--resume' goes on from \(conversion.checkpoint)\n"))
    #expect(conversion.folder.names == ["o.signum.checkpoint"])
    #expect(ended.lines.last?["event"] as? String == "end" && ended.lines.last?["outcome"] as? String == "interrupted")
    let outcome = try Program.run(conversion.arguments(["--resume"]))
    #expect(outcome.status == 0 && outcome.errors.contains("resumed after "), "\(outcome.errors)")
    #expect(try data(conversion.output) == LongConversion.file.get())
    #expect(conversion.folder.names == ["o.signum"])
  }

  /// `timeout` sends a signal to a process and then to its group, and a terminal that closes sends another.
  @Test func aSecondSignalAtOnceIsTheSameOne() throws {
    let conversion = try LongConversion()
    let ended = try conversion.ended(by: SIGINT, echo: SIGTERM, atEpoch: 2, step: 4)
    #expect(ended.reason == .exit && [128 + SIGINT, 128 + SIGTERM].contains(ended.status), "\(ended.errors)")
    #expect(conversion.folder.names == ["o.signum.checkpoint"])
    #expect(ended.lines.last?["outcome"] as? String == "interrupted")
  }

  @Test func whatDoesNotFitIsRefused() throws {
    let conversion = try LongConversion()
    _ = try conversion.ended(by: SIGTERM, atEpoch: 1, step: 3)
    let before = try data(conversion.checkpoint)
    func refused(_ name: String, _ arguments: [String]) throws -> String {
      let outcome = try Program.run(arguments)
      #expect(outcome.status == 1 && outcome.output.isEmpty, "\(name)")
      #expect(conversion.folder.names == ["o.signum.checkpoint"])
      #expect(try data(conversion.checkpoint) == before)
      return outcome.errors.replacing(conversion.folder.url.path, with: "<tmp>")
    }
    let again = try refused("again", conversion.arguments())
    #expect(again.hasPrefix("error: <tmp>/o.signum.checkpoint: an interrupted conversion left it, after "))
    #expect(again.hasSuffix(" of training: '--resume' goes on, '--restart' begins again\n"))
    let recipe = try refused(
      "recipe", conversion.arguments(["--resume", "--learning-rate", "0.5", "--activations", "sign"]))
    #expect(recipe.contains("is of another conversion: recipe activations: float → sign\n"))
    #expect(recipe.contains("is of another conversion: recipe learning-rate: nothing → 0.5\n"))
    #expect(!recipe.contains("model") && !recipe.contains("training images"))
    var arguments = conversion.arguments(["--resume"])
    arguments[1] = "fixtures/demo/fashion_resnet8.onnx"
    #expect(try refused("model", arguments).contains("is of another conversion: model: "))
    arguments = conversion.arguments(["--resume", "--evaluate-on", BadFiles.data])
    arguments[arguments.firstIndex(of: "--data")! + 1] = BadFiles.data + "/t10k-images-idx3-ubyte.gz"
    let other = try refused("data", arguments)
    #expect(other.contains("is of another conversion: training images: 5000, hash "), "\(other)")
  }

  @Test func aDamagedCheckpointIsRefusedAndReplacedOnlyWhenAsked() throws {
    let conversion = try LongConversion()
    _ = try conversion.ended(by: SIGTERM, atEpoch: 1, step: 3)
    let good = try data(conversion.checkpoint)
    var flipped = good
    flipped[good.count / 2] ^= 1
    for damaged in [good.prefix(good.count / 2), flipped, Data(), Data("no".utf8)] {
      try damaged.write(to: URL(fileURLWithPath: conversion.checkpoint))
      for arguments in [["--resume"], []] {
        let outcome = try Program.run(conversion.arguments(arguments))
        #expect(outcome.status == 1 && outcome.errors.contains("error: \(conversion.checkpoint): "))
        if !arguments.isEmpty { #expect(outcome.errors.contains("is damaged") || outcome.errors.contains("is not a ")) }
        #expect(try data(conversion.checkpoint) == damaged)
      }
    }
    let outcome = try Program.run(conversion.arguments(["--restart"]))
    #expect(outcome.status == 0 && conversion.folder.names == ["o.signum"])
  }

  @Test func nothingToResumeIsSaid() throws {
    let conversion = try LongConversion()
    let outcome = try Program.run(conversion.arguments(["--resume"]))
    #expect(outcome.status == 1 && conversion.folder.names.isEmpty)
    #expect(outcome.errors == "error: \(conversion.checkpoint): there is no such checkpoint; leave out '--resume'\n")
  }

  /// After training all that is left is to export and to verify.
  @Test func resumesAfterTheLastEpoch() throws {
    let conversion = try LongConversion()
    let log = conversion.folder.path("log.jsonl")
    let first = try Program.run(
      conversion.arguments(["--keep-checkpoint", "--log", log, "--checkpoint-every", "2epochs,1h"]))
    #expect(first.status == 0 && first.text.contains("checkpoint          \(conversion.checkpoint)\n"))
    let made = try data(conversion.output)
    #expect(try made == LongConversion.file.get())
    try FileManager.default.removeItem(atPath: conversion.output)
    // As a process leaves it that is killed while it writes.
    let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: log))
    try handle.seekToEnd()
    try handle.write(contentsOf: Data("{\"event\":\"st".utf8))
    let second = try Program.run(conversion.arguments(["--resume", "--log", log]))
    #expect(second.status == 0 && !second.errors.contains("epoch 5/5"))
    #expect(try data(conversion.output) == made)
    try checkLog(log)
  }

  private func checkLog(_ path: String) throws {
    let lines = try String(contentsOfFile: path, encoding: .utf8).split(
      separator: "\n", omittingEmptySubsequences: false)
    #expect(lines.last == "")
    let objects = lines.dropLast().map { try? JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any] }
    #expect(objects.count { $0 == nil } == 1, "the half line alone is no object")
    let events = objects.compactMap { $0?["event"] as? String }
    #expect(objects.compactMap { $0?["time"] as? String }.count == events.count)
    #expect(events.count { $0 == "start" } == 2 && events.count { $0 == "end" } == 2 && events.last == "end")
    #expect(events.count { $0 == "epoch" } == 5 && events.count { $0 == "step" } == 95)
    let start = try #require(objects[0])
    #expect(start["threads"] as? Int == 2 && (start["command"] as? [String])?.contains("convert") == true)
    #expect((start["recipe"] as? [String: Any])?["method"] as? String == "xnor")
    let fingerprint = try #require(objects.compactMap { $0 }.first { $0["event"] as? String == "fingerprint" })
    #expect((fingerprint["identity"] as? [String: String])?["model"]?.count == 64)
    let epoch = try #require(objects.compactMap { $0 }.last { $0["event"] as? String == "epoch" })
    #expect(epoch["epoch"] as? Int == 5 && epoch["validationTop1"] is Double && epoch["learningRate"] is Double)
    #expect(((epoch["layers"] as? [[String: Any]])?.first?["counts"] as? [String: Int])?["+1"] ?? 0 > 0)
    let end = try #require(objects.last ?? nil)
    #expect(end["outcome"] as? String == "verified")
    #expect(((end["report"] as? [String: Any])?["verification"] as? [String: Any])?["passes"] as? Bool == true)
  }
}
