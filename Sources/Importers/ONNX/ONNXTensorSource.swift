import Tensors

/// The weights of an ONNX file and of the files beside it, one at a time.
///
/// Nothing but the bones of the model is in memory; the pages of a weight that was read are handed back.
package final class ONNXTensorSource: TensorSource {
  package let entries: [TensorEntry]
  private let path: String
  private let tensors: [String: ONNXTensor]
  private var files: ONNXFiles

  /// Throws what is wrong with the file as a whole; what is wrong with a weight is said when it is read.
  package init(_ path: String) throws(ImportError) {
    self.path = path
    do {
      let file = try MappedFile(path)
      let model = try ONNXModel(ONNXSkeleton(of: file.bytes))
      guard model.problems.isEmpty else { throw ImportError(path, model.problems) }
      // Two branches may have a name each for itself; what occurs twice in the graph is among the problems.
      var seen: Set<String> = []
      let all = model.tensors.filter { seen.insert($0.name).inserted }
      entries = all.map(TensorEntry.init)
      tensors = Dictionary(uniqueKeysWithValues: all.map { ($0.name, $0) })
      files = ONNXFiles(file, path: path)
    } catch {
      throw ImportError(path, explaining: error)
    }
  }

  package func read(_ name: String) throws(ImportError) -> Tensor {
    guard let tensor = tensors[name] else { throw problem(name, "there is no such tensor") }
    let literal: Literal
    do { literal = try tensor.decoded(from: &files) } catch { throw problem(name, error.words) }
    files.releasePages()
    if let floats = literal.tensor { return floats }
    return Tensor(literal.shape, scalars: (literal.integers ?? []).map { Float($0) })
  }

  private func problem(_ name: String, _ words: String) -> ImportError {
    ImportError(path, .value("constant", name: name, problem: words))
  }
}

extension ONNXImporter {
  package static func tensors(in path: String) throws(ImportError) -> (any TensorSource)? {
    try ONNXTensorSource(path)
  }
}
