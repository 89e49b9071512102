import Foundation
import Packed
import TestSupport
import Testing

/// The packed networks that RESULTS.md names.
struct ResultFiles {
  @Test func everyOneIsNamedReadAndRunnable() throws {
    let folder = Project.path("fixtures/zoo")
    let results = try String(contentsOfFile: Project.path("RESULTS.md"), encoding: .utf8)
    let names = try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".signum") }
    #expect(!names.isEmpty)
    for name in names {
      #expect(results.contains(name), "\(name)")
      let model = try PackedFile.read(folder + "/" + name)
      _ = try PackedRunner(model)
      let bytes = try Data(contentsOf: URL(fileURLWithPath: folder + "/" + name))
      let grouped = "\(bytes.count / 1000),\(String(format: "%03d", bytes.count % 1000))"
      #expect(results.contains(grouped), "\(name): \(grouped) bytes")
    }
  }
}
