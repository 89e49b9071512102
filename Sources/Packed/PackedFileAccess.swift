import Foundation
import WholeFiles

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
  package static func write(_ model: PackedModel, to path: String) throws(PackedFileError) {
    do { _ = try PackedShapes(of: model) } catch { throw .inFile(path, error) }
    do { try WholeFile.write(encode(model), to: path) } catch { throw .inFile(path, .cannotWrite(reason: "\(error)")) }
  }
}
