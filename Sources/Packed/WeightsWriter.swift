import Foundation
import WholeFiles

/// Writes a file of weights one after the other, with no more than one of them in memory.
///
/// The header names the places of all numbers and comes first, so it is known last: until then bits and floats lie in
/// files without a name, of which nothing is left whatever happens.
package final class WeightsWriter {
  private let path: String
  private let bits: FileHandle
  private let floats: FileHandle
  private var (bitCount, floatCount) = (0, 0)
  private var list: [JSON] = []
  private var names: Set<String> = []

  /// What a whole number in a file may be at most, and so the place of a byte or float.
  private static let largestPlace = 1 << 30

  package init(_ path: String) throws(PackedFileError) {
    self.path = path
    bits = try Self.unnamed(beside: path)
    floats = try Self.unnamed(beside: path)
  }

  private static func unnamed(beside path: String) throws(PackedFileError) -> FileHandle {
    let temporary = "\(path).\(getpid()).\(UInt32.random(in: 0 ... .max)).part"
    let file = open(temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard file >= 0 else { throw failure(path) }
    unlink(temporary)
    return FileHandle(fileDescriptor: file, closeOnDealloc: true)
  }

  private static func failure(_ path: String) -> PackedFileError {
    .inFile(path, .cannotWrite(reason: String(cString: strerror(errno))))
  }

  /// Adds a weight. Throws where it has the name of another, is none that a file may have, or the file gets too large.
  package func append(_ weight: WeightsFile.Weight) throws(PackedFileError) {
    guard names.insert(weight.name).inserted else { throw .inFile(path, .duplicateName(layer: weight.name)) }
    do { try weight.check() } catch { throw .inFile(path, error) }
    var encoder = ModelEncoder()
    var members: [String: JSON] = ["name": .string(weight.name)]
    encoder.encode(weight.weight, bias: nil, into: &members)
    for (key, value) in members {
      guard case .number(let digits) = value, let place = Int(digits) else { continue }
      switch key {
      case "bits", "symbols", "exponents", "negative_exponents": members[key] = .integer(place + bitCount)
      case "floats", "level", "levels", "negative_level", "negative_levels":
        members[key] = .integer(place + floatCount)
      default: break
      }
    }
    list.append(.object(members))
    bitCount += encoder.data.bytes.count
    floatCount += encoder.data.floats.count
    guard bitCount <= Self.largestPlace, floatCount <= Self.largestPlace else {
      throw .inFile(
        path, .cannotWrite(reason: "with '\(weight.name)' it has more than 2^30 bytes of bits, or 2^30 floats"))
    }
    try write(encoder.data.bytes, to: bits)
    try write(encoder.data.floats.map { $0.bitPattern.littleEndian }, to: floats)
  }

  private func write(_ numbers: [some FixedWidthInteger], to file: FileHandle) throws(PackedFileError) {
    do { try numbers.withUnsafeBytes { try file.write(contentsOf: Data($0)) } } catch {
      throw .inFile(path, .cannotWrite(reason: error.localizedDescription))
    }
  }

  /// Puts the file together; it is there as a whole or not at all. Its size in bytes.
  package func finish(_ provenance: PackedModel.Provenance) throws(PackedFileError) -> Int {
    do {
      let file = try WholeFile(path)
      let size = try assemble(provenance, in: FileHandle(fileDescriptor: file.descriptor, closeOnDealloc: false))
      try file.finish()
      return size
    } catch let error as WholeFileError {
      throw .inFile(path, .cannotWrite(reason: "\(error)"))
    } catch {
      throw .inFile(path, .cannotWrite(reason: error.localizedDescription))
    }
  }

  private func assemble(_ provenance: PackedModel.Provenance, in file: FileHandle) throws -> Int {
    let metadata = [
      "checksum": TensorFile.emptyChecksum, "format": WeightsFile.format, "format_version": WeightsFile.version,
      "provenance": PackedFile.encode(provenance).text, "weights": JSON.array(list).text,
    ]
    let header = TensorFile.header([bitCount, floatCount * 4, 0], metadata: metadata)
    var hash = SHA256Stream()
    var size = 0
    func put(_ data: Data) throws {
      hash.update([UInt8](data))
      try file.write(contentsOf: data)
      size += data.count
    }
    try put(header)
    for (part, count) in [(bits, bitCount), (floats, floatCount * 4)] {
      try part.seek(toOffset: 0)
      while let data = try part.read(upToCount: 1 << 22), !data.isEmpty { try put(data) }
      try put(Data(count: (64 - count % 64) % 64))
    }
    guard let digits = TensorFile.checksumDigits(in: [UInt8](header)) else { return size }
    try file.seek(toOffset: UInt64(digits.lowerBound))
    try file.write(contentsOf: Data(hash.hexadecimal().utf8))
    return size
  }
}
