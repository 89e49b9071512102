import Foundation

/// The bytes of a file, mapped into memory and read when they are touched.
///
/// The size is that of the moment of opening. The mapping is private: nobody's writes through it reach the file.
final class MappedFile: Sendable {
  // Never written, and unmapped only with the last owner.
  nonisolated(unsafe) let bytes: UnsafeRawBufferPointer

  init(_ path: String) throws(ImportError.Problem) {
    // Not blocking, so that a pipe in the place of a file is refused instead of waited for.
    let descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw errno == ENOENT || errno == ENOTDIR ? .noSuchFile(path: path) : .unreadable(reason: MappedFile.reason)
    }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw .unreadable(reason: MappedFile.reason) }
    guard status.st_mode & S_IFMT == S_IFREG else { throw .notAFile }
    guard status.st_size > 0 else { throw .empty }
    let size = Int(status.st_size)
    guard let start = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0), start != MAP_FAILED else {
      throw .unreadable(reason: MappedFile.reason)
    }
    bytes = UnsafeRawBufferPointer(start: start, count: size)
  }

  /// Forgets the pages that were touched; they are read again when they are touched again.
  func releasePages() { madvise(UnsafeMutableRawPointer(mutating: bytes.baseAddress!), bytes.count, MADV_DONTNEED) }

  deinit { munmap(UnsafeMutableRawPointer(mutating: bytes.baseAddress!), bytes.count) }

  /// All of it, copied: what is asked of `bytes` alone may be unmapped before it is read.
  func copied() -> [UInt8] { Array(bytes) }

  func begins(with beginning: [UInt8]) -> Bool { bytes.starts(with: beginning) }

  private static var reason: String { String(cString: strerror(errno)) }
}
