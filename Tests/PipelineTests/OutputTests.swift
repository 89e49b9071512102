import Exporters
import Foundation
import TestSupport
import Testing

@testable import Pipeline

/// Files that are being made, and what lies in their place.
struct OutputTests {
  private struct Trouble: Error {}

  @Test(arguments: [false, true]) func whatFailsLeavesNothingOfItsOwn(_ isRenamed: Bool) throws {
    let folder = try TemporaryFolder()
    let (path, other) = (folder.path("a.onnx"), folder.path("b.onnx"))
    for name in [path, other, folder.path("a.onnx.\(getpid()).7.part"), folder.path("a.onnx.x.part")] {
      try Data("old".utf8).write(to: URL(fileURLWithPath: name))
    }
    #expect(throws: Trouble.self) {
      try Output.making(other, isRenamed: true) {
        try Output.making(path, isRenamed: isRenamed) { throw Trouble() }
      }
    }
    // An older file stays where the new one would have been renamed to it, and so does what another one is making.
    let left = try FileManager.default.contentsOfDirectory(atPath: folder.url.path).sorted()
    #expect(left == (isRenamed ? ["a.onnx"] : []) + ["a.onnx.x.part", "b.onnx"])
  }

  /// A float network, a zoo or notes in the place of an output are somebody's work.
  @Test(arguments: exporters.map { $0.name }) func whatIsOfAnotherKindStays(_ name: String) throws {
    let folder = try TemporaryFolder()
    let exporter = try Export.exporter(named: name)
    let (packed, output) = (Project.path("formats/golden/dense.signum"), folder.path("out"))
    for _ in 0..<2 { _ = try Export.write(packed, as: name, to: output) }
    for other in ["fixtures/onnx/residual_ts_op17.onnx", "README.md", "zoo/results.yaml"] {
      let place = folder.path("other")
      let bytes = try Data(contentsOf: URL(fileURLWithPath: Project.path(other)))
      try bytes.write(to: URL(fileURLWithPath: place))
      let error = #expect(throws: InputError.self) { try Export.write(packed, as: name, to: place) }
      let wanted = "is there, and is no \(type(of: exporter).name) file that signum wrote"
      #expect(error?.problems.first?.contains(wanted) == true)
      #expect(try Data(contentsOf: URL(fileURLWithPath: place)) == bytes)
    }
    try Data().write(to: URL(fileURLWithPath: output))
    #expect(try Export.write(packed, as: name, to: output) > 0, "an empty file is nobody's work")
  }
}
