import Foundation
import Graphs
import Tensors

/// Reads a pretrained model from a file that nobody has checked.
package protocol Importer: Sendable {
  /// The name in lists and logs. Never changes once released.
  static var name: String { get }
  /// What it reads, in a sentence, for `signum list importers`.
  static var summary: String { get }
  /// Lower case, without the dot.
  static var fileExtensions: [String] { get }
  /// The model as a graph. `inputShapes` says, by input name, what the file leaves open.
  static func graph(from path: String, inputShapes: [String: Shape]) throws(ImportError) -> Graph
}

extension Importer {
  package static func graph(from path: String) throws(ImportError) -> Graph { try graph(from: path, inputShapes: [:]) }
}

/// Every importer that there is.
package let importers: [any Importer.Type] = [
  ONNXImporter.self
]

/// Reads a model with the importer that its file extension names.
package func importGraph(from path: String, inputShapes: [String: Shape] = InputShapes.given) throws(ImportError)
  -> Graph
{
  let fileExtension = (path as NSString).pathExtension.lowercased()
  guard let importer = importers.first(where: { $0.fileExtensions.contains(fileExtension) }) else {
    let known = importers.flatMap { $0.fileExtensions }
    throw ImportError(path, .unknownExtension(fileExtension, known: known))
  }
  return try importer.graph(from: path, inputShapes: inputShapes)
}
