import Foundation
import TestSupport
import Testing

/// The built program, as a person or a script runs it.
enum Program {
  struct Outcome {
    var status: Int32
    var output: Data
    var errors: String
    var text: String { String(decoding: output, as: UTF8.self) }
  }

  static let path = Project.products.appendingPathComponent("signum").path

  /// Runs `signum` from the root of the project.
  static func run(_ arguments: [String], environment: [String: String] = [:]) throws -> Outcome {
    try launch(path, arguments, environment)
  }

  /// Runs a line of shell; `$0` is `signum`, and the arguments follow.
  static func shell(_ line: String, _ arguments: [String]) throws -> Outcome {
    try launch("/bin/bash", ["-c", line, path] + arguments, [:])
  }

  /// A process that has not been started, with nothing of the caller's settings in its environment.
  static func process(_ program: String, _ arguments: [String], _ environment: [String: String]) -> Process {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = arguments
    process.currentDirectoryURL = Project.root
    var all = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("SIGNUM_") }
    all.merge(["COLUMNS": "80", "LC_ALL": "C.UTF-8", "OMP_NUM_THREADS": "2"]) { $1 }
    process.environment = all.merging(environment) { $1 }
    return process
  }

  private static func launch(
    _ program: String, _ arguments: [String], _ environment: [String: String]
  ) throws -> Outcome {
    let process = process(program, arguments, environment)
    let (output, errors) = (Pipe(), Pipe())
    process.standardOutput = output
    process.standardError = errors
    process.standardInput = FileHandle.nullDevice
    try process.run()
    // Both pipes are read at once: a process that fills the one that nobody reads waits for ever.
    let reading = Reading(errors.fileHandleForReading)
    let data = output.fileHandleForReading.readDataToEndOfFile()
    let text = reading.text
    process.waitUntilExit()
    return Outcome(status: process.terminationStatus, output: data, errors: text)
  }
}

/// Reads a pipe to its end on a thread of its own.
private final class Reading: @unchecked Sendable {
  private let finished = DispatchSemaphore(value: 0)
  private var data = Data()

  init(_ handle: FileHandle) {
    Thread.detachNewThread {
      self.data = handle.readDataToEndOfFile()
      self.finished.signal()
    }
  }

  /// Waits for the end. To be asked for once.
  var text: String {
    finished.wait()
    return String(decoding: data, as: UTF8.self)
  }
}

extension TemporaryFolder {
  /// The names of what lies in it, sorted.
  var names: [String] { ((try? FileManager.default.contentsOfDirectory(atPath: url.path)) ?? []).sorted() }

  func write(_ name: String, _ data: Data) throws -> String {
    try data.write(to: url.appendingPathComponent(name))
    return path(name)
  }

  func write(_ name: String, _ text: String) throws -> String { try write(name, Data(text.utf8)) }

  func folder(_ name: String) throws -> String {
    try FileManager.default.createDirectory(atPath: path(name), withIntermediateDirectories: true)
    return path(name)
  }
}
