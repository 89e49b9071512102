/// ONNX files put together byte by byte, for what no exporter writes.
package enum ONNXBytes {
  /// A number of protobuf, seven bits a byte.
  package static func number(_ value: UInt64) -> [UInt8] {
    var (bytes, rest): ([UInt8], UInt64) = ([], value)
    while rest > 127 {
      bytes.append(UInt8(rest & 127) | 128)
      rest >>= 7
    }
    return bytes + [UInt8(rest)]
  }

  /// Numbers one after the other, negative ones in ten bytes each.
  package static func numbers(_ values: [Int]) -> [UInt8] { values.flatMap { number(UInt64(bitPattern: Int64($0))) } }

  package static func field(_ key: Int, _ value: Int) -> [UInt8] { numbers([key << 3, value]) }

  /// A field that holds text, a message or packed numbers.
  package static func field(_ key: Int, _ bytes: [UInt8]) -> [UInt8] { numbers([key << 3 | 2, bytes.count]) + bytes }

  package static func field(_ key: Int, _ text: String) -> [UInt8] { field(key, Array(text.utf8)) }

  /// The bytes of numbers of fixed width, the lowest first.
  package static func raw<Number>(_ numbers: [Number]) -> [UInt8] {
    numbers.flatMap { withUnsafeBytes(of: $0, Array.init) }
  }

  /// - Parameter data: the field that holds the numbers: 9 for raw data.
  package static func tensor(
    _ name: String = "", type: Int = 1, _ dimensions: [Int], data: Int = 9, _ bytes: [UInt8]
  ) -> [UInt8] {
    field(1, numbers(dimensions)) + field(2, type) + field(8, name) + field(data, bytes)
  }

  package static func node(
    _ operation: String, _ inputs: [String], _ output: String, attributes: [UInt8] = []
  ) -> [UInt8] {
    inputs.flatMap { field(1, $0) } + field(2, output) + field(3, "\(operation).\(output)") + field(4, operation)
      + attributes
  }

  /// A node that makes a tensor from nothing.
  package static func constant(_ output: String, _ tensor: [UInt8]) -> [UInt8] {
    node("Constant", [], output, attributes: field(5, field(1, "value") + field(5, tensor) + field(20, 4)))
  }

  /// An input or output of floats.
  package static func port(_ name: String, _ dimensions: [Int]) -> [UInt8] {
    let shape = dimensions.flatMap { field(1, field(1, $0)) }
    return field(1, name) + field(2, field(1, field(1, 1) + field(2, shape)))
  }

  /// A model of operator set 17.
  package static func model(
    nodes: [[UInt8]] = [], initializers: [[UInt8]] = [], inputs: [[UInt8]] = [], outputs: [[UInt8]] = []
  ) -> [UInt8] {
    let parts = [(1, nodes), (5, initializers), (11, inputs), (12, outputs)]
    let graph = parts.flatMap { key, messages in messages.flatMap { field(key, $0) } }
    return field(1, 8) + field(8, field(2, 17)) + field(7, graph)
  }
}
