import Foundation
import TestSupport
import Testing

/// What lies there after a command that could not end.
struct InterruptionTests {
  /// A limit on the size of files stands for a full disk: the write fails, in the middle or at its beginning.
  @Test(arguments: [0, 1]) func aFullDiskLeavesNothing(_ blocks: Int) throws {
    let folder = try TemporaryFolder()
    let outcome = try Program.shell(
      "ulimit -f \(blocks); exec \"$0\" \"$@\"",
      [
        "convert", BadFiles.model, "--method", "xnor", "--epochs", "0", "--data", BadFiles.data, "-o",
        folder.path("o.signum"),
      ])
    #expect(outcome.status == 1 && outcome.output.isEmpty && folder.names.isEmpty)
    #expect(
      outcome.errors.contains("error: \(folder.path("o.signum")).unverified: cannot be written: File too large\n"))
  }

  @Test func aFullDiskKeepsTheOldOutputOfARun() throws {
    let files = try BadFiles()
    let output = try files.folder.write("y.npy", "NUMPY old")
    let before = files.folder.names
    let outcome = try Program.shell(
      "ulimit -f 0; exec \"$0\" \"$@\"",
      ["run", BadFiles.model, "--input", files.path("array.npy"), "--output", output])
    #expect(outcome.status == 1 && files.folder.names == before)
    #expect(outcome.errors == "error: \(output): cannot be written: File too large\n")
    #expect(try String(contentsOfFile: output, encoding: .utf8) == "NUMPY old")
  }

  /// A limit that the packed file keeps and a checkpoint does not: training is worth more than its checkpoint.
  @Test func aCheckpointThatCannotBeWrittenDoesNotStopTraining() throws {
    let conversion = try LongConversion()
    let blocks = (try LongConversion.file.get().count + 1023) / 1024
    let outcome = try Program.shell("ulimit -f \(blocks); exec \"$0\" \"$@\"", conversion.arguments())
    #expect(outcome.status == 0)
    let warning = "warning: \(conversion.checkpoint): cannot be written: File too large; training goes on\n"
    #expect(outcome.errors.split(separator: warning, omittingEmptySubsequences: false).count == 6, "\(outcome.errors)")
    #expect(conversion.folder.names == ["o.signum"])
    #expect(try Data(contentsOf: URL(fileURLWithPath: conversion.output)) == LongConversion.file.get())
  }

  @Test func aFileThatIsNoLogIsNotWrittenOver() throws {
    let conversion = try LongConversion()
    let recipe = try conversion.folder.write("recipe.yaml", "method: xnor\n")
    for (file, reason) in [
      (recipe, "is no log"), (BadFiles.model, "is a file of this conversion"),
      (conversion.output, "is a file of this conversion"), (conversion.checkpoint, "is a file of this conversion"),
      (conversion.folder.path("nowhere/log"), "cannot be written: No such file or directory"),
    ] {
      let outcome = try Program.run(conversion.arguments(["--log", file]))
      #expect(outcome.status == 1 && outcome.errors.hasPrefix("error: \(file): \(reason)"), "\(outcome.errors)")
    }
    #expect(try String(contentsOfFile: recipe, encoding: .utf8) == "method: xnor\n")
    #expect(conversion.folder.names == ["recipe.yaml"])
  }

  /// Where nothing is trained there is nothing to save.
  @Test(arguments: [SIGINT, SIGTERM]) func aSignalOutsideTrainingEndsAtOnceAndLeavesNothing(_ signal: Int32) throws {
    let conversion = try LongConversion()
    // So long a line follows the start that the pipe is full before the conversion ends, however slow the reader is.
    let pattern = "matching-layers=" + String(repeating: "x", count: 3000)
    let ended = try conversion.ended(by: signal, ["--epochs", "0", "--set", pattern]) {
      $0["event"] as? String == "start"
    }
    #expect(ended.reason == .uncaughtSignal && ended.status == signal)
    #expect(conversion.folder.names.isEmpty)
  }
}
