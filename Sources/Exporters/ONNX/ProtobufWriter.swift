/// Writes fields of a protobuf message one after the other.
///
/// Lists of numbers are written an entry a field, as `onnx.proto` of version 2 declares them.
struct ProtobufWriter {
  private(set) var bytes: [UInt8] = []

  mutating func integer(_ field: Int, _ value: Int) {
    varint(UInt64(field) << 3)
    varint(UInt64(bitPattern: Int64(value)))
  }

  mutating func integers(_ field: Int, _ values: [Int]) { for value in values { integer(field, value) } }

  mutating func float(_ field: Int, _ value: Float) {
    varint(UInt64(field) << 3 | 5)
    withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes.append(contentsOf: $0) }
  }

  mutating func text(_ field: Int, _ value: String) { data(field, Array(value.utf8)) }

  mutating func data(_ field: Int, _ value: [UInt8]) {
    varint(UInt64(field) << 3 | 2)
    varint(UInt64(value.count))
    bytes.append(contentsOf: value)
  }

  /// A message inside this one.
  mutating func message(_ field: Int, _ write: (inout ProtobufWriter) -> Void) {
    var inner = ProtobufWriter()
    write(&inner)
    data(field, inner.bytes)
  }

  /// Fields that were written elsewhere.
  mutating func append(_ other: ProtobufWriter) { bytes.append(contentsOf: other.bytes) }

  private mutating func varint(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }
}
