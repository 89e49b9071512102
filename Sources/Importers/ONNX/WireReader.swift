/// Walks over the fields of a protobuf message, and never past its end.
struct WireReader {
  /// How the value of a field is written.
  enum Kind: UInt64 { case varint, fixed64, bytes, groupStart, groupEnd, fixed32 }

  struct Field {
    let number: UInt64
    let kind: Kind
    /// Where the tag stands.
    let start: Int
    /// The value; without its length, where it has one.
    let value: Range<Int>
  }

  let bytes: UnsafeRawBufferPointer
  private(set) var position: Int
  let end: Int

  /// - Precondition: the range lies in the bytes.
  init(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) {
    precondition(range.lowerBound >= 0 && range.upperBound <= bytes.count)
    self.bytes = bytes
    position = range.lowerBound
    end = range.upperBound
  }

  /// The next field, or nil at the end.
  mutating func next() throws(ImportError.Problem) -> Field? {
    guard position < end else { return nil }
    let start = position
    let tag = try varint()
    guard let kind = Kind(rawValue: tag & 7), tag >> 3 > 0, tag >> 3 < 1 << 29 else {
      throw .malformed("a field of no known kind", offset: start)
    }
    let before = position
    switch kind {
    case .varint: _ = try varint()
    case .fixed32: try skip(4, from: start)
    case .fixed64: try skip(8, from: start)
    case .bytes:
      let length = try varint()
      let first = position
      try skip(length, from: start)
      return Field(number: tag >> 3, kind: kind, start: start, value: first..<position)
    case .groupStart, .groupEnd: throw .malformed("a group", offset: start)
    }
    return Field(number: tag >> 3, kind: kind, start: start, value: before..<position)
  }

  private mutating func varint() throws(ImportError.Problem) -> UInt64 {
    let start = position
    var value: UInt64 = 0
    for shift in stride(from: 0, to: 70, by: 7) {
      guard position < end else {
        throw .cutShort(offset: start, wanted: UInt64(position - start + 1), left: end - start)
      }
      let byte = bytes[position]
      position += 1
      value |= UInt64(byte & 0x7F) << UInt64(shift)
      if byte < 0x80 { return value }
    }
    throw .malformed("a number longer than ten bytes", offset: start)
  }

  private mutating func skip(_ length: UInt64, from start: Int) throws(ImportError.Problem) {
    guard length <= UInt64(end - position) else { throw .cutShort(offset: start, wanted: length, left: end - position) }
    position += Int(length)
  }
}
