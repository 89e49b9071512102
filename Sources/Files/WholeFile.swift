import Foundation

/// A file that is there as a whole and on the disk, or not at all: what lay in its place stays until then.
///
/// The bytes go to a new file in the same folder first, to the disk, and then take the name. What a process that is
/// killed leaves beside is named `NAME.PROCESS.part`.
package enum WholeFile {
  /// Writes bytes to a file. Returns the number of the error, nil where all went well.
  package static func write(_ bytes: some ContiguousBytes, to path: String) -> Int32? {
    let temporary = temporary(for: path)
    let file = create(temporary)
    guard file >= 0 else { return errno }
    let failure = put(bytes, in: file)
    if failure != nil { unlink(temporary) }
    return failure ?? name(file, temporary, path)
  }

  /// A name in the same folder.
  package static func temporary(for path: String) -> String { "\(path).\(getpid()).part" }

  /// A new file to be written and read, or −1 with the error in `errno`. What lies there is of a process that is gone.
  package static func create(_ temporary: String) -> Int32 {
    unlink(temporary)
    return open(temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
  }

  /// Brings a file that was written to the disk, closes it and gives it its name; removes it where that fails. Returns
  /// the number of the error, nil where all went well.
  package static func name(_ file: Int32, _ temporary: String, _ path: String) -> Int32? {
    var failure = fsync(file) == 0 ? nil : errno
    if close(file) != 0, failure == nil { failure = errno }
    if failure == nil, rename(temporary, path) != 0 { failure = errno }
    guard failure == nil else {
      unlink(temporary)
      return failure
    }
    // The name is on the disk only once the folder is.
    let folder = open(URL(fileURLWithPath: path).deletingLastPathComponent().path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    if folder >= 0 {
      fsync(folder)
      close(folder)
    }
    return nil
  }

  private static func put(_ bytes: some ContiguousBytes, in file: Int32) -> Int32? {
    let failure: Int32? = bytes.withUnsafeBytes { buffer in
      var rest = buffer[...]
      while !rest.isEmpty {
        let written = write(UnsafeRawBufferPointer(rebasing: rest), to: file)
        if written < 0 && errno == EINTR { continue }
        guard written >= 0 else { return errno }
        rest = rest.dropFirst(written)
      }
      return nil
    }
    if failure != nil { close(file) }
    return failure
  }

  private static func write(_ part: UnsafeRawBufferPointer, to file: Int32) -> Int {
    #if canImport(Glibc)
      Glibc.write(file, part.baseAddress, part.count)
    #else
      Foundation.write(file, part.baseAddress, part.count)
    #endif
  }
}
