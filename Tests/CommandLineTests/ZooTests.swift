import Foundation
import TestSupport
import Testing

/// `signum zoo`: many conversions, each in a process of its own.
@Suite(.serialized) struct ZooTests {
  private static let quick = "{recipe: xnor-1w32a, set: {epochs: 1, limit: 500}}"
  /// What `LongConversion` asks for.
  private static let long = "{recipe: xnor-1w32a, set: {learning-rate: 0.02, epochs: 5, batch: 250, seed: 7}}"

  private func data(_ path: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: path)) }

  @Test func doesWhatIsLeftToDo() throws {
    let zoo = try RunningZoo(
      """
      models: {tiny: {file: MODEL, data: DATA}}
      recipes: {one: \(Self.quick), two: \(Self.quick)}
      overrides: [{recipe: two, set: {seed: 2}}]
      """)
    let outline = try zoo.run(["--dry-run"])
    #expect(outline.status == 0 && outline.text.hasSuffix("\n2 jobs: 2 begins\n"), "\(outline.text)")
    #expect(!FileManager.default.fileExists(atPath: zoo.results), "nothing is written")
    try FileManager.default.createDirectory(atPath: zoo.results, withIntermediateDirectories: false)
    #expect(try zoo.run(["--dry-run"]).output == outline.output, "an empty folder is as good as none")
    #expect(try FileManager.default.contentsOfDirectory(atPath: zoo.results).isEmpty)
    let first = try zoo.run(["--jobs", "2"])
    #expect(first.status == 0, "\(first.errors)")
    #expect(first.errors.contains("2 jobs, 0 of them done") && first.text.hasPrefix("| model | recipe | method |"))
    let one = zoo.results + "/tiny/one"
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: one).sorted() == [
        "log.jsonl", "messages.txt", "recipe.json", "tiny.one.signum",
      ])
    let file = try data(one + "/tiny.one.signum")
    let report = try zoo.report()
    #expect(report.map { $0["recipe"] as? String } == ["one", "two"])
    #expect(report.allSatisfy { $0["verified"] as? Bool == true && $0["weightBits"] as? Double == 1 })
    #expect(report.allSatisfy { $0["zeros"] as? Double == 0 })
    let evaluated = try Program.run(
      ["evaluate", one + "/tiny.one.signum", "--data", BadFiles.data, "--json"]).object()
    let top1 = try #require(report[0]["packedTop1"] as? Double)
    #expect(Float(top1) == Float(try #require(evaluated["top1"] as? Double)))
    #expect(report[0]["packedBytes"] as? Int == file.count)

    // Nothing has changed: nothing is done again.
    let log = try data(one + "/log.jsonl")
    let again = try zoo.run()
    #expect(again.status == 0 && again.errors.contains("2 jobs, 2 of them done") && again.output == first.output)
    // One recipe has changed.
    try zoo.write(
      """
      models: {tiny: {file: MODEL, data: DATA}}
      recipes: {one: \(Self.quick), two: \(Self.quick)}
      overrides: [{recipe: two, set: {seed: 3}}]
      exports: [packed, onnx]
      """)
    let planned = try zoo.run(["--dry-run", "--json"]).object()
    let states = (planned["jobs"] as? [[String: Any]])?.map { $0["action"] as? String }
    #expect(states == ["is done", "begins anew"])
    let third = try zoo.run()
    #expect(third.status == 0 && third.errors.contains("2 jobs, 1 of them done"), "\(third.errors)")
    #expect(third.errors.contains("2/2  tiny × two: begins\n") && !third.errors.contains("tiny × one: begins"))
    #expect(try data(one + "/log.jsonl") == log && data(one + "/tiny.one.signum") == file)
    // Another format of what is done already is written without converting again.
    for recipe in ["one", "two"] {
      let path = "\(zoo.results)/tiny/\(recipe)/tiny.\(recipe).packed.onnx"
      #expect(try data(path).count > 1000 && third.errors.contains(path))
    }
    // A result that is gone is made again.
    try FileManager.default.removeItem(atPath: one + "/tiny.one.signum")
    #expect(try zoo.run(["--jobs", "2"]).errors.contains("2 jobs, 1 of them done"))
    #expect(try data(one + "/tiny.one.signum") == file)
    try checkFormats(zoo)
  }

  private func checkFormats(_ zoo: RunningZoo) throws {
    let csv = try Program.run(["zoo", "report", zoo.results, "--format", "csv"]).text
    #expect(csv.hasPrefix("model,recipe,export,state,") && csv.contains("\r\ntiny,one,packed,done,xnor,1.0,32,"))
    let status = try Program.run(["zoo", "status", zoo.file])
    #expect(status.text.hasSuffix("2 of 2 done\n"), "\(status.text)")
    let page = zoo.folder.path("page.html")
    #expect(try Program.run(["report", zoo.file, "-o", page]).status == 0)
    let html = try String(contentsOfFile: page, encoding: .utf8)
    #expect(html.contains("tiny × one") && html.contains("tiny × two") && html.contains("2 conversions"))
  }

  @Test func aJobThatFailsDoesNotStopTheRest() throws {
    let zoo = try RunningZoo(
      """
      models:
        absent: {file: absent.onnx, data: DATA}
        other: {file: MODEL, data: DATA}
      recipes:
        grey: {recipe: xnor-1w32a, set: {epochs: 1, normalization: imagenet}}
        good: \(Self.quick)
        wrong: {recipe: xnor-1w32a, set: {epochs: -1}}
      """)
    let outline = try zoo.run(["--dry-run"])
    #expect(outline.status == 1 && outline.text.hasSuffix("\n6 jobs: 2 begins, 4 cannot be done\n"), "\(outline.text)")
    #expect(
      outline.errors.contains("error: absent × grey and 2 other jobs: absent.onnx: no such file"), "\(outline.errors)")
    let outcome = try zoo.run()
    #expect(outcome.status == 1)
    #expect(outcome.errors.contains("error: absent × good: absent.onnx: no such file"), "\(outcome.errors)")
    #expect(outcome.errors.contains("4/6  other × grey: failed: ") && outcome.errors.contains("error: other × grey: "))
    #expect(outcome.errors.contains("error: other × wrong: recipe 'wrong': 'epochs' must be from 0"))
    let states = Dictionary(
      uniqueKeysWithValues: try zoo.report().map { ("\($0["model"]!) \($0["recipe"]!)", $0["state"] as? String) })
    #expect(states["other good"] == "done" && states["absent good"] == "failed" && states["other wrong"] == "failed")
    #expect(outcome.text.contains("| other  | good "))
  }

  /// A slip in the file, or images that are not there for once, cost nothing that is done.
  @Test func whatIsDoneSurvivesAPlanThatCannotBeRead() throws {
    let good = "models: {tiny: {file: MODEL, data: DATA}}\nrecipes: {one: \(Self.quick)}"
    let zoo = try RunningZoo(good)
    #expect(try zoo.run().status == 0)
    let file = try data(zoo.results + "/tiny/one/tiny.one.signum")
    try zoo.write("models: {tiny: {file: MODEL, data: DATA}}\nrecipes: {one: {recipe: xnor-1w32a, set: {epochz: 5}}}")
    let slipped = try zoo.run()
    #expect(slipped.status == 1 && slipped.errors.contains("did you mean 'epochs'"), "\(slipped.errors)")
    try zoo.write(good)
    let again = try zoo.run()
    #expect(again.status == 0 && again.errors.contains("1 job, 1 of them done"), "\(again.errors)")
    #expect(try data(zoo.results + "/tiny/one/tiny.one.signum") == file)
  }

  @Test func aRunThatIsStoppedGoesOn() throws {
    let zoo = try RunningZoo("models: {tiny: {file: MODEL, data: DATA}}\nrecipes: {long: \(Self.long)}")
    let ended = try zoo.run(until: "tiny/long", epoch: 2) { parent in
      let child = try #require(RunningZoo.child(of: parent))
      for process in [child, parent] { kill(process, SIGSTOP) }
      let second = try zoo.run()
      #expect(second.status == 1 && second.output.isEmpty)
      #expect(second.errors.hasPrefix("error: \(zoo.results): another 'signum zoo run', or a conversion"))
      let status = try zoo.status()
      #expect(status["isRunning"] as? Bool == true)
      let job = try #require((status["jobs"] as? [[String: Any]])?.first)
      #expect(job["state"] as? String == "running" && (job["epoch"] as? Double ?? 0) > 1)
      #expect(job["secondsLeft"] is Double && job["epochs"] as? Int == 5)
      for process in [child, parent] { kill(process, SIGCONT) }
      kill(parent, SIGTERM)
    }
    #expect(ended.status == 128 + SIGTERM && ended.errors.hasSuffix("error: interrupted: the same command goes on\n"))
    let output = zoo.results + "/tiny/long/tiny.long.signum"
    #expect(FileManager.default.fileExists(atPath: output + ".checkpoint"))
    let status = try zoo.status()
    #expect(status["isRunning"] as? Bool == false)
    #expect((status["jobs"] as? [[String: Any]])?.first?["state"] as? String == "interrupted")
    let ledger = try data(zoo.results + "/ledger.sqlite")
    let outline = try zoo.run(["--dry-run"])
    #expect(outline.status == 0 && outline.text.hasSuffix("\n1 job: 1 goes on\n"), "\(outline.text)")
    #expect(try data(zoo.results + "/ledger.sqlite") == ledger, "nothing is written")
    let outcome = try zoo.run()
    #expect(outcome.status == 0 && outcome.errors.contains("1/1  tiny × long: goes on\n"), "\(outcome.errors)")
    try isTheFile(output)
    #expect(!FileManager.default.fileExists(atPath: output + ".checkpoint"))
  }

  @Test func aConversionThatIsKilledGoesOn() throws {
    let zoo = try RunningZoo(
      "models: {tiny: {file: MODEL, data: DATA}}\nrecipes: {long: \(Self.long), short: \(Self.quick)}")
    let ended = try zoo.run(until: "tiny/long", epoch: 3) { parent in
      kill(try #require(RunningZoo.child(of: parent)), SIGKILL)
    }
    #expect(ended.status == 1 && ended.errors.contains("error: tiny × long: the conversion was ended by signal 9"))
    #expect(try zoo.report().map { $0["state"] as? String } == ["failed", "done"])
    let outcome = try zoo.run()
    #expect(outcome.status == 0 && outcome.errors.contains("2 jobs, 1 of them done"), "\(outcome.errors)")
    #expect(outcome.errors.contains("1/2  tiny × long: goes on\n"))
    try isTheFile(zoo.results + "/tiny/long/tiny.long.signum")
  }

  /// Where the run is killed its conversion goes on, and holds the folder until it has ended.
  @Test func aRunThatIsKilledLeavesItsConversion() throws {
    let recipe = "{recipe: xnor-1w32a, set: {epochs: 500, batch: 250}}"
    let zoo = try RunningZoo("models: {tiny: {file: MODEL, data: DATA}}\nrecipes: {endless: \(recipe)}")
    var child: pid_t = 0
    let ended = try zoo.run(until: "tiny/endless", epoch: 2) { parent in
      child = try #require(RunningZoo.child(of: parent))
      kill(parent, SIGKILL)
    }
    #expect(ended.status == SIGKILL)
    #expect(try zoo.run().errors.contains("works in this folder"))
    #expect(try zoo.status()["isRunning"] as? Bool == true)
    kill(child, SIGTERM)
    // The lock is free as soon as the conversion has ended: this waits for it.
    let lock = open(zoo.results + "/lock", O_RDWR)
    defer { close(lock) }
    let (waitForLock, writing): (Int32, Int16) = (38, Int16(F_WRLCK))
    var wanted = flock()
    (wanted.l_type, wanted.l_whence) = (writing, Int16(SEEK_SET))
    #expect(fcntl(lock, waitForLock, &wanted) == 0)
    let checkpoint = zoo.results + "/tiny/endless/tiny.endless.signum.checkpoint"
    #expect(FileManager.default.fileExists(atPath: checkpoint))
    wanted.l_type = Int16(F_UNLCK)
    #expect(fcntl(lock, waitForLock, &wanted) == 0)
    let status = try zoo.status()
    #expect(status["isRunning"] as? Bool == false)
    #expect((status["jobs"] as? [[String: Any]])?.first?["state"] as? String == "interrupted")
  }

  private func isTheFile(_ path: String) throws { #expect(try data(path) == Self.file.get()) }

  /// What an uninterrupted run makes.
  private static let file = Result {
    let zoo = try RunningZoo("models: {tiny: {file: MODEL, data: DATA}}\nrecipes: {long: \(long)}")
    _ = try zoo.run()
    return try Data(contentsOf: URL(fileURLWithPath: zoo.results + "/tiny/long/tiny.long.signum"))
  }

  @Test func whatIsNoZooIsRefused() throws {
    let folder = try TemporaryFolder()
    for (arguments, text) in [
      (["zoo", "run", folder.path("none.yaml")], "none.yaml: no such file"),
      (["zoo", "status", folder.url.path], "has no ledger.sqlite"),
      (["zoo", "report", folder.path("none.yaml")], "none.yaml: no such file or folder"),
      (["report", folder.path("none.jsonl"), "-o", folder.path("p.html")], "none.jsonl: no such file"),
      (["report", try folder.write("text", "no"), "-o", folder.path("p.html")], "text: is no log of a conversion"),
    ] {
      let outcome = try Program.run(arguments)
      #expect(outcome.status == 1 && outcome.output.isEmpty && outcome.errors.contains(text), "\(outcome.errors)")
    }
    try Data("no".utf8).write(to: folder.url.appendingPathComponent("ledger.sqlite"))
    let outcome = try Program.run(["zoo", "status", folder.url.path])
    #expect(outcome.status == 1 && outcome.errors.contains("cannot be used as the ledger of a zoo"))
    #expect(folder.names == ["ledger.sqlite", "text"])
  }
}
