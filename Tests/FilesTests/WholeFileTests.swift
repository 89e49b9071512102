import Files
import Foundation
import TestSupport
import Testing

@Suite("A file is there as a whole or not at all")
struct WholeFileTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  @Test func isWrittenAndWrittenOver() throws {
    for text in ["one", "", "another that is longer"] {
      #expect(WholeFile.write(Data(text.utf8), to: folder.path("file")) == nil)
      #expect(try String(contentsOfFile: folder.path("file"), encoding: .utf8) == text)
    }
    #expect(folder.names == ["file"])
  }

  /// A process with the same number was killed while it wrote.
  @Test func whatAnotherLeftIsReplaced() throws {
    let left = WholeFile.temporary(for: folder.path("file"))
    try Data("half".utf8).write(to: URL(fileURLWithPath: left))
    #expect(WholeFile.write(Data("whole".utf8), to: folder.path("file")) == nil)
    #expect(folder.names == ["file"])
  }

  /// A link that lies where the new bytes go first is not followed.
  @Test func aLinkInTheWayIsNotFollowed() throws {
    let other = try folder.write("other", "kept")
    try FileManager.default.createSymbolicLink(
      atPath: WholeFile.temporary(for: folder.path("file")), withDestinationPath: other)
    #expect(WholeFile.write(Data("new".utf8), to: folder.path("file")) == nil)
    #expect(try String(contentsOfFile: other, encoding: .utf8) == "kept")
    #expect(folder.names == ["file", "other"])
  }

  @Test func aFailureLeavesNothing() throws {
    #expect(WholeFile.write(Data("no".utf8), to: folder.path("nowhere/file")) == ENOENT)
    try FileManager.default.createDirectory(atPath: folder.path("taken"), withIntermediateDirectories: false)
    #expect(WholeFile.write(Data("no".utf8), to: folder.path("taken")) == EISDIR)
    #expect(folder.names == ["taken"])
  }

  /// A file that cannot be brought to the disk: what lay there stays.
  @Test func aFileThatCannotBeSavedKeepsTheOldOne() throws {
    let path = try folder.write("file", "old")
    let temporary = WholeFile.temporary(for: path)
    try Data("new".utf8).write(to: URL(fileURLWithPath: temporary))
    #expect(WholeFile.name(-1, temporary, path) == EBADF)
    #expect(try String(contentsOfFile: path, encoding: .utf8) == "old")
    #expect(folder.names == ["file"])
  }
}

extension TemporaryFolder {
  fileprivate var names: [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: url.path)) ?? []).sorted()
  }

  fileprivate func write(_ name: String, _ text: String) throws -> String {
    try Data(text.utf8).write(to: url.appendingPathComponent(name))
    return path(name)
  }
}
