import Foundation

/// Something that reads files which nobody has checked.
struct FuzzTarget {
  let name: String
  /// How the name of a changed file ends.
  let fileExtension: String
  /// The contents of good files, to begin with.
  let corpus: () -> [[UInt8]]
  /// Reads a file. Errors are answers; what must not happen is a crash, a hang, or a flood of memory.
  let read: (_ path: String) throws -> Void

  /// Every target: one for each kind of file that comes from outside. HDF5 files are read by the importer of Keras
  /// models and by `hdf5-array`: both in a process of their own.
  static var all: [FuzzTarget] { models + datasets + texts }

  /// Small files of the project of one extension, the smallest first.
  static func files(below folder: String, _ fileExtension: String) -> [String] {
    let found = FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String } ?? []
    return found.filter { ($0 as NSString).pathExtension == fileExtension }.map { "\(folder)/\($0)" }
      .map { ($0, (try? Data(contentsOf: URL(fileURLWithPath: $0)))?.count ?? 0) }
      .filter { 1..<1 << 20 ~= $0.1 }
      .sorted { ($0.1, $0.0) < ($1.1, $1.0) }.map(\.0)
  }

  /// What they hold.
  static func contents(of files: [String]) -> [[UInt8]] {
    files.compactMap { FileManager.default.contents(atPath: $0).map { [UInt8]($0) } }
  }
}
