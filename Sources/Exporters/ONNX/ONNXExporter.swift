import Foundation
import Packed
import WholeFiles

/// ONNX of standard operators, with the weights packed as bits: `formats/onnx.md`.
///
/// Stock onnxruntime, OpenVINO, OpenCV and tract run the file; it has the lowest operator set that its layers need, 11
/// unless a softmax is not over the last axis.
package struct ONNXExporter: Exporter {
  package static let name = "onnx"
  package static let summary =
    "ONNX of standard operators, operator set 11: weights as bits, unpacked by a table; any runtime"
  package static let fileExtension = "packed.onnx"
  package static let mark = ONNXFile.mark

  package init() {}

  package func export(_ model: PackedModel, to path: String) throws(ExportError) {
    try ONNXFile(model, isCompact: false).write(to: path)
  }
}

/// ONNX with weights as integers of 2, 4 and 8 bits, where they are that: `formats/onnx.md`.
///
/// A runtime can keep these weights small in memory. Needs operator set 25 for 2 bits, which onnxruntime has from 1.24
/// on; 21 for 4 bits, 13 for 8.
package struct ONNXCompactExporter: Exporter {
  package static let name = "onnx-compact"
  package static let summary =
    "as onnx, but weights of 2 bits or more as INT2, INT4, INT8 (operator set 13 to 25): onnxruntime from 1.24 on"
  package static let fileExtension = "compact.onnx"
  package static let mark = ONNXFile.mark

  package init() {}

  package func export(_ model: PackedModel, to path: String) throws(ExportError) {
    try ONNXFile(model, isCompact: true).write(to: path)
  }
}

/// A packed model as the bytes of an ONNX file.
package struct ONNXFile {
  /// The lowest operator set that has every node of it.
  package let operatorSet: Int
  /// The whole file. The same model gives the same bytes.
  package let bytes: Data

  /// The name of the producer, as protobuf has it: field 2, six letters.
  static let mark = "\u{12}\u{6}signum"

  /// What protobuf allows for one file.
  package static let largest = Int(Int32.max)

  /// Throws `ExportError` where the layers of the model do not fit together, or the file would be too large.
  package init(_ model: PackedModel, isCompact: Bool, largest: Int = largest) throws(ExportError) {
    let place = model.provenance.source
    let shapes: PackedShapes
    do { shapes = try PackedShapes(of: model) } catch { throw ExportError(place, ["\(error)"]) }
    // Floats are the larger part by far where a file is too large; nothing else is copied before this is known.
    let floats = model.layers.reduce(0) { $0 + $1.kind.floatWeightBytes }
    guard floats <= largest else { throw Self.tooLarge(place, floats, largest) }
    let document = ONNXLayers(model, shapes, weights: ONNXWeights(isCompact: isCompact)).written()
    let output = model.layers[model.layers.count - 1].name
    operatorSet = document.operatorSet
    bytes = Data(
      document.bytes(
        "signum", input: .init(name: model.input.name, shape: .batched(model.input.shape)),
        output: .init(name: output, shape: .batched(shapes.values[model.layers.count])), tool: model.provenance.tool,
        properties: Self.properties(of: model, isDequantized: document.operations.contains("DequantizeLinear"))))
    guard bytes.count <= largest else { throw Self.tooLarge(place, bytes.count, largest) }
  }

  private static func tooLarge(_ place: String, _ count: Int, _ largest: Int) -> ExportError {
    ExportError(place, ["would be an ONNX file of \(count) bytes, but protobuf allows \(largest)"])
  }

  /// What the packed file says of itself, and what a runtime must be told to compute with floats.
  private static func properties(of model: PackedModel, isDequantized: Bool) -> [(String, String)] {
    let provenance = model.provenance
    var properties = [
      ("signum.source", provenance.source), ("signum.source_hash", provenance.sourceHash),
      ("signum.recipe", provenance.recipe), ("signum.seed", "\(provenance.seed)"), ("signum.tool", provenance.tool),
    ]
    if let threads = provenance.threads { properties.append(("signum.threads", "\(threads)")) }
    if let normalization = model.input.normalization {
      properties += [
        ("signum.scale", "\(normalization.scale)"), ("signum.mean", words(normalization.mean)),
        ("signum.deviation", words(normalization.deviation)),
      ]
    }
    if isDequantized { properties.append(("signum.session.session.qdq_matmulnbits_accuracy_level", "1")) }
    return properties
  }

  private static func words(_ numbers: [Float]) -> String { numbers.map { "\($0)" }.joined(separator: ",") }

  /// Writes the file, whole or not at all.
  package func write(to path: String) throws(ExportError) {
    do { try WholeFile.write(bytes, to: path) } catch { throw ExportError(path, ["cannot be written: \(error)"]) }
  }
}

extension PackedLayer.Kind {
  fileprivate var floatWeightBytes: Int {
    switch self {
    case .convolution(_, _, _, .float(let weight), _), .dense(.float(let weight), _): weight.count * 4
    default: 0
    }
  }
}
