import Tensors
import Testing

@testable import Importers

@Suite("Element types of ONNX")
struct ElementTypeTests {
  /// By the tables of the paper and of the standard: what the bits 0, 1, the largest number, 1 and the ends are.
  @Test(
    "floats of eight bits and fewer",
    arguments: [
      (17, [0x00: 0, 0x01: 0x1p-9, 0x38: 1, 0x7E: 448, 0xB8: -1, 0x7F: .nan, 0xFF: .nan]),
      (18, [0x00: 0, 0x01: 0x1p-10, 0x40: 1, 0x7F: 240, 0xFF: -240, 0x80: .nan]),
      (19, [0x00: 0, 0x01: 0x1p-16, 0x3C: 1, 0x7B: 57344, 0x7C: .infinity, 0xFC: -.infinity, 0x7D: .nan]),
      (20, [0x00: 0, 0x01: 0x1p-17, 0x40: 1, 0x7F: 57344, 0xC0: -1, 0x80: .nan]),
      (24, [0x00: 0x1p-127, 0x7F: 1, 0x80: 2, 0xFE: 0x1p127, 0xFF: .nan]),
      (23, [0: 0, 1: 0.5, 2: 1, 3: 1.5, 4: 2, 5: 3, 6: 4, 7: 6, 9: -0.5, 15: -6]),
    ] as [(Int, [UInt8: Float])])
  func smallFloats(_ type: Int, _ values: [UInt8: Float]) {
    for (bits, value) in values {
      let found = SmallFloat(type).value(bits)
      #expect(found == value || (found.isNaN && value.isNaN), "\(bits) of \(type) is \(found)")
    }
  }

  @Test("whole numbers wrap around as their type does") func wrapping() {
    #expect([300, -1, 255, 256].map { ONNXElementType(2).wrapping($0) } == [44, 255, 255, 0])
    #expect([200, -200, 127, -128].map { ONNXElementType(3).wrapping($0) } == [-56, 56, 127, -128])
    #expect(ONNXElementType(6).wrapping(1 << 31) == -(1 << 31))
    #expect(ONNXElementType.int64.wrapping(.max) == .max)
    #expect(ONNXElementType.truth.range == 0...1 && ONNXElementType(8).range == nil)
    #expect(ONNXElementType(22).range == -8...7 && ONNXElementType(25).range == 0...3)
    #expect((0..<27).map { ONNXElementType($0).name }.filter { $0.hasPrefix("number") }.isEmpty)
  }

  @Test("shapes on the command line") func shapes() {
    #expect(InputShapes.parsed("image=1x3x224x224")?.shape == [1, 3, 224, 224])
    #expect(InputShapes.parsed("a=b=2")?.name == "a=b")
    for text in ["", "image", "=1x2", "image=", "image=1x", "image=1x-2", "image=0", "image=1x2x9223372036854775807"] {
      #expect(InputShapes.parsed(text) == nil, "\(text)")
    }
  }
}
