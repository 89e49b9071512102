import Archives

/// A ZIP archive whose files are read by name, with errors in the words of importers.
struct ArchiveFile {
  private let archive: ZipArchive
  private let entries: [String: ZipArchive.Entry]

  /// Throws where it is no archive, where a name stands twice or leads out of the archive, and where there are absurdly
  /// many.
  init(_ file: MappedFile, path: String) throws(ImportError.Problem) {
    do { archive = try ZipArchive(file.copied(), path: "") } catch { throw ArchiveFile.problem(error) }
    guard archive.entries.count <= 10_000 else { throw .tooMany("files in it", limit: 10_000) }
    var entries: [String: ZipArchive.Entry] = [:]
    for entry in archive.entries {
      let parts = entry.name.split(separator: "/", omittingEmptySubsequences: false)
      guard !entry.name.hasPrefix("/"), !parts.contains(".."), !entry.name.contains("\\") else {
        throw .damaged("the name '\(entry.name)' leads out of the archive")
      }
      guard entries.updateValue(entry, forKey: entry.name) == nil else {
        throw .damaged("two files in it have the name '\(entry.name)'")
      }
    }
    self.entries = entries
  }

  var names: [String] { archive.entries.map(\.name) }

  func contains(_ name: String) -> Bool { entries[name] != nil }

  /// - Parameter limit: of unpacked bytes; more is not unpacked.
  func bytes(of name: String, limit: Int = Inflater.largest) throws(ImportError.Problem) -> [UInt8] {
    guard let entry = entries[name] else {
      throw .model("holds no '\(name)'; it holds \(names.prefix(10).joined(separator: ", "))")
    }
    guard entry.size <= limit else {
      throw .damaged("'\(name)' is said to unpack to \(entry.size) bytes; at most \(limit) are read")
    }
    do { return try archive.bytes(of: entry) } catch { throw ArchiveFile.problem(error) }
  }

  private static func problem(_ error: ArchiveError) -> ImportError.Problem {
    func place(_ path: String) -> String { path.hasPrefix(": ") ? "'\(path.dropFirst(2))': " : "" }
    return switch error {
    case .damaged(let path, let problem): .damaged(place(path) + problem)
    case .truncated(let path, let expected, let found):
      .damaged(place(path) + "\(expected) bytes are wanted, \(found) are there")
    case .unsupported(let path, let problem): .model(place(path) + problem)
    }
  }
}
