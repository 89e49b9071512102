import Foundation
@testable import Packed

/// A packed file taken apart, to be put together wrongly.
private struct Parts {
  var header: [String: Any]
  var metadata: [String: String]
  var data: [UInt8]
  /// Whether the checksum is made right again.
  var restores = true

  init(_ name: String) {
    let bytes = [UInt8](PackedFile.encode(goldenModels.first { $0.name == name }!.model))
    let length = bytes[..<8].reversed().reduce(0) { $0 << 8 | Int($1) }
    let object = try! JSONSerialization.jsonObject(with: Data(bytes[8..<8 + length]))
    header = object as! [String: Any]
    metadata = header.removeValue(forKey: "__metadata__") as! [String: String]
    data = Array(bytes[(8 + length)...])
  }

  var bytes: Data {
    var header = header
    header["__metadata__"] = metadata
    let options: JSONSerialization.WritingOptions = [.sortedKeys, .withoutEscapingSlashes]
    var bytes = [UInt8](file(try! JSONSerialization.data(withJSONObject: header, options: options), data))
    if restores { restoreChecksum(&bytes) }
    return Data(bytes)
  }

  mutating func replace(_ old: String, _ new: String, in key: String = "layers") {
    precondition(metadata[key]!.contains(old), "\(old) is not there")
    metadata[key]!.replace(old, with: new, maxReplacements: 1)
  }

  mutating func change(_ tensor: String, _ key: String, _ value: Any) {
    var entry = header[tensor] as! [String: Any]
    entry[key] = value
    header[tensor] = entry
  }
}

private func file(_ header: Data, _ data: [UInt8], aligned: Bool = true) -> Data {
  var text = [UInt8](header)
  while aligned && (8 + text.count) % 64 != 0 { text.append(0x20) }
  return withUnsafeBytes(of: UInt64(text.count).littleEndian) { Data($0) } + Data(text) + Data(data)
}

private func changed(_ name: String, _ change: (inout Parts) -> Void) -> Data {
  var parts = Parts(name)
  change(&parts)
  return parts.bytes
}

/// Files that must be refused. Their names begin with the case of the error, up to a full stop.
func rejectedFiles() -> [(name: String, bytes: Data)] {
  containers() + metadata() + layers() + shapes() + symbols()
}

private func containers() -> [(name: String, bytes: Data)] {
  let good = PackedFile.encode(goldenModels.first { $0.name == "features" }!.model)
  let bits = "bits-and-thresholds"
  return [
    ("truncated.empty", Data()), ("truncated.length", good.prefix(5)), ("truncated.header", good.prefix(80)),
    ("headerTooLong", Data(repeating: 0xFF, count: 8) + good.dropFirst(8)),
    ("misalignedData", file(Data("{}".utf8), [], aligned: false)),
    ("invalidJSON.array", file(Data("[1]".utf8), [])), ("invalidJSON.open", file(Data("{\"a\":".utf8), [])),
    ("invalidJSON.deep", file(Data(("{\"a\":" + String(repeating: "[", count: 10_000)).utf8), [])),
    ("invalidJSON.encoding", file(Data("{\"".utf8) + Data([0xFF]) + Data("\":1}".utf8), [])),
    ("duplicateKey", file(Data("{\"bits\":1,\"bits\":1}".utf8), [])),
    ("missing.metadata", file(Data("{}".utf8), [])),
    ("unknownKey.tensor", changed(bits) { $0.header["more"] = $0.header["bits"] }),
    ("wrongElementType", changed(bits) { $0.change("floats", "dtype", "F16") }),
    ("misplacedTensor.overlap", changed(bits) { $0.change("floats", "data_offsets", [0, 64]) }),
    ("misplacedTensor.negative", changed(bits) { $0.change("bits", "data_offsets", [-64, 64]) }),
    ("wrongTensorSize.beyond", changed(bits) { $0.change("bits", "data_offsets", [0, 64_000_000]) }),
    ("wrongTensorSize.shape", changed(bits) { $0.change("bits", "shape", [1 << 30, 1 << 30]) }),
    ("wrongTensorSize.unaligned", changed(bits) { $0.change("bits", "data_offsets", [0, 63]) }),
    ("wrongDataSize", changed(bits) { $0.data += [UInt8](repeating: 0, count: 64) }),
    ("wrongPadding.floats", changed("residual") { $0.data[$0.data.count - 1] = 0x40 }),
    ("invalidValue.offsets", changed(bits) { $0.change("bits", "data_offsets", [0]) }),
  ]
}

private func metadata() -> [(name: String, bytes: Data)] {
  [
    ("unsupportedFormat", changed("features") { $0.metadata["format"] = "pt" }),
    ("unsupportedVersion", changed("features") { $0.metadata["format_version"] = "2" }),
    (
      "checksumMismatch",
      changed("features") {
        $0.restores = false
        $0.data[0] ^= 1
      }
    ),
    ("missing.layers", changed("features") { $0.metadata["layers"] = nil }),
    ("unknownKey.metadata", changed("features") { $0.metadata["more"] = "1" }),
    ("invalidValue.seed", changed("features") { $0.replace("\"seed\":\"7\"", "\"seed\":\"-7\"", in: "provenance") }),
    (
      "invalidValue.threads",
      changed("features") { $0.replace("\"tool\":", "\"threads\":\"0\",\"tool\":", in: "provenance") }
    ),
    (
      "invalidValue.mean",
      changed("convolution-float") { $0.replace("\"mean\":[0.5,0.25]", "\"mean\":[0.5,0.25,1]", in: "input") }
    ),
    (
      "invalidValue.deviation",
      changed("convolution-float") { $0.replace("\"deviation\":[0.1,2]", "\"deviation\":[0,2]", in: "input") }
    ),
    ("tooLarge.input", changed("pools") { $0.replace("[3,5,5]", "[3,1000000000,1000000000]", in: "input") }),
    ("tooLarge.count", changed("pools") { $0.replace("[3,5,5]", "[1000000000,1000000000,1000000000]", in: "input") }),
    ("wrongShape.empty", changed("pools") { $0.replace("[3,5,5]", "[3,0,5]", in: "input") }),
    ("noLayers", changed("pools") { $0.metadata["layers"] = "[]" }),
  ]
}

private func layers() -> [(name: String, bytes: Data)] {
  let bits = "bits-and-thresholds"
  return [
    ("unknownKind", changed(bits) { $0.replace("\"type\":\"sign\"", "\"type\":\"tanh\"") }),
    ("unknownKind.empty", changed(bits) { $0.replace("\"type\":\"sign\"", "\"type\":\"\"") }),
    ("unknownKey.layer", changed(bits) { $0.replace("\"type\":\"sign\"", "\"type\":\"sign\",\"more\":1") }),
    ("duplicateName", changed("dense") { $0.replace("\"name\":\"relu\"", "\"name\":\"sign\"") }),
    ("missing.type", changed(bits) { $0.replace(",\"type\":\"sign\"", "") }),
    ("invalidInput.itself", changed("dense") { $0.replace("\"in\":[5,7]", "\"in\":[5,8]") }),
    ("invalidInput.forward", changed("dense") { $0.replace("\"in\":[5,7]", "\"in\":[9,7]") }),
    ("invalidInput.negative", changed("dense") { $0.replace("\"in\":[5,7]", "\"in\":[-1,7]") }),
    ("wrongOffset.bits", changed(bits) { $0.replace("\"bits\":0", "\"bits\":64") }),
    ("wrongOffset.levels", changed(bits) { $0.replace("\"levels\":1", "\"levels\":2") }),
    ("wrongOffset.level", changed(bits) { $0.replace("\"level\":0", "\"level\":1") }),
    (
      "outOfRange.weight",
      changed(bits) { $0.replace("\"weight\":[70,3,3,3]", "\"weight\":[7000000,3,1,1]") }
    ),
    ("outOfRange.channels", changed(bits) { $0.replace("\"channels\":70", "\"channels\":1000000000") }),
    ("paddingBitsSet", changed(bits) { $0.data[7] = 0x80 }),
    ("wrongPadding.bits", changed("dense") { $0.data[63] = 1 }),
    ("invalidValue.flipped", changed(bits) { $0.data[$0.data.count - 29] |= 0x80 }),
    ("invalidValue.weight", changed(bits) { $0.replace("\"weight\":[70,3,3,3]", "\"weight\":[70,3]") }),
    (
      "invalidValue.huge",
      changed(bits) { $0.replace("\"weight\":[70,3,3,3]", "\"weight\":[9223372036854775807,2,3,3]") }
    ),
    ("invalidValue.integer", changed(bits) { $0.replace("\"channels\":70", "\"channels\":1.5") }),
    (
      "notFinite.levels", changed("features") { $0.data.replaceSubrange(floats("features"), with: [0, 0, 0xC0, 0x7F]) }
    ),
    ("notFinite.weight", changed("convolution-float") { $0.data.replaceSubrange(0..<4, with: [0, 0, 0x80, 0x7F]) }),
  ]
}

/// Where the first float of a model lies in its data.
private func floats(_ name: String) -> Range<Int> {
  let start = ((Parts(name).header["floats"] as! [String: Any])["data_offsets"] as! [Int])[0]
  return start..<start + 4
}

private func shapes() -> [(name: String, bytes: Data)] {
  [
    ("wrongShape.channels", changed("convolution-float") { $0.replace("[2,5,4]", "[3,5,4]", in: "input") }),
    ("wrongShape.window", changed("pools") { $0.replace("[3,5,5]", "[3,1,0]", in: "input") }),
    ("wrongShape.strides", changed("pools") { $0.replace("\"strides\":[2,2]", "\"strides\":[0,2]") }),
    ("wrongShape.padding", changed("pools") { $0.replace("\"padding\":[1,1,1,1]", "\"padding\":[1,3,1,1]") }),
    ("wrongShape.groups", changed("convolution-binary") { $0.replace("\"groups\":2", "\"groups\":0") }),
    ("wrongShape.dilations", changed("convolution-binary") { $0.replace("[2,2]", "[-2,2]") }),
    ("wrongShape.size", changed("pools") { $0.replace("\"size\":[3,3]", "\"size\":[300,3]") }),
    ("tooLarge.padding", changed("arranging") { $0.replace("\"after\":[0,1,0]", "\"after\":[0,99999,9999]") }),
    ("wrongShape.slice", changed("arranging") { $0.replace("\"counts\":[4,2,3]", "\"counts\":[5,2,3]") }),
    ("wrongShape.steps", changed("arranging") { $0.replace("\"steps\":[-1,2,1]", "\"steps\":[0,2,1]") }),
    ("wrongShape.transpose", changed("arranging") { $0.replace("[2,3,1]", "[2,3,3]") }),
    ("wrongShape.reshape", changed("arranging") { $0.replace("[2,2,3,4]", "[2,2,3,5]") }),
    ("wrongShape.axis", changed("arranging") { $0.replace("\"axis\":2", "\"axis\":0") }),
    ("wrongShape.concat", changed("arranging") { $0.replace("\"in\":[3,3]", "\"in\":[3,1]") }),
    ("wrongShape.inputs", changed("arranging") { $0.replace("\"in\":[3,3]", "\"in\":[]") }),
    ("wrongShape.clip", changed("arranging") { $0.replace("\"min\":-0.25", "\"min\":1,\"max\":0") }),
  ]
}

private func symbols() -> [(name: String, bytes: Data)] {
  // The first weight of `ternary` has rows of 27 trits in 6 bytes; that of `few-bits` rows of 36 · 2 bits in 9 bytes.
  [
    ("invalidSymbol.trits", changed("ternary") { $0.data[0] = 243 }),
    ("invalidSymbol.fields", changed("ternary") { $0.data[place(of: "two-bits")] |= 0b11 }),
    ("paddingBitsSet.trits", changed("ternary") { $0.data[5] = 9 }),
    ("paddingBitsSet.fields", changed("few-bits") { $0.data[place(of: "three") + 1] |= 0x80 }),
    ("paddingBitsSet.codebook", changed("codebooks") { $0.data[place(of: "runs") + 2] |= 0x04 }),
    ("wrongPadding.symbols", changed("ternary") { $0.data[63] = 1 }),
    ("wrongOffset.symbols", changed("ternary") { $0.replace("\"symbols\":0", "\"symbols\":64") }),
    ("wrongOffset.exponents", changed("exponents") { $0.replace("\"exponents\":40", "\"exponents\":41") }),
    ("invalidValue.exponents", changed("exponents") { $0.data[40] = 0x81 }),
    ("invalidValue.alphabet", changed("ternary") { $0.replace("\"ternary\"", "\"quinary\"") }),
    ("invalidValue.symbolBits", changed("ternary") { $0.replace("\"symbol_bits\":2", "\"symbol_bits\":3") }),
    ("invalidValue.tooManyBits", changed("few-bits") { $0.replace("\"symbol_bits\":8", "\"symbol_bits\":9") }),
    ("invalidValue.tooFewBits", changed("few-bits") { $0.replace("\"symbol_bits\":2", "\"symbol_bits\":1") }),
    ("missing.symbolBits", changed("few-bits") { $0.replace("\"symbol_bits\":2,", "") }),
    ("missing.levels", changed("ternary") { $0.replace("\"level\":0,", "") }),
    ("missing.alphabet", changed("ternary") { $0.replace("\"alphabet\":\"ternary\",", "") }),
    ("unknownKey.twoWeights", changed("ternary") { $0.replace("\"symbols\":0", "\"bits\":0,\"symbols\":0") }),
    ("unknownKey.twoLevels", changed("ternary") { $0.replace("\"level\":0", "\"level\":0,\"levels\":1") }),
    ("unknownKey.negative", changed("few-bits") { $0.replace("\"level\":", "\"negative_level\":6,\"level\":") }),
    ("outOfRange.symbols", changed("ternary") { $0.replace("\"weight\":[6,3,3,3]", "\"weight\":[60000,3,3,3]") }),
    ("notFinite.negative", changed("ternary") { $0.data.replaceSubrange(negatives(), with: [0, 0, 0x80, 0xFF]) }),
    ("wrongShape.slopes", changed("activations") { $0.replace("[3,3,4]", "[4,3,3]", in: "input") }),
    ("notFinite.slopes", changed("activations") { $0.data.replaceSubrange(0..<4, with: [0, 0, 0xC0, 0x7F]) }),
    ("wrongShape.step", changed("activations") { $0.replace("\"step\":0.1", "\"step\":0") }),
    ("missing.step", changed("activations") { $0.replace("\"step\":0.1,", "") }),
    ("wrongShape.limits", changed("activations") { $0.replace("\"min\":-4", "\"min\":4") }),
    ("wrongShape.farLimits", changed("activations") { $0.replace("\"max\":15", "\"max\":9999999") }),
  ]
}

/// Where the symbols of a layer begin in the data.
private func place(of layer: String) -> Int {
  for (_, model) in goldenModels where model.layers.contains(where: { $0.name == layer }) {
    let text = PackedFile.encode(model)
    let parts = String(decoding: text, as: UTF8.self)
    let object = parts.split(separator: "},{").first { $0.contains("\\\"name\\\":\\\"\(layer)\\\"") }
    let digits = object?.split(separator: "\\\"symbols\\\":").dropFirst().first?.prefix { $0.isNumber }
    if let digits, let place = Int(digits) { return place }
  }
  fatalError("no layer is called \(layer)")
}

/// Where the first negative level of `ternary` lies: after one level, six numbers of bias and eighteen levels.
private func negatives() -> Range<Int> {
  let start = floats("ternary").lowerBound + 4 * (1 + 6 + 18)
  return start..<start + 4
}
