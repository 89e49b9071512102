import Tensors

/// Puts a model together again: the twin of `ModelEncoder`, for bytes that nobody vouches for.
struct ModelDecoder {
  private let data: ModelData
  // How much of each list the layers so far have taken: they take everything, in order, and nothing twice.
  private var (bytes, floats, thresholds) = (0, 0, 0)

  init(_ data: ModelData) { self.data = data }

  mutating func layers(_ json: JSON) throws(PackedFileError) -> [PackedLayer] {
    guard case .array(let list) = json, list.count <= 1 << 16 else {
      throw .invalidValue(place: "metadata", key: "layers", expected: "a list of layers")
    }
    var layers: [PackedLayer] = []
    for (index, item) in list.enumerated() { layers.append(try layer(item, index)) }
    try finish()
    return layers
  }

  /// Only zeros, and fewer than fill up 64 bytes, may be left over.
  func finish() throws(PackedFileError) {
    guard bytes == data.bytes.count else { throw .wrongPadding(tensor: "bits") }
    let floats = data.floats[self.floats...], thresholds = data.thresholds[self.thresholds...]
    guard floats.count < 16, floats.allSatisfy({ $0.bitPattern == 0 }) else { throw .wrongPadding(tensor: "floats") }
    guard thresholds.count < 16, thresholds.allSatisfy({ $0 == 0 }) else { throw .wrongPadding(tensor: "thresholds") }
  }

  private mutating func layer(_ json: JSON, _ index: Int) throws(PackedFileError) -> PackedLayer {
    var reader = try JSONReader(json, place: "layer \(index)")
    let name = try reader.string("name")
    reader = try JSONReader(json, place: "layer '\(name)'")
    _ = reader.optional("name")
    let inputs = try reader.integers("in", default: [index])
    let kind = try self.kind(&reader, name)
    try reader.finish()
    return PackedLayer(name: name, kind: kind, inputs: inputs)
  }

  private mutating func kind(_ reader: inout JSONReader, _ layer: String) throws(PackedFileError) -> PackedLayer.Kind {
    let type = try reader.string("type")
    switch type {
    case "convolution": return try convolution(&reader, layer)
    case "dense":
      let shape = try weightShape(&reader)
      return .dense(try weight(&reader, shape, layer), bias: try bias(&reader, shape, layer))
    case "affine", "leak", "threshold": return try channelwise(&reader, type, layer)
    case "add": return .add
    case "relu": return .relu
    case "clip":
      return .clip(minimum: try reader.float("min") ?? -.infinity, maximum: try reader.float("max") ?? .infinity)
    case "quantize":
      guard let step = try reader.float("step") else { throw .missing(place: reader.place, key: "step") }
      return .quantize(step: step, minimum: try reader.integer("min"), maximum: try reader.integer("max"))
    case "sign": return .sign
    case "max_pool": return .maxPool(try window(&reader, size: nil))
    case "average_pool":
      return .averagePool(try window(&reader, size: nil), countsPadding: try reader.boolean("counts_padding"))
    case "global_average_pool": return .globalAveragePool
    default: return try arrangement(&reader, type, layer)
    }
  }

  private func arrangement(
    _ reader: inout JSONReader, _ type: String, _ layer: String
  ) throws(PackedFileError) -> PackedLayer.Kind {
    switch type {
    case "pad":
      let value = try reader.float("value") ?? 0
      return .pad(before: try reader.integers("before"), after: try reader.integers("after"), value: value)
    case "slice":
      let starts = try reader.integers("starts")
      let steps = try reader.integers("steps", default: starts.map { _ in 1 })
      return .slice(starts: starts, steps: steps, counts: try reader.integers("counts"))
    case "concat": return .concat(axis: try reader.integer("axis"))
    case "reshape": return .reshape(try reader.integers("shape"))
    case "transpose": return .transpose(try reader.integers("axes"))
    case "softmax": return .softmax(axis: try reader.integer("axis"))
    default: throw .unknownKind(layer: layer, type)
    }
  }

  private mutating func convolution(
    _ reader: inout JSONReader, _ layer: String
  ) throws(PackedFileError) -> PackedLayer.Kind {
    let shape = try weightShape(&reader)
    guard shape.count == 4 else { throw reader.invalid("weight", "a shape of four axes") }
    let window = try window(&reader, size: Array(shape[2...]))
    let dilations = try reader.integers("dilations", default: [1, 1])
    let groups = try reader.integer("groups", default: 1)
    let weight = try weight(&reader, shape, layer)
    let bias = try bias(&reader, shape, layer)
    return .convolution(window, dilations: dilations, groups: groups, weight, bias: bias)
  }

  /// What has numbers for each channel.
  private mutating func channelwise(
    _ reader: inout JSONReader, _ type: String, _ layer: String
  ) throws(PackedFileError) -> PackedLayer.Kind {
    let channels = try reader.integer("channels")
    guard channels >= 1 else { throw reader.invalid("channels", "at least 1") }
    if type == "leak" { return .leak(slopes: try takeFloats(&reader, "slopes", channels, layer)) }
    if type == "affine" {
      let scale = try takeFloats(&reader, "scale", channels, layer)
      let shift = try takeFloats(&reader, "shift", channels, layer)
      return .affine(scale: scale, shift: shift, relu: try reader.boolean("relu"))
    }
    let thresholds = try takeIntegers(&reader, "thresholds", channels, layer)
    guard reader.has("flipped") else {
      return .threshold(thresholds, flipped: [Bool](repeating: false, count: channels))
    }
    let flags = try takeIntegers(&reader, "flipped", (channels + 31) / 32, layer)
    let flipped = (0..<channels).map { flags[$0 / 32] >> Int32($0 % 32) & 1 == 1 }
    guard ModelEncoder.flags(flipped) == flags, flipped.contains(true) else {
      throw reader.invalid("flipped", "set somewhere, and not beyond the channels")
    }
    return .threshold(thresholds, flipped: flipped)
  }

  private func window(_ reader: inout JSONReader, size: [Int]?) throws(PackedFileError) -> Window {
    let strides = try reader.integers("strides", default: [1, 1])
    let padding = try reader.integers("padding", default: [0, 0, 0, 0])
    if let size { return Window(size: size, strides: strides, padding: padding) }
    return Window(size: try reader.integers("size"), strides: strides, padding: padding)
  }

  private func weightShape(_ reader: inout JSONReader) throws(PackedFileError) -> [Int] {
    let shape = try reader.integers("weight")
    guard shape.count >= 2, shape.allSatisfy({ $0 >= 1 }), let count = Shape.count(of: shape),
      count <= PackedShapes.largestValue
    else { throw reader.invalid("weight", "a shape of at most \(PackedShapes.largestValue) elements") }
    return shape
  }

  private mutating func bias(
    _ reader: inout JSONReader, _ shape: [Int], _ layer: String
  ) throws(PackedFileError) -> [Float]? {
    guard reader.has("bias") else { return nil }
    return try takeFloats(&reader, "bias", shape[0], layer)
  }

  /// The next bytes of the weight that is being read.
  mutating func takeBytes(
    _ reader: inout JSONReader, _ key: String, _ count: Int, _ layer: String
  ) throws(PackedFileError) -> [UInt8] {
    let range = try next(&reader, key, count, after: bytes, of: data.bytes.count, layer)
    bytes = range.upperBound
    return Array(data.bytes[range])
  }

  /// Zeros up to the next weight.
  mutating func skipFilling() throws(PackedFileError) {
    let end = (bytes + 63) / 64 * 64
    guard data.bytes[bytes..<end].allSatisfy({ $0 == 0 }) else { throw .wrongPadding(tensor: "bits") }
    bytes = end
  }

  mutating func takeFloats(
    _ reader: inout JSONReader, _ key: String, _ count: Int, _ layer: String
  ) throws(PackedFileError) -> [Float] {
    let range = try next(&reader, key, count, after: floats, of: data.floats.count, layer)
    floats = range.upperBound
    return Array(data.floats[range])
  }

  private mutating func takeIntegers(
    _ reader: inout JSONReader, _ key: String, _ count: Int, _ layer: String
  ) throws(PackedFileError) -> [Int32] {
    let range = try next(&reader, key, count, after: thresholds, of: data.thresholds.count, layer)
    thresholds = range.upperBound
    return Array(data.thresholds[range])
  }

  /// The range of the next `count` numbers, which must start where the last ones ended.
  private func next(
    _ reader: inout JSONReader, _ key: String, _ count: Int, after taken: Int, of available: Int, _ layer: String
  ) throws(PackedFileError) -> Range<Int> {
    let found = try reader.integer(key)
    guard found == taken else { throw .wrongOffset(layer: layer, key: key, found: found, expected: taken) }
    guard count <= available - taken else {
      throw .outOfRange(layer: layer, key: key, end: taken + count, available: available)
    }
    return taken..<taken + count
  }
}
