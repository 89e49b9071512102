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
  /// What the file says of itself without its weights being read; nil where the format does not tell.
  static func contents(of path: String) throws(ImportError) -> ModelContents?
  /// The tensors of a file one at a time, whatever network they belong to; nil where the format does not list them.
  static func tensors(in path: String) throws(ImportError) -> (any TensorSource)?
}

extension Importer {
  package static func contents(of path: String) throws(ImportError) -> ModelContents? { nil }
  package static func tensors(in path: String) throws(ImportError) -> (any TensorSource)? { nil }

  package static func graph(from path: String) throws(ImportError) -> Graph { try graph(from: path, inputShapes: [:]) }
}

/// Every importer that there is.
package let importers: [any Importer.Type] = [
  ONNXImporter.self,
  KerasImporter.self,
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
  var graph = try importer.graph(from: path, inputShapes: inputShapes)
  graph.warnings += graph.oddNumbers
  return graph
}

extension Graph {
  /// A line for each constant with elements that are not numbers, which spread to everything. Infinities may be meant:
  /// in masks they are.
  var oddNumbers: [String] {
    nodes.compactMap { node in
      guard case .constant(.dense(let tensor)) = node.content else { return nil }
      let count = tensor.withUnsafeFloats { $0.reduce(0) { $1.isNaN ? $0 + 1 : $0 } }
      guard count > 0 else { return nil }
      return "\(source): tensor '\(node.name)': \(count) of its \(tensor.count) elements are NaN"
    }
  }
}
