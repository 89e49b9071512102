import Foundation

/// Files that a command is going to write.
enum Output {
  /// Makes sure, before the work begins, that a file can be written: throws `InputError` where it cannot.
  static func check(_ path: String) throws {
    var isFolder: ObjCBool = false
    if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue {
      throw InputError(["\(path): is a folder; name a file in it"])
    }
    let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
    guard FileManager.default.fileExists(atPath: folder) else { throw InputError(["\(path): the folder \(folder) does not exist"]) }
    let probe = path + ".probe-\(getpid())"
    let file = open(probe, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
    guard file >= 0 else { throw InputError(["\(path): cannot be written: \(String(cString: strerror(errno)))"]) }
    close(file)
    unlink(probe)
  }

  static func rename(_ from: String, _ to: String) throws {
    #if canImport(Glibc)
    let status = Glibc.rename(from, to)
    #else
    let status = Foundation.rename(from, to)
    #endif
    guard status == 0 else { throw InputError(["\(to): cannot be written: \(String(cString: strerror(errno)))"]) }
  }

  static func size(_ path: String) -> Int {
    ((try? FileManager.default.attributesOfItem(atPath: path))?[.size] as? NSNumber)?.intValue ?? 0
  }
}
