import Graphs
import Packed
import Tensors

/// Writes a network of bits to a file of some format.
package protocol Exporter: Sendable {
  /// The name in lists. Never changes once released.
  static var name: String { get }
  /// What the file is, in a sentence, for `signum list exporters`.
  static var summary: String { get }
  /// Without the dot. No two exporters have the same, and none is taken for a source.
  static var fileExtension: String { get }
  /// What is among the first 512 bytes of every file of it that signum wrote, and of no float network.
  static var mark: String { get }
  init()
  /// Throws `ExportError` where the model has what the format has not, or the file cannot be written.
  func export(_ model: PackedModel, to path: String) throws(ExportError)
}

extension Exporter {
  /// Exports a frozen graph. Throws `ExportError` also where it has what no packed model has.
  package func export(_ graph: Graph, to destination: Destination) throws(ExportError) {
    let model = try Lowering(graph).model(
      normalization: destination.normalization, provenance: destination.provenance)
    try export(model, to: destination.path)
  }
}

/// Where an export goes, and what it says of itself.
package struct Destination: Sendable {
  package var path: String
  /// How bytes become the input of the network, where that is known.
  package var normalization: Normalization?
  package var provenance: PackedModel.Provenance

  package init(path: String, normalization: Normalization?, provenance: PackedModel.Provenance) {
    self.path = path
    self.normalization = normalization
    self.provenance = provenance
  }
}

/// Every exporter.
package let exporters: [any Exporter.Type] = [
  PackedExporter.self, ONNXExporter.self, ONNXCompactExporter.self,
]

/// The packed format of signum: `formats/packed.md`.
package struct PackedExporter: Exporter {
  package static let name = "packed"
  package static let summary = "the model as bits: a safetensors file that SignumRuntime runs"
  package static let fileExtension = "signum"
  package static let mark = "\"format\":\"signum-"
  /// How ternary weights lie in the file: five in a byte, which is smallest, or four.
  package var ternary: SymbolRows.Storage

  package init() { self.init(ternary: .trits) }

  package init(ternary: SymbolRows.Storage) { self.ternary = ternary }

  package func export(_ graph: Graph, to destination: Destination) throws(ExportError) {
    let model = try Lowering(graph, ternary: ternary).model(
      normalization: destination.normalization, provenance: destination.provenance)
    try export(model, to: destination.path)
  }

  package func export(_ model: PackedModel, to path: String) throws(ExportError) {
    do { try PackedFile.write(model, to: path) } catch { throw ExportError(path, ["\(error)"]) }
  }
}

/// Why a graph could not be exported: everything that stands in the way at once.
package struct ExportError: Error, Hashable, CustomStringConvertible {
  package var place: String
  package var problems: [String]

  package init(_ place: String, _ problems: [String]) {
    self.place = place
    self.problems = problems
  }

  package var description: String {
    problems.map { $0.hasPrefix(place) ? $0 : "\(place): \($0)" }.joined(separator: "\n")
  }
}
