import Foundation
import TestSupport

/// A zoo in a folder of its own, whose runs can be met in the middle of a conversion.
struct RunningZoo {
  let folder: TemporaryFolder
  var file: String { folder.path("zoo.yaml") }
  var results: String { folder.path("zoo") }

  init(_ yaml: String) throws {
    folder = try TemporaryFolder()
    try write(yaml)
  }

  func write(_ yaml: String) throws {
    _ = try folder.write(
      "zoo.yaml",
      yaml.replacing("MODEL", with: Project.path(BadFiles.model)).replacing("DATA", with: Project.path(BadFiles.data)))
  }

  func run(_ rest: [String] = []) throws -> Program.Outcome { try Program.run(["zoo", "run", file] + rest) }
  func status() throws -> [String: Any] { try Program.run(["zoo", "status", results, "--json"]).object() }
  func report() throws -> [[String: Any]] {
    try Program.run(["zoo", "report", file, "--format", "json"]).object()["jobs"] as? [[String: Any]] ?? []
  }

  /// The one process that another started; nil where there is none.
  static func child(of parent: pid_t) -> pid_t? {
    let tasks = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(parent)/task")) ?? []
    let lists = tasks.compactMap { try? String(contentsOfFile: "/proc/\(parent)/task/\($0)/children", encoding: .utf8) }
    return lists.joined(separator: " ").split(separator: " ").compactMap { pid_t($0) }.first
  }

  /// Starts a run, and does something once the log of a job tells of a step of an epoch. Returns how the run ended.
  ///
  /// Nothing waits for time to pass: the kernel tells of each line that is written.
  func run(until job: String, epoch: Int, _ meet: (pid_t) throws -> Void) throws -> (status: Int32, errors: String) {
    let log = "\(results)/\(job)/log.jsonl"
    try FileManager.default.createDirectory(atPath: "\(results)/\(job)", withIntermediateDirectories: true)
    let watch = inotify_init1(0)
    defer { close(watch) }
    guard inotify_add_watch(watch, "\(results)/\(job)", UInt32(IN_MODIFY)) >= 0 else {
      throw LongConversion.Failure(text: "nothing tells of \(log)")
    }
    let process = Program.process(Program.path, ["zoo", "run", file], [:])
    let errors = try folder.write("errors-\(UUID().uuidString)", "")
    process.standardError = try FileHandle(forWritingTo: URL(fileURLWithPath: errors))
    process.standardOutput = FileHandle.nullDevice
    try process.run()
    var events = [UInt8](repeating: 0, count: 4096)
    while read(watch, &events, events.count) > 0 {
      let lines = ((try? String(contentsOfFile: log, encoding: .utf8)) ?? "").split(separator: "\n")
      // Of the last sitting.
      let new = lines.lastIndex { $0.contains("\"event\":\"start\"") }.map { lines[$0...] } ?? []
      if new.contains(where: { $0.contains("\"event\":\"end\"") }) {
        throw LongConversion.Failure(text: "it ended too soon: \(new.last ?? "")")
      }
      if new.contains(where: { $0.contains("\"event\":\"step\"") && $0.contains("\"epoch\":\(epoch),") }) { break }
    }
    try meet(process.processIdentifier)
    process.waitUntilExit()
    return (process.terminationStatus, try String(contentsOfFile: errors, encoding: .utf8))
  }
}
