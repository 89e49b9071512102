import Foundation
import WholeFiles

/// Files read whole and written whole, with errors that name the place.
package enum FileBytes {
  /// All bytes of a regular file.
  ///
  /// Throws where there is none, where it is a folder or a device, or where it cannot be read.
  package static func read(_ path: String) throws(DatasetError) -> [UInt8] {
    try checkRegular(path)
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw failure(path, errno) }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw failure(path, errno) }
    let size = Int(status.st_size)
    var code: Int32 = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: size) { target, count in
      while count < size {
        let step = Foundation.read(descriptor, target.baseAddress! + count, min(size - count, 1 << 30))
        if step < 0 && errno == EINTR { continue }
        if step < 0 { code = errno }
        guard step > 0 else { break }
        count += step
      }
    }
    guard code == 0 else { throw failure(path, code) }
    guard bytes.count == size else { throw .truncated(path, expected: size, found: bytes.count) }
    return bytes
  }

  /// Everything that comes out of a descriptor until its other end is closed.
  static func readToEnd(_ descriptor: Int32) -> [UInt8] {
    var bytes: [UInt8] = []
    let part = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)
    defer { part.deallocate() }
    while true {
      let step = Foundation.read(descriptor, part.baseAddress, part.count)
      if step < 0 && errno == EINTR { continue }
      guard step > 0 else { return bytes }
      bytes.append(contentsOf: part[..<step])
    }
  }

  /// Writes a file beside its place and moves it there, so that no half of it is ever seen.
  ///
  /// Throws where the place is a folder or a device, or cannot be written. A link stays a link: what it leads to is
  /// written.
  package static func write(_ bytes: [UInt8], to path: String) throws(DatasetError) {
    let place = resolved(path)
    if exists(place) { try checkRegular(place) }
    do { try WholeFile.write(bytes, to: place) } catch { throw .cannotWrite(path, reason: "\(error)") }
  }

  /// The names of the regular files and links in a folder, sorted. Nil where the path is a file.
  static func list(_ path: String) throws(DatasetError) -> [String]? {
    var status = stat()
    guard stat(path, &status) == 0 else { throw failure(path, errno) }
    guard status.st_mode & S_IFMT == S_IFDIR else { return nil }
    guard access(path, R_OK | X_OK) == 0 else { throw failure(path, errno) }
    do {
      return try FileManager.default.contentsOfDirectory(atPath: path).sorted()
    } catch {
      throw .cannotRead(path, reason: reason(error))
    }
  }

  /// Where a path leads once its links are followed; itself where nothing is there yet.
  private static func resolved(_ path: String) -> String {
    guard let real = realpath(path, nil) else { return path }
    defer { free(real) }
    return String(cString: real)
  }

  static func isFolder(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

  static func checkRegular(_ path: String) throws(DatasetError) {
    var status = stat()
    guard stat(path, &status) == 0 else { throw failure(path, errno) }
    switch status.st_mode & S_IFMT {
    case S_IFREG: return
    case S_IFDIR: throw .isFolder(path)
    default: throw .notRegularFile(path)
    }
  }

  private static func failure(_ path: String, _ code: Int32) -> DatasetError {
    switch code {
    case ENOENT, ENOTDIR: .missing(path)
    case EACCES, EPERM: .noPermission(path)
    default: .cannotRead(path, reason: String(cString: strerror(code)))
    }
  }

  private static func reason(_ error: any Error) -> String {
    let underlying = (error as NSError).userInfo[NSUnderlyingErrorKey] as? NSError
    guard let underlying, underlying.domain == NSPOSIXErrorDomain else { return "\(error.localizedDescription)" }
    return String(cString: strerror(Int32(underlying.code)))
  }
}
