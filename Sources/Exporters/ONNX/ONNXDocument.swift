/// An ONNX model while it is written: nodes in an order in which they run, constants, and the shape of every value.
struct ONNXDocument {
  /// Element types, by their numbers in the format.
  enum Element: Int {
    case float = 1
    case uint8 = 2
    case int8 = 3
    case int32 = 6
    case int64 = 7
    case bool = 9
    case int4 = 22
    case int2 = 26
  }

  /// The shape of a value: known, but for the batch, which comes first where there is one.
  struct Shape: Hashable {
    var isBatched: Bool
    var dimensions: [Int]

    /// Of a constant, or of what is computed from constants.
    static func fixed(_ dimensions: [Int]) -> Shape { Shape(isBatched: false, dimensions: dimensions) }
    /// Of a value with a batch, which `dimensions` leave out.
    static func batched(_ dimensions: [Int]) -> Shape { Shape(isBatched: true, dimensions: dimensions) }
  }

  enum Attribute {
    case integer(Int)
    case integers([Int])
    case float(Float)
  }

  /// One node. What it computes bears its name.
  struct Node {
    var operation: String
    var inputs: [String]
    var attributes: [(name: String, value: Attribute)] = []
    var element: Element = .float
    var shape: Shape
  }

  /// What the batch is called.
  static let batch = "batch"

  private var taken: Set<String>
  private var nodes = ProtobufWriter()
  private var constants = ProtobufWriter()
  private var values = ProtobufWriter()
  private var shared: [String: String] = [:]
  private var steps = 0
  /// The operators that there are.
  private(set) var operations: Set<String> = []
  /// The lowest operator set that has every node.
  private(set) var operatorSet = 11

  /// - Parameter names: those that inputs and outputs of layers will have.
  init(names: [String]) { taken = Set(names) }

  /// A name that nothing has yet.
  mutating func unique(_ wanted: String) -> String {
    var (name, number) = (wanted, 2)
    while !taken.insert(name).inserted {
      name = "\(wanted)_\(number)"
      number += 1
    }
    return name
  }

  /// Says that a node of this operator set is there.
  mutating func require(operatorSet: Int) { self.operatorSet = max(self.operatorSet, operatorSet) }

  /// Adds a constant. The name that it got.
  mutating func constant(
    _ wanted: String, _ element: Element, _ dimensions: [Int], _ bytes: [UInt8]
  ) -> String {
    let name = unique(wanted)
    constants.message(5) { tensor in
      tensor.integers(1, dimensions)
      tensor.integer(2, element.rawValue)
      tensor.text(8, name)
      tensor.data(9, bytes)
    }
    return name
  }

  mutating func constant(_ wanted: String, _ dimensions: [Int], _ numbers: [Float]) -> String {
    constant(wanted, .float, dimensions, numbers.littleEndianBytes)
  }

  mutating func constant(_ wanted: String, integers: [Int]) -> String {
    constant(wanted, .int64, [integers.count], integers.littleEndianBytes)
  }

  /// A constant that many nodes read, added when the first asks for it.
  mutating func shared(_ name: String, _ dimensions: [Int], _ numbers: () -> [Float]) -> String {
    if let known = shared[name] { return known }
    let added = constant(name, dimensions, numbers())
    shared[name] = added
    return added
  }

  /// One integer as a list that many nodes read.
  mutating func sharedIndex(_ index: Int) -> String { sharedShape([index]) }

  /// Integers that many nodes read.
  mutating func sharedShape(_ dimensions: [Int]) -> String {
    let name = "shape." + dimensions.map(String.init).joined(separator: "x")
    if let known = shared[name] { return known }
    let added = constant(name, integers: dimensions)
    shared[name] = added
    return added
  }

  /// Adds a node whose output has a name that was kept for it.
  mutating func add(_ node: Node, named name: String) {
    operations.insert(node.operation)
    nodes.message(1) { writer in
      for input in node.inputs { writer.text(1, input) }
      writer.text(2, name)
      writer.text(3, name)
      writer.text(4, node.operation)
      for (name, value) in node.attributes { writer.message(5) { Self.write(value, name, to: &$0) } }
    }
    values.message(13) { Self.write(name, node.element, node.shape, to: &$0) }
  }

  /// Adds a node. The name of its output: a short one, unless one is wanted.
  mutating func add(_ node: Node, wanting wanted: String? = nil) -> String {
    steps += 1
    let name = unique(wanted ?? "step.\(steps)")
    add(node, named: name)
    return name
  }

  private static func write(_ value: Attribute, _ name: String, to writer: inout ProtobufWriter) {
    writer.text(1, name)
    switch value {
    case .float(let number):
      writer.float(2, number)
      writer.integer(20, 1)
    case .integer(let number):
      writer.integer(3, number)
      writer.integer(20, 2)
    case .integers(let numbers):
      writer.integers(8, numbers)
      writer.integer(20, 7)
    }
  }

  private static func write(_ name: String, _ element: Element, _ shape: Shape, to writer: inout ProtobufWriter) {
    writer.text(1, name)
    writer.message(2) { type in
      type.message(1) { tensor in
        tensor.integer(1, element.rawValue)
        tensor.message(2) { list in
          if shape.isBatched { list.message(1) { $0.text(2, batch) } }
          for dimension in shape.dimensions { list.message(1) { $0.integer(1, dimension) } }
        }
      }
    }
  }
}

extension ONNXDocument {
  /// An input or output of the model.
  struct Port {
    var name: String
    var shape: Shape
  }

  /// The version of the format that has the element types of an operator set.
  private var formatVersion: Int {
    switch operatorSet {
    case ...11: 6
    case ...14: 7
    case ...20: 8
    case ...24: 10
    default: 13
    }
  }

  /// The whole model as bytes of an ONNX file: the same document, the same bytes.
  func bytes(_ name: String, input: Port, output: Port, tool: String, properties: [(String, String)]) -> [UInt8] {
    var model = ProtobufWriter()
    model.integer(1, formatVersion)
    model.text(2, "signum")
    model.text(3, tool)
    model.message(7) { graph in
      graph.append(nodes)
      graph.text(2, name)
      graph.append(constants)
      graph.message(11) { Self.write(input.name, .float, input.shape, to: &$0) }
      graph.message(12) { Self.write(output.name, .float, output.shape, to: &$0) }
      graph.append(values)
    }
    model.message(8) { $0.integer(2, operatorSet) }
    for (key, value) in properties {
      model.message(14) { property in
        property.text(1, key)
        property.text(2, value)
      }
    }
    return model.bytes
  }
}

extension [Float] {
  var littleEndianBytes: [UInt8] { map { $0.bitPattern.littleEndian }.withUnsafeBytes { [UInt8]($0) } }
}

extension [Int] {
  var littleEndianBytes: [UInt8] { map { Int64($0).littleEndian }.withUnsafeBytes { [UInt8]($0) } }
}
