import Foundation
import TestSupport

/// A conversion of a few seconds whose steps are told as they happen, so that a test can end it at any of them.
struct LongConversion {
  let folder: TemporaryFolder
  var output: String { folder.path("o.signum") }
  var checkpoint: String { output + ".checkpoint" }

  init() throws { folder = try TemporaryFolder() }

  /// Five epochs of nineteen steps.
  func arguments(_ rest: [String] = []) -> [String] {
    [
      "convert", BadFiles.model, "--method", "xnor", "--epochs", "5", "--batch", "250", "--seed", "7", "--data",
      BadFiles.data, "-o", output,
    ] + rest
  }

  /// What an uninterrupted conversion makes.
  static let file: Result<Data, any Error> = Result {
    let conversion = try LongConversion()
    let outcome = try Program.run(conversion.arguments())
    guard outcome.status == 0 else { throw Failure(text: outcome.errors) }
    guard conversion.folder.names == ["o.signum"] else { throw Failure(text: "left: \(conversion.folder.names)") }
    return try Data(contentsOf: URL(fileURLWithPath: conversion.output))
  }

  struct Failure: Error { var text: String }

  struct Ended {
    var reason: Process.TerminationReason
    var status: Int32
    var errors: String
    /// The lines of the log that had come.
    var lines: [[String: Any]]
  }

  /// Starts the conversion and sends a signal as soon as its log tells of a step.
  ///
  /// - Parameter echo: another signal that follows at once.
  func ended(
    by signal: Int32, echo: Int32? = nil, atEpoch epoch: Int, step: Int, _ rest: [String] = []
  ) throws -> Ended {
    try ended(by: signal, echo: echo, rest) { line in
      line["event"] as? String == "step" && line["epoch"] as? Int == epoch && line["step"] as? Int == step
    }
  }

  /// Starts the conversion and sends a signal at a line of its log.
  ///
  /// Nothing waits for time to pass: reading the log blocks until there is more of it, or until the process has ended.
  /// The pipe is small and read in small parts, so that the process, however slow this one is, can be no more than
  /// about thirty lines ahead: a little more than an epoch.
  func ended(
    by signal: Int32, echo: Int32? = nil, _ rest: [String] = [], at isThere: ([String: Any]) -> Bool
  ) throws -> Ended {
    let process = Program.process(Program.path, arguments(rest + ["--log", "/dev/stdout"]), [:])
    let pipe = Pipe()
    process.standardOutput = pipe
    let (reading, setsPipeSize) = (pipe.fileHandleForReading.fileDescriptor, Int32(1031))
    guard fcntl(reading, setsPipeSize, 4096) == 4096 else { throw Failure(text: "the pipe stays large") }
    let errors = folder.url.deletingLastPathComponent().appendingPathComponent(UUID().uuidString)
    try Data().write(to: errors)
    defer { try? FileManager.default.removeItem(at: errors) }
    process.standardError = try FileHandle(forWritingTo: errors)
    try process.run()
    var (text, lines, isSent) = (Data(), [[String: Any]](), false)
    var part = [UInt8](repeating: 0, count: 256)
    while case let count = read(reading, &part, part.count), count > 0 {
      text += part[..<count]
      while let end = text.firstIndex(of: 10) {
        let line = (try? JSONSerialization.jsonObject(with: text[..<end])) as? [String: Any]
        text = Data(text[(end + 1)...])
        guard let line else { continue }
        lines.append(line)
        if !isSent && isThere(line) {
          kill(process.processIdentifier, signal)
          if let echo { kill(process.processIdentifier, echo) }
          isSent = true
        }
      }
    }
    process.waitUntilExit()
    return Ended(
      reason: process.terminationReason, status: process.terminationStatus,
      errors: try String(contentsOf: errors, encoding: .utf8), lines: lines)
  }
}
