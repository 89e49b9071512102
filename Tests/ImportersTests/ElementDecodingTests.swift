import Foundation
import TestSupport
import Testing

@testable import Importers

/// Numbers of one element type, in raw data and in the field that the specification names for it.
struct StoredNumbers: Sendable, CustomTestStringConvertible {
  var type: Int
  var raw: [UInt8]
  /// The field, and the bytes in it.
  var field: Int
  var packed: [UInt8]
  var expected: [Double]
  var testDescription: String { ONNXElementType(type).name }

  init(_ type: Int, raw: [UInt8], field: Int, _ packed: [UInt8], _ expected: [Double]) {
    (self.type, self.raw, self.field, self.packed, self.expected) = (type, raw, field, packed, expected)
  }

  /// Of a type whose typed field holds whole numbers, or the bits of each number.
  init(_ type: Int, raw: [UInt8], field: Int = 5, numbers: [Int], _ expected: [Double]) {
    self.init(type, raw: raw, field: field, ONNXBytes.numbers(numbers), expected)
  }

  /// As `TensorProto` of onnx.proto says of each type where its numbers stand and how they are packed.
  static let all: [StoredNumbers] = [
    .init(1, raw: [0, 0, 0xC0, 0x3F, 0, 0, 0, 0xC0], field: 4, ONNXBytes.raw([Float(1.5), -2]), [1.5, -2]),
    .init(2, raw: [0, 1, 255], numbers: [0, 1, 255], [0, 1, 255]),
    .init(3, raw: [0xFF, 0x80, 0x7F], numbers: [-1, -128, 127], [-1, -128, 127]),
    .init(4, raw: [0x34, 0x12, 0xFF, 0xFF], numbers: [4660, 65535], [4660, 65535]),
    .init(5, raw: [0, 0x80, 0xFF, 0x7F], numbers: [-32768, 32767], [-32768, 32767]),
    .init(6, raw: [0, 0, 0, 0x80, 0, 0, 1, 0], numbers: [-1 << 31, 1 << 16], [-2_147_483_648, 65536]),
    .init(
      7, raw: ONNXBytes.raw([Int64(-1), 1 << 40]), field: 7, numbers: [-1, 1 << 40], [-1, 1_099_511_627_776]),
    .init(9, raw: [1, 0, 1], numbers: [1, 0, 1], [1, 0, 1]),
    .init(10, raw: [0, 0x3C, 0, 0xC0, 1, 0], numbers: [0x3C00, 0xC000, 1], [1, -2, 0x1p-24]),
    .init(
      11, raw: [0, 0, 0, 0, 0, 0, 0xE0, 0x3F] + ONNXBytes.raw([-3.0]), field: 10, ONNXBytes.raw([0.5, -3.0]),
      [0.5, -3]),
    .init(
      12, raw: [255, 255, 255, 255, 7, 0, 0, 0], field: 11, numbers: [4_294_967_295, 7], [4_294_967_295, 7]),
    .init(
      13, raw: ONNXBytes.raw([UInt64(1) << 53, 1]), field: 11, numbers: [1 << 53, 1], [9_007_199_254_740_992, 1]),
    .init(16, raw: [0x80, 0x3F, 0x40, 0xC0], numbers: [0x3F80, 0xC040], [1, -3]),
    .init(17, raw: [0x38, 0xB8, 0x7E], numbers: [0x38, 0xB8, 0x7E], [1, -1, 448]),
    .init(18, raw: [0x40, 0xC0, 0x7F], numbers: [0x40, 0xC0, 0x7F], [1, -1, 240]),
    .init(19, raw: [0x3C, 0xBC, 0x7B], numbers: [0x3C, 0xBC, 0x7B], [1, -1, 57344]),
    .init(20, raw: [0x40, 0xC0, 0x7F], numbers: [0x40, 0xC0, 0x7F], [1, -1, 57344]),
    .init(21, raw: [0x21, 0x0F], numbers: [0x21, 0x0F], [1, 2, 15]),
    .init(22, raw: [0x8F, 0x07], numbers: [0x8F, 0x07], [-1, -8, 7]),
    .init(23, raw: [0x21, 0x0F], numbers: [0x21, 0x0F], [0.5, 1, -6]),
    .init(24, raw: [0x7F, 0x80, 0x7E], numbers: [0x7F, 0x80, 0x7E], [1, 2, 0.5]),
    .init(25, raw: [0b1110_0100, 2], numbers: [0b1110_0100, 2], [0, 1, 2, 3, 2]),
    .init(26, raw: [0b1110_0100, 3], numbers: [0b1110_0100, 3], [0, 1, -2, -1, -1]),
  ]
}

@Suite("Numbers of every element type of ONNX, byte by byte")
struct ElementDecodingTests {
  private let folder = try? TemporaryFolder()

  private func values(_ tensor: [UInt8]) throws -> ONNXValues {
    let path = try #require(folder).path("values.pb")
    try Data(tensor).write(to: URL(fileURLWithPath: path))
    return try ONNXValues(from: path)
  }

  @Test("in raw data and in the field of the type", arguments: StoredNumbers.all)
  func decoded(_ stored: StoredNumbers) throws {
    let count = stored.expected.count
    for (field, bytes) in [(9, stored.raw), (stored.field, stored.packed)] {
      let found = try values(ONNXBytes.tensor(type: stored.type, [count], data: field, bytes))
      #expect(found.numbers == stored.expected && found.shape == [count], "in field \(field)")
      #expect(found.type == stored.testDescription || ONNXElementType(stored.type).isFloat)
      let wider = ONNXBytes.tensor(type: stored.type, [count + 8], data: field, bytes)
      #expect(throws: ImportError.self, "in field \(field)") { try values(wider) }
    }
  }

  @Test("every type of numbers is among them, and the others are refused by name") func complete() throws {
    let types = ONNXElementType.names.indices.filter { ONNXElementType($0).isFloat || ONNXElementType($0).isInteger }
    #expect(types == StoredNumbers.all.map(\.type))
    for type in [0, 8, 14, 15, 27] {
      var message = ""
      do { _ = try values(ONNXBytes.tensor(type: type, [1], [0, 0, 0, 0])) } catch { message = "\(error)" }
      #expect(message == "values.pb: the element type \(ONNXElementType(type).name) is not supported")
    }
  }

  @Test("numbers outside the range of their type are refused") func outside() {
    for (type, number) in [(2, 256), (3, -129), (4, 65536), (5, 32768), (9, 2)] {
      #expect(throws: ImportError.self, "\(type)") {
        try values(ONNXBytes.tensor(type: type, [1], data: 5, ONNXBytes.numbers([number])))
      }
    }
    // The upper half of 64 bits without a sign is no Int.
    #expect(throws: ImportError.self) { try values(ONNXBytes.tensor(type: 13, [1], ONNXBytes.raw([UInt64.max]))) }
  }
}
