import Graphs
import Tensors

/// Reads Keras models: HDF5 files of Keras 1, 2 and 3, `.keras` archives, weights with the architecture beside them,
/// and weights in several files.
///
/// Whatever the bytes are, it throws or imports: HDF5 is read by a child process, JSON and ZIP by readers with limits.
/// Weights are found by name; no code in a file is ever run. Images are `[batch, channels, height, width]` in the
/// graph, whatever order they have in Keras.
package enum KerasImporter: Importer {
  package static let name = "keras"
  package static let summary =
    "Keras 1, 2 and 3: .h5, .keras, and .weights.h5 or .weights.json with the architecture beside it"
  package static let fileExtensions = ["h5", "hdf5", "keras", "json"]

  package static func graph(from path: String, inputShapes: [String: Shape]) throws(ImportError) -> Graph {
    try graph(from: path, inputShapes: inputShapes, opening: HDF5Session.open)
  }

  /// The arrays of numbers in the file, whatever network they belong to; nil for JSON, which holds none.
  package static func tensors(in path: String) throws(ImportError) -> (any TensorSource)? {
    path.lowercased().hasSuffix(".json") ? nil : try HDF5Tensors(path)
  }

  /// - Parameter opening: who reads HDF5 files; in this process only where the file is known to be good.
  package static func graph(
    from path: String, inputShapes: [String: Shape] = [:], opening: HDF5Opening
  ) throws(ImportError) -> Graph {
    do {
      let file = try KerasFile(path, opening: opening)
      let network = try KerasNetwork(file.architecture)
      var translation = KerasTranslation(
        source: ImportError.name(of: path), store: file.store, version: file.version, backend: file.backend,
        hasChannelsFirst: file.hasChannelsFirst, inputShapes: inputShapes)
      translation.translate(network)
      let problems = translation.allProblems
      guard problems.isEmpty else { throw ImportError(path, problems) }
      return translation.finish(companionFiles: file.companions)
    } catch {
      throw ImportError(path, explaining: error)
    }
  }
}
