import Foundation
import Tensors

/// A packed model as bytes: a safetensors file of bits, floats and thresholds. `formats/packed.md` specifies it.
///
/// The same model gives the same bytes. Bytes that are read are not trusted.
package enum PackedFile {
  static let format = "signum-packed"
  static let version = "1"

  /// The bytes of a model. Complexity: O(bytes).
  package static func encode(_ model: PackedModel) -> Data {
    var encoder = ModelEncoder()
    let layers = encoder.layers(model.layers)
    let data = TensorFile.data(encoder.data)
    let metadata: [String: String] = [
      "checksum": TensorFile.emptyChecksum,
      "format": format,
      "format_version": version,
      "input": encode(model.input).text,
      "layers": layers.text,
      "provenance": encode(model.provenance).text,
    ]
    return TensorFile.encode(encoder.data, data: data, metadata: metadata)
  }

  /// The model that bytes stand for. Whatever the bytes are, it gives a model that can be run or throws.
  ///
  /// Complexity: O(bytes).
  package static func decode(_ bytes: Data) throws(PackedFileError) -> PackedModel {
    let file = try TensorFile.decode([UInt8](bytes))
    var metadata = file.metadata
    func take(_ key: String) throws(PackedFileError) -> String {
      guard let value = metadata.removeValue(forKey: key) else { throw .missing(place: "metadata", key: key) }
      return value
    }
    let format = try take("format")
    guard format == self.format else { throw .unsupportedFormat(format) }
    let version = try take("format_version")
    guard version == self.version else { throw .unsupportedVersion(version) }
    let expected = try take("checksum")
    guard file.checksum == expected else { throw .checksumMismatch(found: file.checksum, expected: expected) }
    let input = try decodeInput(try JSONParser.parse(Array(take("input").utf8), place: "input"))
    let provenance = try decodeProvenance(try JSONParser.parse(Array(take("provenance").utf8), place: "provenance"))
    let layers = try JSONParser.parse(Array(take("layers").utf8), place: "layers")
    if let key = metadata.keys.min() { throw .unknownKey(place: "metadata", key: key) }
    var decoder = ModelDecoder(file.data)
    let model = PackedModel(input: input, layers: try decoder.layers(layers), provenance: provenance)
    _ = try PackedShapes(of: model)
    return model
  }

  private static func encode(_ input: PackedModel.Input) -> JSON {
    var members: [String: JSON] = ["name": .string(input.name), "shape": .integers(input.shape)]
    if let normalization = input.normalization {
      members["scale"] = .float(normalization.scale)
      if normalization.mean != [0] { members["mean"] = .floats(normalization.mean) }
      if normalization.deviation != [1] { members["deviation"] = .floats(normalization.deviation) }
    }
    return .object(members)
  }

  private static func decodeInput(_ json: JSON) throws(PackedFileError) -> PackedModel.Input {
    var reader = try JSONReader(json, place: "input")
    var input = PackedModel.Input(name: try reader.string("name"), shape: try reader.integers("shape"))
    if let scale = try reader.float("scale") {
      input.normalization = Normalization(
        scale: scale, mean: try reader.floats("mean", default: [0]),
        deviation: try reader.floats("deviation", default: [1])
      )
    }
    try reader.finish()
    return input
  }

  static func encode(_ provenance: PackedModel.Provenance) -> JSON {
    var members: [String: JSON] = [
      "recipe": .string(provenance.recipe), "seed": .string(String(provenance.seed)),
      "source": .string(provenance.source), "source_hash": .string(provenance.sourceHash),
      "tool": .string(provenance.tool),
    ]
    if let threads = provenance.threads { members["threads"] = .string(String(threads)) }
    return .object(members)
  }

  static func decodeProvenance(_ json: JSON) throws(PackedFileError) -> PackedModel.Provenance {
    var reader = try JSONReader(json, place: "provenance")
    guard let seed = UInt64(try reader.string("seed")) else { throw reader.invalid("seed", "a whole number") }
    var provenance = PackedModel.Provenance(
      source: try reader.string("source"), sourceHash: try reader.string("source_hash"),
      recipe: try reader.string("recipe"), seed: seed, tool: try reader.string("tool"))
    if reader.has("threads") {
      // The digits are the shortest, so that a file that is read and written again is the same.
      let digits = try reader.string("threads")
      guard let threads = Int(digits), (1...1 << 20).contains(threads), digits == String(threads) else {
        throw reader.invalid("threads", "a number of threads")
      }
      provenance.threads = threads
    }
    try reader.finish()
    return provenance
  }
}
