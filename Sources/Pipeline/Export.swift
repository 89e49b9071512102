import Exporters
import Foundation
import Methods
import Packed

/// Packed files written again in other formats.
package enum Export {
  /// The exporter of a name. Throws `InputError` where there is none.
  package static func exporter(named name: String) throws -> any Exporter {
    guard let exporter = exporters.first(where: { $0.name == name }) else {
      let known = exporters.map { $0.name }
      throw InputError(["there is no export '\(name)'" + suggestion(for: name, among: known)])
    }
    return exporter.init()
  }

  /// What is wrong with the name of an exporter, in words; nil where there is one of it.
  package static func problem(_ name: String) -> String? {
    do { _ = try exporter(named: name) } catch { return "\(error)" }
    return nil
  }

  /// Where the export of a packed file goes that has no name of its own: beside it, with another ending.
  package static func path(for packed: String, _ exporter: any Exporter) -> String {
    let ending = ".\(PackedExporter.fileExtension)"
    let bare = packed.lowercased().hasSuffix(ending) ? String(packed.dropLast(ending.count)) : packed
    return "\(bare).\(type(of: exporter).fileExtension)"
  }

  /// Writes a packed file in another format. The size of the new file in bytes.
  ///
  /// Throws what the packed reader says, `InputError` where the new file cannot be written, and `ExportError`.
  @discardableResult
  package static func write(_ packed: String, as format: String, to output: String) throws -> Int {
    let exporter = try exporter(named: format)
    try Output.check(output, sources: [packed], as: .export(exporter))
    let model = try AnyModel.packed(packed)
    try Output.making(output, isRenamed: true) { try exporter.export(model, to: output) }
    return Output.size(output)
  }
}
