import Graphs
import Tensors

/// Reads ONNX files of operator sets 6 to 27, with their weights inside or beside them.
///
/// Whatever the bytes are, it throws or imports: the file is scanned before protobuf-c sees it, and every number that
/// comes out of it is checked before it is calculated with. Weights become constants under the names that they have in
/// the file; what the file computes from constants, and from shapes, is computed here.
package enum ONNXImporter: Importer {
  package static let name = "onnx"
  package static let summary = "ONNX models, operator sets 6 to 27, weights inside or in files beside the model"
  package static let fileExtensions = ["onnx"]
  static let operatorSets = 6...27

  package static func graph(from path: String, inputShapes: [String: Shape]) throws(ImportError) -> Graph {
    try translation(path, inputShapes, known: [:], holdsForAnyBatch: true).graph
  }

  /// The model with the values of some of its inputs made constant, for these shapes alone: its first axes need not be
  /// a batch, and its inputs may be single numbers or empty.
  ///
  /// Some operators need numbers that decide about shapes while importing; `ImportError.inputsToKnow` names the inputs
  /// that they would have to come from.
  package static func fixedGraph(
    from path: String, inputShapes: [String: Shape], known: [String: ONNXValues] = [:]
  ) throws(ImportError) -> Graph {
    let literals = known.mapValues(\.literal)
    return try translation(path, inputShapes, known: literals, holdsForAnyBatch: false).graph
  }

  private static func translation(
    _ path: String, _ shapes: [String: Shape], known: [String: Literal], holdsForAnyBatch: Bool
  ) throws(ImportError) -> ONNXTranslation {
    do {
      let file = try MappedFile(path)
      try refuseText(file.bytes)
      let model = try ONNXModel(ONNXSkeleton(of: file.bytes))
      let operatorSet = try operatorSet(of: model)
      var translation = ONNXTranslation(
        model, operatorSet: operatorSet, files: ONNXFiles(file, path: path), source: ImportError.name(of: path),
        holdsForAnyBatch: holdsForAnyBatch)
      translation.addInputs(model.inputs, given: shapes, known: known)
      for node in model.nodes { translation.translate(node) }
      translation.addOutputs(model.outputs)
      let problems = model.problems + translation.allProblems
      guard problems.isEmpty else { throw ImportError(path, problems) }
      translation.graph.companionFiles = translation.files.externalPaths
      return translation
    } catch {
      throw ImportError(path, explaining: error)
    }
  }

  /// The names of the inputs of a model that have no value in the file, in its order.
  package static func inputNames(of path: String) throws(ImportError) -> [String] {
    do {
      let file = try MappedFile(path)
      let model = try ONNXModel(ONNXSkeleton(of: file.bytes))
      let constants = Set(model.initializers.map(\.name))
      return model.inputs.map(\.name).filter { !constants.contains($0) }
    } catch { throw ImportError(path, error) }
  }

  private static func operatorSet(of model: ONNXModel) throws(ImportError.Problem) -> Int {
    guard let version = model.opsets[""] else {
      throw .model("is not an ONNX model, or one that names no operator set")
    }
    guard operatorSets.contains(version) else {
      let known = "\(operatorSets.lowerBound) to \(operatorSets.upperBound)"
      throw .model("operator set \(version) is not supported, only \(known)")
    }
    return version
  }

  static func refuseText(_ bytes: UnsafeRawBufferPointer) throws(ImportError.Problem) {
    let beginning = bytes.prefix(256)
    if beginning.starts(with: "version https://git-lfs".utf8) { throw .largeFilePointer }
    // A model begins with the tag of a field: no letter, no digit and no line end is one that occurs.
    if beginning.allSatisfy({ ($0 >= 32 && $0 != 127) || $0 == 9 || $0 == 10 || $0 == 13 }) { throw .text }
  }
}
