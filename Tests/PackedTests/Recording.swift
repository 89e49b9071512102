import Foundation
import Testing

/// The folder of formats and their examples.
let formats = repository.appendingPathComponent("formats")

/// The bytes of a recorded file. With `RECORD=1` they are written, and the test fails so that it cannot pass unseen.
func recorded(_ bytes: Data, _ path: String) throws -> Data {
  let file = formats.appendingPathComponent(path)
  if ProcessInfo.processInfo.environment["RECORD"] == "1" {
    try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try bytes.write(to: file)
    Issue.record("\(path) was recorded")
  }
  return try Data(contentsOf: file)
}
