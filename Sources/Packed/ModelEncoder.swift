import Tensors

/// The numbers of a model apart from its structure: what lies in the data section.
struct ModelData: Hashable {
  /// Symbols, codebooks and exponents; each weight's start at a multiple of 64.
  var bytes: [UInt8] = []
  var floats: [Float] = []
  var thresholds: [Int32] = []
}

/// Takes a model apart: structure to JSON, numbers to the data section, both in the order of the layers.
struct ModelEncoder {
  private(set) var data = ModelData()

  mutating func layers(_ layers: [PackedLayer]) -> JSON {
    var encoded: [JSON] = []
    for (index, layer) in layers.enumerated() { encoded.append(self.layer(layer, index)) }
    return .array(encoded)
  }

  private mutating func layer(_ layer: PackedLayer, _ index: Int) -> JSON {
    var members: [String: JSON] = ["name": .string(layer.name), "type": .string(layer.kind.name)]
    if layer.inputs != [index] { members["in"] = .integers(layer.inputs) }
    encode(layer.kind, into: &members)
    return .object(members)
  }

  private mutating func encode(_ kind: PackedLayer.Kind, into members: inout [String: JSON]) {
    switch kind {
    case .convolution(let window, let dilations, let groups, let weight, let bias):
      encode(window, into: &members)
      members["size"] = nil
      if dilations != [1, 1] { members["dilations"] = .integers(dilations) }
      if groups != 1 { members["groups"] = .integer(groups) }
      encode(weight, bias: bias, into: &members)
    case .dense(let weight, let bias): encode(weight, bias: bias, into: &members)
    case .affine(let scale, let shift, let relu):
      members["channels"] = .integer(scale.count)
      members["scale"] = floats(scale)
      members["shift"] = floats(shift)
      if relu { members["relu"] = .boolean(true) }
    case .leak(let slopes):
      members["channels"] = .integer(slopes.count)
      members["slopes"] = floats(slopes)
    case .threshold(let thresholds, let flipped):
      members["channels"] = .integer(thresholds.count)
      members["thresholds"] = integers(thresholds)
      if flipped.contains(true) { members["flipped"] = integers(Self.flags(flipped)) }
    case .maxPool(let window): encode(window, into: &members)
    case .averagePool(let window, let countsPadding):
      encode(window, into: &members)
      if countsPadding { members["counts_padding"] = .boolean(true) }
    default: encodeStructure(kind, into: &members)
    }
  }

  private func encodeStructure(_ kind: PackedLayer.Kind, into members: inout [String: JSON]) {
    switch kind {
    case .clip(let minimum, let maximum):
      if minimum.isFinite { members["min"] = .float(minimum) }
      if maximum.isFinite { members["max"] = .float(maximum) }
    case .quantize(let step, let minimum, let maximum):
      members["step"] = .float(step)
      members["min"] = .integer(minimum)
      members["max"] = .integer(maximum)
    case .pad(let before, let after, let value):
      members["before"] = .integers(before)
      members["after"] = .integers(after)
      if value.bitPattern != 0 { members["value"] = .float(value) }
    case .slice(let starts, let steps, let counts):
      members["starts"] = .integers(starts)
      if steps.contains(where: { $0 != 1 }) { members["steps"] = .integers(steps) }
      members["counts"] = .integers(counts)
    case .concat(let axis), .softmax(let axis): members["axis"] = .integer(axis)
    case .reshape(let shape): members["shape"] = .integers(shape)
    case .transpose(let axes): members["axes"] = .integers(axes)
    default: break
    }
  }

  private func encode(_ window: Window, into members: inout [String: JSON]) {
    members["size"] = .integers(window.size)
    if window.strides != [1, 1] { members["strides"] = .integers(window.strides) }
    if window.padding != [0, 0, 0, 0] { members["padding"] = .integers(window.padding) }
  }

  /// Where the bytes start.
  mutating func bytes(_ bytes: [UInt8]) -> JSON {
    defer { data.bytes += bytes }
    return .integer(data.bytes.count)
  }

  /// Zeros to the next multiple of 64 bytes.
  mutating func fillUp() { data.bytes += repeatElement(0, count: (64 - data.bytes.count % 64) % 64) }

  /// Where the numbers start.
  mutating func floats(_ numbers: [Float]) -> JSON {
    defer { data.floats += numbers }
    return .integer(data.floats.count)
  }

  private mutating func integers(_ numbers: [Int32]) -> JSON {
    defer { data.thresholds += numbers }
    return .integer(data.thresholds.count)
  }

  /// Flag c is bit c % 32 of number c / 32.
  static func flags(_ flags: [Bool]) -> [Int32] {
    var words = [UInt32](repeating: 0, count: (flags.count + 31) / 32)
    for (index, flag) in flags.enumerated() where flag { words[index / 32] |= 1 << UInt32(index % 32) }
    return words.map { Int32(bitPattern: $0) }
  }
}

extension PackedLayer.Kind {
  /// The word for it in files and reports.
  package var name: String {
    switch self {
    case .convolution: "convolution"
    case .dense: "dense"
    case .affine: "affine"
    case .add: "add"
    case .relu: "relu"
    case .clip: "clip"
    case .leak: "leak"
    case .quantize: "quantize"
    case .sign: "sign"
    case .threshold: "threshold"
    case .maxPool: "max_pool"
    case .averagePool: "average_pool"
    case .globalAveragePool: "global_average_pool"
    case .pad: "pad"
    case .slice: "slice"
    case .concat: "concat"
    case .reshape: "reshape"
    case .transpose: "transpose"
    case .softmax: "softmax"
    }
  }
}
