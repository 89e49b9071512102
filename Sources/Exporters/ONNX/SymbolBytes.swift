import Tensors

/// How numbers lie in bytes, and the table that turns each byte into them: row n of the table is what byte n holds.
///
/// The numbers of a whole tensor lie one after the other in row-major order, the first in the lowest digits of the
/// first byte; what the last byte has left over is 0.
struct SymbolBytes: Hashable {
  /// Digits of a byte: 2, 4, 16 or 256 for fields of 1, 2, 4 or 8 bits, 3 for trits.
  let base: Int
  /// How many numbers are in a byte.
  let count: Int
  /// What is added to a digit times the factor.
  let offset: Float
  let factor: Float

  init(bits: Int, factor: Float = 1, offset: Float = 0) {
    (base, count) = (1 << bits, 8 / bits)
    (self.factor, self.offset) = (factor, offset)
  }

  private init(base: Int, count: Int, factor: Float, offset: Float) {
    (self.base, self.count, self.factor, self.offset) = (base, count, factor, offset)
  }

  /// −1 and +1, eight in a byte.
  static let signs = SymbolBytes(bits: 1, factor: 2, offset: -1)
  /// −1, 0 and +1, five in a byte.
  static let trits = SymbolBytes(base: 3, count: 5, factor: 1, offset: -1)

  /// Different bytes: 243 for trits, else 256.
  var rows: Int { (0..<count).reduce(1) { product, _ in product * base } }

  /// `[rows, count]`, with what `value` makes of each number.
  func table(_ value: (Float) -> Float = { $0 }) -> [Float] {
    (0..<rows).flatMap { byte in
      var rest = byte
      return (0..<count).map { _ in
        defer { rest /= base }
        return value(Float(rest % base) * factor + offset)
      }
    }
  }

  /// The bytes of digits: `digit` gives each, from 0 to `base` − 1. Complexity: O(numbers).
  func bytes(of numbers: Int, _ digit: (Int) -> Int) -> [UInt8] {
    (0..<(numbers + count - 1) / count).map { byte in
      var (sum, unit) = (0, 1)
      for i in byte * count..<min((byte + 1) * count, numbers) {
        sum += digit(i) * unit
        unit *= base
      }
      return UInt8(sum)
    }
  }
}

extension SymbolBytes {
  /// Numbers of any width as sums of fields that divide a byte: 7 bits are 4, 2 and 1. The lowest bits come first.
  static func parts(
    bits: Int, factor: Float = 1, offset: Float
  ) -> [(bytes: SymbolBytes, shift: Int, bits: Int)] {
    var parts: [(SymbolBytes, Int, Int)] = []
    var shift = 0
    for width in [8, 4, 2, 1] where bits & width != 0 {
      let own = shift == 0 ? offset : 0
      parts.append((SymbolBytes(bits: width, factor: factor * Float(1 << shift), offset: own), shift, width))
      shift += width
    }
    return parts
  }
}
