/// The type that the numbers of a value have in the file, by its number there.
///
/// At run time all of them are `Float`; whole numbers are exact up to 2²⁴. The type decides how they are divided, cut
/// off and wrapped around. While importing, whole numbers are `Int`.
struct ONNXElementType: Hashable {
  var number: Int
  init(_ number: Int) { self.number = number }

  static let float = ONNXElementType(1)
  static let int64 = ONNXElementType(7)
  static let truth = ONNXElementType(9)

  /// 0 where the number is not the one of a type.
  static let names = [
    "UNDEFINED", "FLOAT", "UINT8", "INT8", "UINT16", "INT16", "INT32", "INT64", "STRING", "BOOL", "FLOAT16", "DOUBLE",
    "UINT32", "UINT64", "COMPLEX64", "COMPLEX128", "BFLOAT16", "FLOAT8E4M3FN", "FLOAT8E4M3FNUZ", "FLOAT8E5M2",
    "FLOAT8E5M2FNUZ", "UINT4", "INT4", "FLOAT4E2M1", "FLOAT8E8M0", "UINT2", "INT2",
  ]

  var name: String { Self.names.indices.contains(number) ? Self.names[number] : "number \(number)" }

  /// Whether numbers of it become `Float`.
  var isFloat: Bool { [1, 10, 11, 16, 17, 18, 19, 20, 23, 24].contains(number) }

  /// Whether it is a floating point type of at most 8 bits.
  var isSmallFloat: Bool { [17, 18, 19, 20, 23, 24].contains(number) }

  /// Whether numbers of it become `Int`.
  var isInteger: Bool { range != nil }

  /// The bits that a whole number takes; nil for other types.
  var bits: Int? {
    switch number {
    case 25, 26: 2
    case 21, 22: 4
    case 2, 3, 9: 8
    case 4, 5: 16
    case 6, 12: 32
    case 7, 13: 64
    default: nil
    }
  }

  var isSigned: Bool { [3, 5, 6, 7, 22, 26].contains(number) }

  /// The least and the largest whole number of it that is an `Int` too; nil for other types.
  var range: ClosedRange<Int>? {
    guard let bits else { return nil }
    if self == .truth { return 0...1 }
    if bits == 64 { return isSigned ? Int.min...Int.max : 0...Int.max }
    return isSigned ? -(1 << (bits - 1))...(1 << (bits - 1)) - 1 : 0...(1 << bits) - 1
  }

  /// The whole number that arithmetic of this type makes of one outside its range.
  func wrapping(_ number: Int) -> Int {
    guard let range, let bits, bits < 64, self != .truth, !range.contains(number) else { return number }
    let low = number & (1 << bits - 1)
    return low > range.upperBound ? low - 1 << bits : low
  }
}
