import Foundation
import Tensors

/// The side of the child process: reads an HDF5 file for a parent that must not crash.
///
/// First the list of objects is written, as JSON; then, for each line that is read and holds a place of the list, the
/// numbers of that dataset as floats of 32 bits, the lowest byte first. The length in bytes stands before each of them,
/// in eight bytes.
package enum HDF5Service {
  /// Serves until the parent closes its end. Throws `ImportError`, and whatever `write` throws.
  ///
  /// `willTake` hears before each piece of work how many seconds of processor time it may take, so that a library that
  /// goes round in circles can be ended whatever the load.
  package static func serve(
    _ place: HDF5Place, requests: FileHandle, willTake: (_ seconds: Int) -> Void,
    write: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    let patience = patience(with: place)
    willTake(patience)
    let file = try HDF5Reading(place)
    let list = try JSONEncoder().encode(file.objects)
    try writeLength(list.count, write)
    try list.withUnsafeBytes(write)
    while let index = nextNumber(requests) {
      do {
        willTake(patience)
        let array = try file.array(at: index)
        willTake(patience + array.shape.count / numbersASecond)
        try writeLength(array.shape.count * 4, write)
        var failure: (any Error)?
        try array.readFloats { part, _ in
          guard failure == nil else { return }
          do { try write(UnsafeRawBufferPointer(part)) } catch { failure = error }
        }
        if let failure { throw failure }
      } catch let problem as ImportError.Problem {
        throw ImportError(place.path, problem)
      }
    }
  }

  /// Seconds in which any good file of this size is found through: the objects of a file take bytes of it, so that a
  /// small one has few.
  private static func patience(with place: HDF5Place) -> Int {
    let size = try? FileManager.default.attributesOfItem(atPath: place.path)[.size] as? Int
    return 1 + (size ?? 0) / (8 << 20)
  }

  /// Less than any processor unpacks.
  private static let numbersASecond = 4 << 20

  private static func writeLength(_ count: Int, _ write: (UnsafeRawBufferPointer) throws -> Void) throws {
    try withUnsafeBytes(of: UInt64(count).littleEndian, write)
  }

  /// The number on the next line; nil at the end. A byte at a time, so that nothing of the next line is taken.
  private static func nextNumber(_ handle: FileHandle) -> Int? {
    var digits: [UInt8] = []
    while digits.count < 20 {
      var byte: UInt8 = 0
      let step = Foundation.read(handle.fileDescriptor, &byte, 1)
      if step < 0 && errno == EINTR { continue }
      guard step == 1 else { return nil }
      if byte == UInt8(ascii: "\n") { return Int(String(decoding: digits, as: UTF8.self)) }
      digits.append(byte)
    }
    return nil
  }
}
