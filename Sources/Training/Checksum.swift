/// A sum of 64 bits over bytes, for finding damage, not for keeping out an enemy.
///
/// Every change within one word of eight bytes changes the sum; other changes do but for one chance in 2⁶⁴.
/// Complexity: O(bytes), several GB/s.
package struct Checksum {
  package private(set) var value: UInt64 = 0x9E37_79B9_7F4A_7C15

  package init() {}

  /// Adds a piece with its length: the same bytes in other pieces give another sum.
  package mutating func add(_ bytes: UnsafeRawBufferPointer) {
    var state = value
    let words = bytes.count / 8
    for index in 0..<words {
      let word = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: index * 8, as: UInt64.self))
      state = Self.mixed(state, word)
    }
    var rest: UInt64 = 0
    for byte in bytes[(words * 8)...].reversed() { rest = rest << 8 | UInt64(byte) }
    state = Self.mixed(state, rest)
    value = Self.mixed(state, UInt64(bytes.count))
  }

  /// One to one in the word for a given state, and in the state for a given word.
  private static func mixed(_ state: UInt64, _ word: UInt64) -> UInt64 {
    let product = (state ^ word) &* 0xD6E8_FEB8_6659_FD93
    return product ^ product >> 32
  }
}

extension UInt64 {
  /// Sixteen hexadecimal digits.
  var hexadecimal: String {
    let digits = String(self, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}
