import Datasets
import Foundation
import Graphs
import Importers
import Packed
import Tensors

/// A float network as it was imported, with what its file was.
package struct SourceModel: Sendable {
  package let path: String
  package let graph: Graph
  /// Of the file, and of those beside it that hold its weights.
  package let bytes: Int
  /// SHA-256 of the file, in hexadecimal; where weights lie beside it, of the hashes of all files one after the other.
  package let hash: String
  /// What is odd about the file, a line each.
  package let warnings: [String]

  /// Imports a model and takes out what costs without computing anything.
  ///
  /// Throws `ImportError`, or `InputError` for what is no float network.
  package init(_ path: String) throws {
    guard !AnyModel.isPacked(path) else {
      throw InputError(["\(path): is named as a packed file; a float network is wanted here"])
    }
    let imported = try importGraph(from: path)
    self.path = path
    warnings = imported.warnings
    do {
      graph = try imported.applying([
        FoldConstants(), RemoveIdentities(), FoldBias(), FuseLayerNorm(), FuseActivations(),
      ])
    } catch {
      throw InputError(["\(path): \(error)"])
    }
    let files = try ([path] + imported.companionFiles).map {
      try Data(contentsOf: URL(fileURLWithPath: $0), options: .alwaysMapped)
    }
    bytes = files.reduce(0) { $0 + $1.count }
    let hashes = files.map { SHA256.hexadecimal(of: $0) }
    hash = hashes.count == 1 ? hashes[0] : SHA256.hexadecimal(of: Data(hashes.joined().utf8))
  }

  package var name: String { URL(fileURLWithPath: path).lastPathComponent }

  /// What this network has that a dataset does not fit, in words.
  package func problems(with data: any Dataset) -> [String] {
    guard graph.inputs.count == 1, graph.outputs.count == 1 else {
      return ["\(name): one input and one output are wanted, not \(graph.inputs.count) and \(graph.outputs.count)"]
    }
    if let problem = batchProblem { return [problem] }
    let input = graph.inputs[0]
    let wanted = Array(input.shape.dimensions.dropFirst())
    let fits = wanted == data.imageShape.dimensions || (wanted.count == 1 && wanted[0] == data.imageShape.count)
    guard fits else {
      return ["\(data.name): the images are \(data.imageShape), but '\(input.name)' of \(name) wants \(Shape(wanted))"]
    }
    guard data.count > 0 else { return ["\(data.name): there are no images"] }
    guard data.labels != nil else { return [] }
    do { try data.checkLabels(classCount: classCount) } catch { return ["\(error)"] }
    return []
  }

  /// Why the network cannot compute each image of a batch on its own, or nil where it can.
  private var batchProblem: String? {
    for batch in [2, 3] {
      do {
        let graph = try graph.withBatch(batch)
        guard graph[graph.outputs[0]].shape.dimensions.first == batch else {
          return "\(name): the output \(graph[graph.outputs[0]].shape) has no row for each of \(batch) images"
        }
      } catch {
        return "\(name): \(error), for a batch of \(batch); a network is wanted that computes each image on its own"
      }
    }
    return nil
  }

  package var classCount: Int {
    let output = graph[graph.outputs[0]].shape
    return output.count / max(output[0], 1)
  }
}

/// Everything that kept a command from its work; a line each.
public struct InputError: Error, CustomStringConvertible {
  public var problems: [String]
  public init(_ problems: [String]) { self.problems = problems }
  public var description: String { problems.joined(separator: "\n") }
}
