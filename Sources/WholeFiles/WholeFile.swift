import Foundation

/// Why a file could not be written, in the words of the system.
package struct WholeFileError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The number of the system's error.
  package let code: Int32
  package var description: String { String(cString: strerror(code)) }
}

/// A file that is there as a whole and on the disk, or not at all: what lay in its place stays until then.
///
/// The bytes go to a new file in the same folder first, to the disk, and then take the name. What a process that is
/// killed leaves beside is named `NAME.PROCESS.RANDOM.part`.
package final class WholeFile {
  /// Where the bytes go, to be written and read.
  package let descriptor: Int32
  private let path: String
  private let temporary: String
  private var isOpen = true
  private var isNamed = false

  /// Begins a file; without `finish` nothing is left of it.
  package init(_ path: String) throws(WholeFileError) {
    self.path = path
    temporary = "\(path).\(getpid()).\(UInt32.random(in: 0 ... .max)).part"
    descriptor = open(temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else {
      (isOpen, isNamed) = (false, true)
      throw WholeFileError(code: errno)
    }
  }

  deinit {
    if isOpen { close(descriptor) }
    if !isNamed { unlink(temporary) }
  }

  /// Brings what was written to the disk and gives it its name.
  package func finish() throws(WholeFileError) {
    // Some file systems have nothing to bring anywhere, and say so.
    guard fsync(descriptor) == 0 || errno == EINVAL else { throw WholeFileError(code: errno) }
    isOpen = false
    guard close(descriptor) == 0, rename(temporary, path) == 0 else { throw WholeFileError(code: errno) }
    isNamed = true
    // The name is on the disk only once the folder is.
    let folder = open(URL(fileURLWithPath: path).deletingLastPathComponent().path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    if folder >= 0 {
      fsync(folder)
      close(folder)
    }
  }

  /// Writes a file of these bytes.
  package static func write(_ bytes: some ContiguousBytes, to path: String) throws(WholeFileError) {
    let file = try WholeFile(path)
    let failure: Int32? = bytes.withUnsafeBytes { buffer in
      var rest = buffer[...]
      while !rest.isEmpty {
        let written = put(UnsafeRawBufferPointer(rebasing: rest), in: file.descriptor)
        if written < 0 && errno == EINTR { continue }
        guard written >= 0 else { return errno }
        rest = rest.dropFirst(written)
      }
      return nil
    }
    if let failure { throw WholeFileError(code: failure) }
    try file.finish()
  }

  private static func put(_ part: UnsafeRawBufferPointer, in file: Int32) -> Int {
    #if canImport(Glibc)
      Glibc.write(file, part.baseAddress, part.count)
    #else
      Foundation.write(file, part.baseAddress, part.count)
    #endif
  }
}
