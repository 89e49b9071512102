import Foundation
import Tensors
import WholeFiles

/// The bytes of a checkpoint. `formats/checkpoint.md` says how they lie.
package enum CheckpointFile {
  package static let version: UInt32 = 1
  private static let magic = Array("signumCK".utf8)
  /// Magic, version, a reserved word, the lengths of header and numbers.
  private static let start = 32
  private static let end = 8

  private struct Header: Codable {
    struct Entry: Codable {
      var name: String
      var shape: [Int]
    }
    var fingerprint: Fingerprint
    var course: Course
    var tensors: [Entry]
  }

  package static func encode(_ checkpoint: Checkpoint) -> Data {
    let tensors = checkpoint.state.tensors
    let header = Header(
      fingerprint: checkpoint.fingerprint, course: checkpoint.state.course,
      tensors: tensors.map { .init(name: $0.name, shape: $0.value.shape.dimensions) })
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    guard let text = try? encoder.encode(header) else { preconditionFailure("the state of training is finite") }
    let size = tensors.reduce(0) { $0 + $1.value.count * 4 }
    var data = Data(capacity: start + text.count + size + end)
    data.append(contentsOf: magic)
    data.append(contentsOf: bytes(version) + bytes(UInt32(0)) + bytes(UInt64(text.count)) + bytes(UInt64(size)))
    data.append(text)
    for tensor in tensors {
      tensor.value.inLayout(.rowMajor).withUnsafeFloats { data.append(contentsOf: UnsafeRawBufferPointer($0)) }
    }
    data.append(contentsOf: bytes(checksum(of: data)))
    return data
  }

  /// Reads untrusted bytes; `path` begins every message.
  package static func decode(_ data: Data, path: String) throws(CheckpointError) -> Checkpoint {
    let data = data.startIndex == 0 ? data : Data(data)
    guard data.prefix(magic.count).elementsEqual(magic.prefix(data.count)), !data.isEmpty else {
      throw CheckpointError(path, .foreign)
    }
    guard data.count >= start + end else { throw CheckpointError(path, .cut(bytes: data.count, expected: 40)) }
    let found: UInt32 = number(data, at: 8)
    guard found == version else { throw CheckpointError(path, .version(found)) }
    let (text, size): (UInt64, UInt64) = (number(data, at: 16), number(data, at: 24))
    let (sum, overflow) = text.addingReportingOverflow(size)
    let (expected, overflows) = sum.addingReportingOverflow(UInt64(start + end))
    guard !overflow, !overflows, expected == data.count else {
      throw CheckpointError(path, .cut(bytes: data.count, expected: overflow || overflows ? .max : expected))
    }
    guard checksum(of: data.dropLast(end)) == number(data, at: data.count - end) else {
      throw CheckpointError(path, .checksum)
    }
    let header: Header
    do { header = try JSONDecoder().decode(Header.self, from: data[start..<start + Int(text)]) } catch {
      throw CheckpointError(path, .header("is not understood"))
    }
    let tensors = try tensors(header.tensors, data[(start + Int(text))..<(data.count - end)], path)
    return Checkpoint(fingerprint: header.fingerprint, state: TrainingState(course: header.course, tensors: tensors))
  }

  private static func tensors(
    _ entries: [Header.Entry], _ data: Data, _ path: String
  ) throws(CheckpointError) -> [(name: String, value: Tensor)] {
    var names: Set<String> = []
    var tensors: [(name: String, value: Tensor)] = []
    var place = data.startIndex
    for entry in entries {
      guard names.insert(entry.name).inserted else { throw CheckpointError(path, .header("names two tensors alike")) }
      guard let count = Shape.count(of: entry.shape), count <= (data.endIndex - place) / 4 else {
        throw CheckpointError(path, .header("has a tensor that is larger than the file"))
      }
      let value = Tensor(Shape(entry.shape)) { target in
        _ = data[place..<place + count * 4].copyBytes(to: UnsafeMutableRawBufferPointer(target))
      }
      tensors.append((entry.name, value))
      place += count * 4
    }
    guard place == data.endIndex else { throw CheckpointError(path, .header("says nothing of some numbers")) }
    return tensors
  }

  private static func checksum(of data: Data) -> UInt64 {
    var sum = Checksum()
    data.withUnsafeBytes { sum.add($0) }
    return sum.value
  }

  private static func bytes(_ number: some FixedWidthInteger) -> [UInt8] {
    withUnsafeBytes(of: number.littleEndian) { Array($0) }
  }

  private static func number<Number: FixedWidthInteger>(_ data: Data, at place: Int) -> Number {
    data.withUnsafeBytes { Number(littleEndian: $0.loadUnaligned(fromByteOffset: place, as: Number.self)) }
  }
}

extension CheckpointFile {
  package static func read(_ path: String) throws(CheckpointError) -> Checkpoint {
    let data: Data
    do { data = try Data(contentsOf: URL(fileURLWithPath: path)) } catch {
      throw CheckpointError(path, .unreadable((error as NSError).localizedDescription))
    }
    return try decode(data, path: path)
  }

  /// Writes a checkpoint: it is there as a whole, on the disk, or what lay there before still lies there.
  package static func write(_ checkpoint: Checkpoint, to path: String) throws(CheckpointError) {
    do { try WholeFile.write(encode(checkpoint), to: path) } catch {
      throw CheckpointError(path, .unwritable("\(error)"))
    }
  }

  /// Removes what processes that were killed while they wrote this checkpoint left beside it.
  package static func removeParts(of path: String) {
    let url = URL(fileURLWithPath: path)
    let folder = url.deletingLastPathComponent()
    for name in (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? [] {
      let prefix = url.lastPathComponent + "."
      guard name.hasPrefix(prefix), name.hasSuffix(".part"),
        let process = pid_t(name.dropFirst(prefix.count).prefix { $0 != "." }), process > 0, process != getpid(),
        kill(process, 0) != 0, errno == ESRCH
      else { continue }
      unlink(folder.appendingPathComponent(name).path)
    }
  }
}
