import Foundation
import TestSupport
import Testing

@testable import WholeFiles

@Suite("A file is there as a whole or not at all")
struct WholeFileTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private var names: [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: folder.url.path)) ?? []).sorted()
  }

  private func text(_ name: String) throws -> String { try String(contentsOfFile: folder.path(name), encoding: .utf8) }

  @Test func isWrittenAndWrittenOver() throws {
    for text in ["one", "", "another that is longer"] {
      try WholeFile.write(Data(text.utf8), to: folder.path("file"))
      #expect(try self.text("file") == text)
    }
    #expect(names == ["file"])
  }

  @Test func aFailureLeavesNothing() throws {
    #expect(throws: WholeFileError(code: ENOENT)) { try WholeFile.write(Data("no".utf8), to: folder.path("no/file")) }
    try FileManager.default.createDirectory(atPath: folder.path("taken"), withIntermediateDirectories: false)
    #expect(throws: WholeFileError(code: EISDIR)) { try WholeFile.write(Data("no".utf8), to: folder.path("taken")) }
    #expect(names == ["taken"])
    #expect("\(WholeFileError(code: ENOENT))" == "No such file or directory")
  }

  /// What lies there stays until the new file is whole, and where it never is.
  @Test func anUnfinishedFileLeavesTheOldOne() throws {
    try WholeFile.write(Data("old".utf8), to: folder.path("file"))
    do {
      let file = try WholeFile(folder.path("file"))
      #expect(write(file.descriptor, "ne", 2) == 2)
      #expect(try text("file") == "old" && names.count == 2)
    }
    #expect(try text("file") == "old" && names == ["file"])
  }

  /// Two that write one file do not write into each other: the last to finish stands there whole.
  @Test func twoAtOnceDoNotMix() throws {
    let (one, other) = (try WholeFile(folder.path("file")), try WholeFile(folder.path("file")))
    #expect(write(one.descriptor, "one", 3) == 3 && write(other.descriptor, "other", 5) == 5)
    try other.finish()
    #expect(try text("file") == "other")
    try one.finish()
    #expect(try text("file") == "one" && names == ["file"])
  }
}
