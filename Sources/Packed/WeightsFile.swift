import Foundation
import Tensors

/// Weights without a network: the tensors of a model, each packed on its own. `formats/packed.md` specifies the file.
package struct WeightsFile: Hashable, Sendable {
  package static let format = "signum-weights"
  static let version = "1"

  package struct Weight: Hashable, Sendable {
    package var name: String
    package var weight: PackedWeight

    package init(name: String, weight: PackedWeight) {
      self.name = name
      self.weight = weight
    }

    /// Makes sure that it is one that a file may have. Floats that nobody computes with need not be numbers.
    package func check() throws(PackedFileError) {
      let shape = weight.shape
      guard shape.count <= WeightsFile.mostAxes, let count = Shape.count(of: shape), count <= WeightsFile.largestTensor
      else { throw .tooLarge(layer: name, elements: Shape.count(of: shape)) }
      if case .float = weight { return }
      // The rules of its numbers are those of a layer that has them.
      let layer = PackedLayer(name: name, kind: .dense(weight, bias: nil), inputs: [0])
      try ShapeRule(layer: layer).check(weight, bias: nil, largest: WeightsFile.largestTensor)
    }
  }

  /// In the order of the model.
  package var weights: [Weight]
  package var provenance: PackedModel.Provenance

  package init(weights: [Weight], provenance: PackedModel.Provenance) {
    self.weights = weights
    self.provenance = provenance
  }

  /// Axes that a tensor may have.
  static let mostAxes = 16
  /// Elements that a tensor may have.
  static let largestTensor = 1 << 31

  /// The weights in a file. Errors begin with the path.
  package static func read(_ path: String) throws(PackedFileError) -> WeightsFile {
    let bytes: Data
    do { bytes = try Data(contentsOf: URL(fileURLWithPath: path), options: .alwaysMapped) } catch {
      throw .inFile(path, .cannotRead(reason: error.localizedDescription))
    }
    do { return try decode(bytes) } catch { throw .inFile(path, error) }
  }

  /// The weights that bytes stand for. Whatever the bytes are, it gives weights that can be used or throws.
  package static func decode(_ bytes: Data) throws(PackedFileError) -> WeightsFile {
    let file = try TensorFile.decode([UInt8](bytes))
    var metadata = file.metadata
    func take(_ key: String) throws(PackedFileError) -> String {
      guard let value = metadata.removeValue(forKey: key) else { throw .missing(place: "metadata", key: key) }
      return value
    }
    let format = try take("format")
    guard format == Self.format else { throw .unsupportedFormat(format) }
    let version = try take("format_version")
    guard version == Self.version else { throw .unsupportedVersion(version) }
    let expected = try take("checksum")
    guard file.checksum == expected else { throw .checksumMismatch(found: file.checksum, expected: expected) }
    let provenance = try PackedFile.decodeProvenance(
      try JSONParser.parse(Array(take("provenance").utf8), place: "provenance"))
    let list = try JSONParser.parse(Array(take("weights").utf8), place: "weights")
    if let key = metadata.keys.min() { throw .unknownKey(place: "metadata", key: key) }
    var decoder = ModelDecoder(file.data)
    return WeightsFile(weights: try decoder.weights(list), provenance: provenance)
  }
}

extension ModelDecoder {
  mutating func weights(_ json: JSON) throws(PackedFileError) -> [WeightsFile.Weight] {
    guard case .array(let list) = json, list.count <= 1 << 20 else {
      throw .invalidValue(place: "metadata", key: "weights", expected: "a list of weights")
    }
    var (weights, names): ([WeightsFile.Weight], Set<String>) = ([], [])
    for (index, item) in list.enumerated() {
      let weight = try self.weight(item, index)
      guard names.insert(weight.name).inserted else { throw .duplicateName(layer: weight.name) }
      weights.append(weight)
    }
    try finish()
    return weights
  }

  private mutating func weight(_ json: JSON, _ index: Int) throws(PackedFileError) -> WeightsFile.Weight {
    var reader = try JSONReader(json, place: "weight \(index)")
    let name = try reader.string("name")
    reader = try JSONReader(json, place: "weight '\(name)'")
    _ = reader.optional("name")
    let shape = try reader.integers("weight")
    guard shape.allSatisfy({ $0 >= 0 }), let count = Shape.count(of: shape), count <= WeightsFile.largestTensor,
      shape.count <= WeightsFile.mostAxes
    else {
      throw reader.invalid(
        "weight", "a shape of at most \(WeightsFile.mostAxes) axes and \(WeightsFile.largestTensor) elements")
    }
    let weight: PackedWeight
    if reader.has("floats") {
      let floats = try takeFloats(&reader, "floats", count, name)
      weight = .float(Tensor(Shape(shape), scalars: floats))
      try skipFilling()
    } else {
      guard shape.count >= 2, count > 0 else { throw reader.invalid("weight", "a shape of two axes or more") }
      weight = try self.weight(&reader, shape, name)
    }
    try reader.finish()
    let found = WeightsFile.Weight(name: name, weight: weight)
    try found.check()
    return found
  }
}
