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
}
