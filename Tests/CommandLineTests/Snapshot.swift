import Foundation
import TestSupport
import Testing

/// What a command says, word for word, in `Snapshots/`.
enum Snapshot {
  private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("Snapshots")

  /// Compares with the recorded text. With `RECORD=1` it is written, and the test fails so that it cannot pass unseen.
  static func check(
    _ name: String, _ arguments: [String], _ outcome: Program.Outcome, in temporary: TemporaryFolder? = nil,
    location: SourceLocation = #_sourceLocation
  ) throws {
    var text = "$ signum \(arguments.map(quoted).joined(separator: " "))\n[\(outcome.status)]\n"
    if !outcome.output.isEmpty { text += "--- standard output\n" + outcome.text }
    if !outcome.errors.isEmpty { text += "--- standard error\n" + outcome.errors }
    if let temporary { text = text.replacing(temporary.url.path, with: "<tmp>") }
    text = text.replacing(Project.root.path, with: "<root>")
    let file = folder.appendingPathComponent(name + ".txt")
    if ProcessInfo.processInfo.environment["RECORD"] == "1" {
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      try Data(text.utf8).write(to: file)
      Issue.record("recorded \(file.path)", sourceLocation: location)
      return
    }
    let expected = try? String(contentsOf: file, encoding: .utf8)
    #expect(text == expected, "\(name) differs; RECORD=1 writes it anew", sourceLocation: location)
  }

  private static func quoted(_ argument: String) -> String {
    argument.isEmpty || argument.contains(" ") ? "'\(argument)'" : argument
  }
}
