import Foundation

extension PackedFile {
  /// The model in a file. Errors begin with the path.
  package static func read(_ path: String) throws(PackedFileError) -> PackedModel {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { throw .inFile(path, .cannotRead(reason: String(cString: strerror(errno)))) }
    let bytes: Data
    do { bytes = try FileHandle(fileDescriptor: file, closeOnDealloc: true).readToEnd() ?? Data() } catch {
      throw .inFile(path, .cannotRead(reason: error.localizedDescription))
    }
    do { return try decode(bytes) } catch { throw .inFile(path, error) }
  }

  /// Writes a model, checked before, to a file. The file is there as a whole or not at all.
  ///
  /// The bytes go to a new file in the same folder first, to the disk, and then take the name.
  package static func write(_ model: PackedModel, to path: String) throws(PackedFileError) {
    do { _ = try PackedShapes(of: model) } catch { throw .inFile(path, error) }
    let bytes = encode(model)
    let temporary = "\(path).\(getpid()).\(UInt32.random(in: 0 ... .max)).part"
    guard let failure = replace(path, with: bytes, by: temporary) else { return }
    unlink(temporary)
    throw .inFile(path, .cannotWrite(reason: String(cString: strerror(failure))))
  }

  /// The number of the error, or nil where all went well.
  private static func replace(_ path: String, with bytes: Data, by temporary: String) -> Int32? {
    let file = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
    guard file >= 0 else { return errno }
    if let failure = write(bytes, to: file) ?? (fsync(file) == 0 ? nil : errno) {
      close(file)
      return failure
    }
    guard close(file) == 0 else { return errno }
    return rename(temporary, path) == 0 ? nil : errno
  }

  private static func write(_ bytes: Data, to file: Int32) -> Int32? {
    bytes.withUnsafeBytes { buffer -> Int32? in
      var rest = buffer[...]
      while !rest.isEmpty {
        let part = UnsafeRawBufferPointer(rebasing: rest)
        #if canImport(Glibc)
          let written = Glibc.write(file, part.baseAddress, part.count)
        #else
          let written = Foundation.write(file, part.baseAddress, part.count)
        #endif
        if written < 0 && errno == EINTR { continue }
        guard written >= 0 else { return errno }
        rest = rest.dropFirst(written)
      }
      return nil
    }
  }
}
