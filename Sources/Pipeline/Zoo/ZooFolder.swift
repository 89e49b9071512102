import Foundation

/// The folder of a zoo's results, held by one run at a time.
///
/// The lock is the kernel's and goes with the open file, which the conversions inherit: where the run is killed, the
/// folder stays held until its conversions have ended.
struct ZooFolder: ~Copyable {
  private static let lockName = "lock"
  let path: String
  /// The open lock.
  let lock: Int32

  /// Makes the folder where it is not there, and holds it. Throws `InputError`, also where another run holds it.
  init(_ path: String) throws {
    (self.path, lock) = (path, try Self.held(path))
  }

  private static func held(_ path: String) throws -> Int32 {
    guard [nil, S_IFDIR].contains(Output.kind(path)) else { throw InputError(["\(path): is not a folder"]) }
    do { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) } catch {
      throw InputError(["\(path): the folder cannot be made"])
    }
    let name = path + "/" + lockName
    let file = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    guard file >= 0 else { throw InputError(["\(name): cannot be written: \(String(cString: strerror(errno)))"]) }
    guard control(file, setLock) != nil else {
      close(file)
      throw InputError([
        "\(path): another 'signum zoo run', or a conversion that one began, works in this folder; let it end, or stop it"
      ])
    }
    return file
  }

  deinit { close(lock) }

  /// Whether a run works in a folder.
  static func isHeld(_ path: String) -> Bool {
    let file = open(path + "/" + lockName, O_RDWR | O_CLOEXEC)
    guard file >= 0 else { return false }
    defer { close(file) }
    return control(file, getLock).map { $0 != F_UNLCK } ?? false
  }

  // Commands of Linux for locks that belong to the open file, not to the process; Glibc's module does not name them.
  private static let getLock: Int32 = 36
  private static let setLock: Int32 = 37

  /// The kind of the lock afterwards, or nil where the command fails.
  private static func control(_ file: Int32, _ command: Int32) -> Int32? {
    var lock = flock()
    lock.l_type = Int16(F_WRLCK)
    lock.l_whence = Int16(SEEK_SET)
    return fcntl(file, command, &lock) == 0 ? Int32(lock.l_type) : nil
  }
}
