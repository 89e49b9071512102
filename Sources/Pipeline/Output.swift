import Exporters
import Foundation
import Synchronization

/// Files that a command is going to write.
package enum Output {
  /// Makes sure, before the work begins, that a file can be written: throws `InputError` where it cannot.
  ///
  /// - Parameters:
  ///   - sources: files that the command reads, which must not be written over.
  ///   - suffix: what the name gets at its end while the file is not complete.
  ///   - kind: what is written. A file of another kind that lies there is somebody's work, and stays.
  static func check(_ path: String, sources: [String], suffix: String = "", as kind: Kind) throws {
    guard !path.isEmpty else { throw InputError(["the output: its path is empty"]) }
    guard !path.hasSuffix("/"), Self.kind(path) != S_IFDIR else {
      throw InputError(["\(path): is a folder; name a file in it"])
    }
    // A device or a pipe would be replaced by the finished file.
    guard [nil, S_IFREG].contains(Self.kind(path)) else { throw InputError(["\(path): is not a regular file"]) }
    if sources.contains(where: { isSame($0, path) }) {
      throw InputError(["\(path): is read by this command; name another file to write"])
    }
    let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
    guard Self.kind(folder) == S_IFDIR else { throw InputError(["\(path): there is no folder '\(folder)'"]) }
    guard kind.mayReplace(path) else {
      throw InputError([
        "\(path): is there, and is no \(kind.name); remove it, or name another file to write"
      ])
    }
    let longest = "\(suffix).\(getpid()).\(UInt32.max).part"
    try touch(path + longest, for: path)
    guard access(path, F_OK) != 0 || access(path, W_OK) == 0 else { throw failure(path) }
    guard suffix.isEmpty || [nil, S_IFREG].contains(Self.kind(path + suffix)) else {
      throw InputError(["\(path + suffix): is in the way; remove it"])
    }
  }

  /// Creates a file that is not there, and removes it.
  private static func touch(_ probe: String, for path: String) throws {
    let file = open(probe, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
    guard file >= 0 else { throw failure(path) }
    close(file)
    unlink(probe)
  }

  private static func failure(_ path: String) -> InputError {
    InputError(["\(path): cannot be written: \(String(cString: strerror(errno)))"])
  }

  /// `S_IFREG`, `S_IFDIR` and so on of what a path leads to; nil where nothing is.
  static func kind(_ path: String) -> mode_t? {
    var status = stat()
    return stat(path, &status) == 0 ? status.st_mode & S_IFMT : nil
  }

  /// Whether two paths lead to one file, or would if it were there.
  static func isSame(_ one: String, _ other: String) -> Bool {
    if let first = identity(one), let second = identity(other) { return first == second }
    guard identity(one) == nil, identity(other) == nil else { return false }
    let (first, second) = (URL(fileURLWithPath: one), URL(fileURLWithPath: other))
    guard first.lastPathComponent == second.lastPathComponent,
      let folder = identity(first.deletingLastPathComponent().path)
    else { return false }
    return folder == identity(second.deletingLastPathComponent().path)
  }

  /// Device and number of what is there.
  private static func identity(_ path: String) -> [UInt64]? {
    var status = stat()
    return stat(path, &status) == 0 ? [UInt64(status.st_dev), UInt64(status.st_ino)] : nil
  }

  static func rename(_ from: String, _ to: String) throws {
    #if canImport(Glibc)
      let status = Glibc.rename(from, to)
    #else
      let status = Foundation.rename(from, to)
    #endif
    guard status == 0 else { throw failure(to) }
  }

  static func size(_ path: String) -> Int {
    ((try? FileManager.default.attributesOfItem(atPath: path))?[.size] as? NSNumber)?.intValue ?? 0
  }
}

extension Output {
  /// What a command writes. What lies in its place is replaced only where it is of the same kind, which its first bytes
  /// tell: a slip of the keyboard must not cost a trained network.
  struct Kind {
    var name: String
    /// What is among the first bytes of each such file.
    var mark: String

    /// What an exporter writes.
    static func export(_ exporter: any Exporter) -> Kind {
      Kind(name: "\(type(of: exporter).name) file that signum wrote", mark: type(of: exporter).mark)
    }
    static let packed = export(PackedExporter())
    static let page = Kind(name: "page that signum wrote", mark: "<meta name=\"generator\" content=\"signum")
    static let array = Kind(name: "NumPy file", mark: "NUMPY")

    func mayReplace(_ path: String) -> Bool {
      guard let file = FileHandle(forReadingAtPath: path), let head = try? file.read(upToCount: 512) else {
        return true
      }
      return head.isEmpty || head.firstRange(of: Data(mark.utf8)) != nil
    }
  }

  /// The files that are being made, and whether each is written beside and renamed: then what lies there is an older
  /// one.
  private static let unfinished = Mutex<[String: Bool]>([:])

  /// Does what makes a file; what it wrote is removed where that throws or where the process is told to end.
  ///
  /// - Parameter isRenamed: whether the file gets its name at the end; an older one of that name then stays.
  static func making<Result>(_ path: String, isRenamed: Bool = false, _ work: () throws -> Result) throws -> Result {
    unfinished.withLock { $0[path] = isRenamed }
    defer { unfinished.withLock { $0[path] = nil } }
    do { return try work() } catch {
      remove(path, isRenamed)
      throw error
    }
  }

  /// Removes every file that is being made, with what is written beside it until it has its name.
  package static func removeUnfinished() {
    for (path, isRenamed) in unfinished.withLock({ $0 }) { remove(path, isRenamed) }
  }

  private static func remove(_ path: String, _ isRenamed: Bool) {
    if !isRenamed { unlink(path) }
    let url = URL(fileURLWithPath: path)
    let folder = url.deletingLastPathComponent()
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    for name in names where name.hasPrefix("\(url.lastPathComponent).\(getpid()).") {
      unlink(folder.appendingPathComponent(name).path)
    }
  }
}
