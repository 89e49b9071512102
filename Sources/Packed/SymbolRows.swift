/// Rows of small whole numbers side by side, each row in whole bytes.
///
/// Of fields, number i has the bits from i · bits on, where bit b of a row is bit b mod 8 of byte b / 8. Of trits, five
/// lie in a byte, and the i-th of the five counts 3ⁱ. What fills up the last byte of a row is 0.
package struct SymbolRows: Hashable, Sendable {
  /// How numbers lie in bytes. Closed on purpose: the format has no other way.
  package enum Storage: Hashable, Sendable {
    /// From 1 to 9 bits each.
    case fields(bits: Int)
    /// From 0 to 2, in 1.6 bits each.
    case trits
  }
  package let rows: Int
  package let columns: Int
  package let storage: Storage
  /// `[rows, bytesPerRow]`, row-major.
  package let bytes: [UInt8]

  package var bytesPerRow: Int { Self.bytesPerRow(columns, storage) }

  static func bytesPerRow(_ columns: Int, _ storage: Storage) -> Int {
    switch storage {
    case .fields(let bits): (columns * bits + 7) / 8
    case .trits: (columns + 4) / 5
    }
  }

  /// - Precondition: as many bytes as the rows take.
  package init(rows: Int, columns: Int, storage: Storage, bytes: [UInt8]) {
    precondition(bytes.count == rows * Self.bytesPerRow(columns, storage))
    self.rows = rows
    self.columns = columns
    self.storage = storage
    self.bytes = bytes
  }

  /// Packs the numbers that `row` gives for each row.
  ///
  /// - Precondition: as many numbers as there are columns, each small enough for the storage.
  package init(rows: Int, columns: Int, storage: Storage, row: (Int) -> [UInt16]) {
    let size = Self.bytesPerRow(columns, storage)
    var bytes = [UInt8](repeating: 0, count: rows * size)
    bytes.withUnsafeMutableBufferPointer { bytes in
      for index in 0..<rows {
        let numbers = row(index)
        precondition(numbers.count == columns)
        let part = UnsafeMutableBufferPointer(rebasing: bytes[index * size..<(index + 1) * size])
        switch storage {
        case .fields(let bits): Self.packFields(numbers, bits, to: part)
        case .trits: Self.packTrits(numbers, to: part)
        }
      }
    }
    self.init(rows: rows, columns: columns, storage: storage, bytes: bytes)
  }

  private static func packFields(_ numbers: [UInt16], _ bits: Int, to bytes: UnsafeMutableBufferPointer<UInt8>) {
    var (pending, count, place) = (UInt32(0), 0, 0)
    for number in numbers {
      precondition(number >> UInt16(bits) == 0)
      pending |= UInt32(number) << UInt32(count)
      count += bits
      while count >= 8 {
        bytes[place] = UInt8(truncatingIfNeeded: pending)
        pending >>= 8
        (count, place) = (count - 8, place + 1)
      }
    }
    if count > 0 { bytes[place] = UInt8(truncatingIfNeeded: pending) }
  }

  private static func packTrits(_ numbers: [UInt16], to bytes: UnsafeMutableBufferPointer<UInt8>) {
    var weight: UInt8 = 1
    for (index, number) in numbers.enumerated() {
      precondition(number < 3)
      if index % 5 == 0 { weight = 1 }
      bytes[index / 5] += UInt8(number) * weight
      weight = index % 5 == 4 ? 1 : weight * 3
    }
  }

  /// The numbers of a row. Complexity: O(columns).
  package func numbers(inRow row: Int) -> [UInt16] {
    [UInt16](unsafeUninitializedCapacity: columns) { numbers, count in
      bytes.withUnsafeBufferPointer { bytes in
        let part = UnsafeBufferPointer(rebasing: bytes[row * bytesPerRow..<(row + 1) * bytesPerRow])
        switch storage {
        case .fields(let bits): Self.unpackFields(part, bits, columns, to: numbers)
        case .trits: Self.unpackTrits(part, columns, to: numbers)
        }
      }
      count = columns
    }
  }

  private static func unpackFields(
    _ bytes: UnsafeBufferPointer<UInt8>, _ bits: Int, _ columns: Int, to numbers: UnsafeMutableBufferPointer<UInt16>
  ) {
    let mask = UInt32(1) << UInt32(bits) - 1
    var (pending, count, place) = (UInt32(0), 0, 0)
    for index in 0..<columns {
      while count < bits {
        pending |= UInt32(bytes[place]) << UInt32(count)
        (count, place) = (count + 8, place + 1)
      }
      numbers[index] = UInt16(truncatingIfNeeded: pending & mask)
      pending >>= UInt32(bits)
      count -= bits
    }
  }

  private static func unpackTrits(
    _ bytes: UnsafeBufferPointer<UInt8>, _ columns: Int, to numbers: UnsafeMutableBufferPointer<UInt16>
  ) {
    for (place, byte) in bytes.enumerated() {
      var rest = UInt16(byte)
      for index in place * 5..<min(place * 5 + 5, columns) {
        numbers[index] = rest % 3
        rest /= 3
      }
    }
  }

  /// The first row with a bit or a trit beyond its last number.
  var firstRowWithPadding: Int? {
    guard columns > 0 else { return nil }
    let limit: Int
    switch storage {
    case .fields(let bits):
      let used = (columns * bits - 1) % 8 + 1
      limit = 1 << used
    case .trits:
      let used = (columns - 1) % 5 + 1
      // A byte that is no five trits at all is another error.
      limit = used == 5 ? 256 : (0..<used).reduce(1) { power, _ in power * 3 }
    }
    let size = bytesPerRow
    return limit > 255 ? nil : (0..<rows).first { Int(bytes[($0 + 1) * size - 1]) >= limit }
  }

  /// The first row with a number that is none of `count`, from 0 on.
  ///
  /// - Precondition: `count` is 3 or all that the storage holds.
  func firstRow(beyond count: Int) -> Int? {
    let size = bytesPerRow
    return bytes.withUnsafeBufferPointer { bytes -> Int? in
      switch storage {
      case .trits: bytes.firstIndex { $0 >= 243 }.map { $0 / size }
      case .fields(2) where count == 3: bytes.firstIndex { $0 & $0 >> 1 & 0x55 != 0 }.map { $0 / size }
      case .fields: nil
      }
    }
  }
}
