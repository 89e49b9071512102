import Foundation

/// The safetensors container: a length, a JSON header, and the numbers, each kind as one tensor.
///
/// https://github.com/huggingface/safetensors
struct TensorFile {
  var metadata: [String: String]
  var data: ModelData
  /// Of the file as it was found.
  var checksum: String

  private static let longestHeader: UInt64 = 100_000_000

  /// The tensors in the order in which they lie in the data section, with their element types and sizes.
  private static let tensors: [(name: String, type: String, size: Int)] = [
    ("bits", "U8", 1), ("floats", "F32", 4), ("thresholds", "I32", 4),
  ]

  /// The data section: bits, floats, thresholds, little-endian, each filled up with zeros to a multiple of 64 bytes.
  static func data(_ data: ModelData) -> Data {
    var bytes = Data(capacity: data.bytes.count + data.floats.count * 4 + data.thresholds.count * 4 + 128)
    append(data.bytes, to: &bytes)
    append(data.floats.map(\.bitPattern), to: &bytes)
    append(data.thresholds, to: &bytes)
    return bytes
  }

  private static func append(_ numbers: [some FixedWidthInteger], to bytes: inout Data) {
    numbers.map(\.littleEndian).withUnsafeBytes { bytes.append(contentsOf: $0) }
    bytes.append(Data(count: filling(bytes.count)))
  }

  private static func filling(_ count: Int) -> Int { (64 - count % 64) % 64 }

  static func encode(_ model: ModelData, data: Data, metadata: [String: String]) -> Data {
    var file = header([model.bytes.count, model.floats.count * 4, model.thresholds.count * 4], metadata: metadata)
    file.append(data)
    if let digits = checksumDigits(in: [UInt8](file)) {
      file.replaceSubrange(digits, with: checksum(of: [UInt8](file)).utf8)
    }
    return file
  }

  /// The header with its length before it.
  ///
  /// - Parameter counts: bytes of bits, floats and thresholds, without what fills them up.
  static func header(_ counts: [Int], metadata: [String: String]) -> Data {
    var header: [String: JSON] = ["__metadata__": .object(metadata.mapValues(JSON.string))]
    var offset = 0
    for (tensor, count) in zip(tensors, counts) where count > 0 {
      let end = offset + count + filling(count)
      header[tensor.name] = .object([
        "data_offsets": .integers([offset, end]), "dtype": .string(tensor.type),
        "shape": .integers([(end - offset) / tensor.size]),
      ])
      offset = end
    }
    var text = Array(JSON.object(header).text.utf8)
    text += repeatElement(0x20, count: filling(8 + text.count))
    var file = withUnsafeBytes(of: UInt64(text.count).littleEndian) { Data($0) }
    file.append(contentsOf: text)
    return file
  }

  /// What stands for the checksum while it is computed.
  static let emptyChecksum = String(repeating: "0", count: 64)

  /// Where the digits of the checksum lie; nil where there are none. A quote within a string is escaped, so the key
  /// cannot be part of a text.
  static func checksumDigits(in bytes: [UInt8]) -> Range<Int>? {
    let key = Array(#""checksum":""#.utf8)
    guard let found = bytes.firstRange(of: key), found.upperBound + 64 <= bytes.count else { return nil }
    return found.upperBound..<found.upperBound + 64
  }

  /// SHA-256 of a file in which the digits of the checksum count as zeros.
  static func checksum(of bytes: [UInt8]) -> String {
    guard let digits = checksumDigits(in: bytes) else { return SHA256.hexadecimal(of: bytes) }
    var hash = SHA256Stream()
    bytes.withUnsafeBytes { bytes in
      hash.update(UnsafeRawBufferPointer(rebasing: bytes[..<digits.lowerBound]))
      hash.update(Array(emptyChecksum.utf8))
      hash.update(UnsafeRawBufferPointer(rebasing: bytes[digits.upperBound...]))
    }
    return hash.hexadecimal()
  }

  static func decode(_ bytes: [UInt8]) throws(PackedFileError) -> TensorFile {
    guard bytes.count >= 8 else { throw .truncated(expected: 8, found: bytes.count) }
    let length = bytes[..<8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    guard length <= longestHeader else { throw .headerTooLong(length) }
    let start = 8 + Int(length)
    guard start <= bytes.count else { throw .truncated(expected: start, found: bytes.count) }
    guard start % 64 == 0 else { throw .misalignedData(offset: start) }
    guard bytes[8...].first == UInt8(ascii: "{") else {
      throw .invalidJSON("header", offset: 0, reason: "it does not begin with '{'")
    }
    var reader = try JSONReader(try JSONParser.parse(Array(bytes[8..<start]), place: "header"), place: "header")
    let metadata = try strings(try reader.required("__metadata__"))
    // Not another copy: a file may take a good part of the memory.
    let section = bytes[start...]
    var (ranges, end) = ([Range<Int>](), 0)
    for tensor in tensors {
      let range = try range(of: tensor, in: &reader, from: end, limit: section.count)
      ranges.append(range)
      end = range.upperBound
    }
    try reader.finish()
    guard end == section.count else { throw .wrongDataSize(found: section.count, expected: end) }
    func part(_ range: Range<Int>) -> ArraySlice<UInt8> { bytes[start + range.lowerBound..<start + range.upperBound] }
    let data = ModelData(
      bytes: Array(part(ranges[0])), floats: numbers(part(ranges[1])) { (bits: UInt32) in Float(bitPattern: bits) },
      thresholds: numbers(part(ranges[2])) { (number: Int32) in number })
    return TensorFile(metadata: metadata, data: data, checksum: checksum(of: bytes))
  }

  private static func strings(_ json: JSON) throws(PackedFileError) -> [String: String] {
    guard case .object(let members) = json else {
      throw .invalidValue(place: "header", key: "__metadata__", expected: "an object of strings")
    }
    var strings: [String: String] = [:]
    for (key, value) in members {
      guard case .string(let text) = value else {
        throw .invalidValue(place: "metadata", key: key, expected: "a string")
      }
      strings[key] = text
    }
    return strings
  }

  /// Where a tensor lies: right after the one before it, and empty where there is none.
  private static func range(
    of tensor: (name: String, type: String, size: Int), in header: inout JSONReader, from end: Int, limit: Int
  ) throws(PackedFileError) -> Range<Int> {
    guard let json = header.optional(tensor.name) else { return end..<end }
    var reader = try JSONReader(json, place: "tensor '\(tensor.name)'")
    let type = try reader.string("dtype")
    guard type == tensor.type else {
      throw .wrongElementType(tensor: tensor.name, found: type, expected: tensor.type)
    }
    let offsets = try reader.places("data_offsets"), shape = try reader.places("shape")
    try reader.finish()
    guard offsets.count == 2 else { throw reader.invalid("data_offsets", "two offsets") }
    guard offsets[0] == end else {
      throw .misplacedTensor(tensor: tensor.name, offset: offsets[0], expected: end)
    }
    let bytes = offsets[1] - offsets[0]
    guard bytes > 0, bytes % 64 == 0, shape == [bytes / tensor.size], offsets[1] <= limit else {
      throw .wrongTensorSize(tensor: tensor.name, bytes: bytes)
    }
    return offsets[0]..<offsets[1]
  }

  /// Little-endian numbers. The bytes are a multiple of 64.
  private static func numbers<Stored: FixedWidthInteger, Number>(
    _ bytes: ArraySlice<UInt8>, _ number: (Stored) -> Number
  ) -> [Number] {
    bytes.withUnsafeBytes { bytes in
      (0..<bytes.count / MemoryLayout<Stored>.size).map { index in
        let offset = index * MemoryLayout<Stored>.size
        return number(Stored(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Stored.self)))
      }
    }
  }
}
