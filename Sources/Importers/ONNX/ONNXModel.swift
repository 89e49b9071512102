import CONNX
import Graphs

/// What an ONNX file says, in Swift: no pointers into C, every weight a view of the mapped file.
struct ONNXModel {
  var opsets: [String: Int] = [:]
  var nodes: [ONNXNode] = []
  var initializers: [ONNXTensor] = []
  var inputs: [ONNXInput] = []
  var outputs: [String] = []
  var declaredOutputs: [ONNXInput] = []
  /// Which program wrote the file, with its version.
  var producer = ""
  /// The names of constants of which the file has the numbers that are not 0 alone.
  var sparse: [String] = []
  /// What keeps functions of the file from being put in the place of their calls.
  var functionProblems: [ImportError.Problem] = []

  /// Every node, those of branches behind the node that has them.
  var allNodes: [ONNXNode] { nodes.flatMap(\.withBranches) }

  /// Every tensor of the graph and of its branches: initializers, then those of `Constant` nodes. Exporters keep
  /// weights as either.
  var tensors: [ONNXTensor] {
    let all = allNodes
    let inner = all.flatMap { node in node.branches.flatMap { $0.value.initializers } }
    return initializers + inner + all.compactMap(\.constant)
  }
}

/// An input or output as it is declared.
struct ONNXInput {
  var name: String
  /// 0 where the type is not that of a tensor.
  var elementType: Int
  /// Nil where the file names no number. The whole is nil where it names no shape.
  var dimensions: [Int?]?
}

/// A node before anybody knows its operator.
struct ONNXNode {
  var name: String
  var operation: String
  var domain: String
  /// Which of the functions of one name is meant.
  var overload = ""
  /// Whether it calls a function that it does not fit, which is said already.
  var isRefused = false
  var inputs: [String]
  var outputs: [String]
  var attributes: [String: ONNXAttribute]

  /// The graphs inside of it, by attribute.
  var branches: [(key: String, value: ONNXGraph)] {
    attributes.compactMap { key, value in value.graph.map { (key, $0) } }.sorted { $0.key < $1.key }
  }

  var withBranches: [ONNXNode] { [self] + branches.flatMap { $0.value.nodes.flatMap(\.withBranches) } }

  func problem(_ problem: String) -> ImportError.Problem { .node(name: name, operation: operation, problem: problem) }

  /// The tensor of a `Constant` node under the name of the output, by which the others read it; nil for other nodes.
  var constant: ONNXTensor? {
    guard operation == "Constant", domain.isEmpty, let output = outputs.first, !output.isEmpty else { return nil }
    var tensor = attributes["value"]?.tensor
    tensor?.name = output
    return tensor
  }
}

/// The value of an attribute: one of these is set.
struct ONNXAttribute {
  var float: Float?
  var integer: Int?
  var string: String?
  var tensor: ONNXTensor?
  var graph: ONNXGraph?
  /// In a function: the attribute of the call that stands here.
  var reference: String?
  var floats: [Float] = []
  var integers: [Int] = []
  var strings: [String] = []
}

/// A graph inside a node: a branch.
struct ONNXGraph {
  var nodes: [ONNXNode]
  var initializers: [ONNXTensor]
  var outputs: [String]
  /// As in the model.
  var sparse: [String]
}

/// A constant of the file, not decoded yet.
struct ONNXTensor {
  /// Where the numbers stand.
  enum Storage {
    /// In the file itself.
    case raw(offset: UInt64, count: UInt64)
    case external([String: String])
    case floats([Float])
    case doubles([Double])
    /// Of any width up to 64 bits; those of 16-bit floats are their bits.
    case integers([Int])
    case unsigned([UInt64])
  }
  var name: String
  var dimensions: [Int]
  var elementType: Int
  var storage: Storage
}

extension ONNXModel {
  /// Unpacks what the scan let pass.
  init(_ skeleton: ONNXSkeleton) throws(ImportError.Problem) {
    let unpacked = skeleton.bytes.withUnsafeBufferPointer { onnx__model_proto__unpack(nil, $0.count, $0.baseAddress) }
    guard let unpacked else { throw .malformed("fields of the wrong kind", offset: 0) }
    defer { onnx__model_proto__free_unpacked(unpacked, nil) }
    guard let graph = unpacked.pointee.graph else { throw .model("is not an ONNX model, or one without a graph") }
    producer = [text(unpacked.pointee.producer_name), text(unpacked.pointee.producer_version)]
      .filter { !$0.isEmpty }.joined(separator: " ")
    opsets = versions(unpacked.pointee.opset_import, unpacked.pointee.n_opset_import)
    nodes = pointers(graph.pointee.node, graph.pointee.n_node).map(ONNXNode.init)
    initializers = pointers(graph.pointee.initializer, graph.pointee.n_initializer).map(ONNXTensor.init)
    inputs = pointers(graph.pointee.input, graph.pointee.n_input).map(ONNXInput.init)
    declaredOutputs = pointers(graph.pointee.output, graph.pointee.n_output).map(ONNXInput.init)
    outputs = declaredOutputs.map(\.name)
    sparse = names(graph.pointee.sparse_initializer, graph.pointee.n_sparse_initializer)
    try inlineFunctions(pointers(unpacked.pointee.functions, unpacked.pointee.n_functions).map(ONNXFunction.init))
  }
}

extension ONNXFunction {
  fileprivate init(_ function: Onnx__FunctionProto) {
    key = Key(domain: plainDomain(function.domain), name: text(function.name), overload: text(function.overload))
    inputs = texts(function.input, function.n_input)
    outputs = texts(function.output, function.n_output)
    let given = pointers(function.attribute_proto, function.n_attribute_proto)
    defaults = Dictionary(given.map { (text($0.name), ONNXAttribute($0)) }) { $1 }
    nodes = pointers(function.node, function.n_node).map(ONNXNode.init)
    operatorSet = versions(function.opset_import, function.n_opset_import)[""]
  }
}

extension ONNXInput {
  fileprivate init(_ value: Onnx__ValueInfoProto) {
    name = text(value.name)
    elementType = 0
    guard let type = value.type, type.pointee.value_case == ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE,
      let tensor = type.pointee.tensor_type
    else { return }
    elementType = Int(tensor.pointee.elem_type)
    guard let shape = tensor.pointee.shape else { return }
    dimensions = pointers(shape.pointee.dim, shape.pointee.n_dim).map { dimension in
      dimension.value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE && dimension.dim_value > 0
        ? Int(dimension.dim_value) : nil
    }
  }
}

extension ONNXNode {
  fileprivate init(_ node: Onnx__NodeProto) {
    operation = text(node.op_type)
    domain = plainDomain(node.domain)
    overload = text(node.overload)
    inputs = texts(node.input, node.n_input)
    outputs = texts(node.output, node.n_output)
    name = text(node.name)
    if name.isEmpty { name = outputs.first { !$0.isEmpty } ?? operation }
    attributes = [:]
    for attribute in pointers(node.attribute, node.n_attribute) {
      attributes[text(attribute.name)] = ONNXAttribute(attribute)
    }
  }
}

extension ONNXAttribute {
  fileprivate init(_ attribute: Onnx__AttributeProto) {
    if attribute.has_f != 0 { float = attribute.f }
    if attribute.has_i != 0 { integer = Int(attribute.i) }
    if attribute.has_s != 0 {
      string = String(decoding: UnsafeBufferPointer(start: attribute.s.data, count: attribute.s.len), as: UTF8.self)
    }
    floats = Array(UnsafeBufferPointer(start: attribute.floats, count: attribute.n_floats))
    integers = UnsafeBufferPointer(start: attribute.ints, count: attribute.n_ints).map { Int($0) }
    strings = UnsafeBufferPointer(start: attribute.strings, count: attribute.n_strings).map {
      String(decoding: UnsafeBufferPointer(start: $0.data, count: $0.len), as: UTF8.self)
    }
    if let tensor = attribute.t { self.tensor = ONNXTensor(tensor.pointee) }
    if let graph = attribute.g { self.graph = ONNXGraph(graph.pointee) }
    reference = attribute.ref_attr_name.map { text($0) }.flatMap { $0.isEmpty ? nil : $0 }
  }
}

extension ONNXGraph {
  fileprivate init(_ graph: Onnx__GraphProto) {
    nodes = pointers(graph.node, graph.n_node).map(ONNXNode.init)
    initializers = pointers(graph.initializer, graph.n_initializer).map(ONNXTensor.init)
    outputs = pointers(graph.output, graph.n_output).map { text($0.name) }
    sparse = names(graph.sparse_initializer, graph.n_sparse_initializer)
  }
}

extension ONNXTensor {
  /// A tensor that is a message of its own.
  init(_ skeleton: ONNXSkeleton) throws(ImportError.Problem) {
    let unpacked = skeleton.bytes.withUnsafeBufferPointer { onnx__tensor_proto__unpack(nil, $0.count, $0.baseAddress) }
    guard let unpacked else { throw .malformed("fields of the wrong kind", offset: 0) }
    defer { onnx__tensor_proto__free_unpacked(unpacked, nil) }
    self.init(unpacked.pointee)
  }

  fileprivate init(_ tensor: Onnx__TensorProto) {
    name = text(tensor.name)
    dimensions = UnsafeBufferPointer(start: tensor.dims, count: tensor.n_dims).map { Int($0) }
    elementType = Int(tensor.data_type)
    if tensor.has_data_location != 0 && tensor.data_location == ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL {
      let pairs = pointers(tensor.external_data, tensor.n_external_data).map { (text($0.key), text($0.value)) }
      storage = .external(Dictionary(pairs) { $1 })
    } else if tensor.has_raw_data != 0, tensor.raw_data.len == 16, let view = UnsafeRawPointer(tensor.raw_data.data) {
      storage = .raw(
        offset: UInt64(littleEndian: view.loadUnaligned(as: UInt64.self)),
        count: UInt64(littleEndian: view.loadUnaligned(fromByteOffset: 8, as: UInt64.self)))
    } else if tensor.n_float_data > 0 {
      storage = .floats(Array(UnsafeBufferPointer(start: tensor.float_data, count: tensor.n_float_data)))
    } else if tensor.n_double_data > 0 {
      storage = .doubles(Array(UnsafeBufferPointer(start: tensor.double_data, count: tensor.n_double_data)))
    } else if tensor.n_int64_data > 0 {
      storage = .integers(UnsafeBufferPointer(start: tensor.int64_data, count: tensor.n_int64_data).map { Int($0) })
    } else if tensor.n_uint64_data > 0 {
      storage = .unsigned(Array(UnsafeBufferPointer(start: tensor.uint64_data, count: tensor.n_uint64_data)))
    } else {
      storage = .integers(UnsafeBufferPointer(start: tensor.int32_data, count: tensor.n_int32_data).map { Int($0) })
    }
  }
}

private func text(_ pointer: UnsafePointer<CChar>?) -> String { pointer.map { String(cString: $0) } ?? "" }

/// ONNX' own domain has two names.
private func plainDomain(_ pointer: UnsafePointer<CChar>?) -> String {
  let domain = text(pointer)
  return domain == "ai.onnx" ? "" : domain
}

/// The version of each operator set, by domain.
private func versions(
  _ start: UnsafeMutablePointer<UnsafeMutablePointer<Onnx__OperatorSetIdProto>?>?, _ count: Int
) -> [String: Int] {
  Dictionary(pointers(start, count).map { (plainDomain($0.domain), Int($0.version)) }) { $1 }
}

private func names(
  _ start: UnsafeMutablePointer<UnsafeMutablePointer<Onnx__SparseTensorProto>?>?, _ count: Int
) -> [String] {
  pointers(start, count).map { text($0.values?.pointee.name) }
}

private func texts(_ start: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?, _ count: Int) -> [String] {
  UnsafeBufferPointer(start: start, count: count).map { text($0) }
}

private func pointers<T>(_ start: UnsafeMutablePointer<UnsafeMutablePointer<T>?>?, _ count: Int) -> [T] {
  UnsafeBufferPointer(start: start, count: count).compactMap { $0?.pointee }
}
