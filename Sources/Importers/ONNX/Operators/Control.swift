import Graphs
import Tensors

extension ONNXOperators {
  /// Branches whose condition is known. Loops, and branches that the inputs decide about, are not supported.
  static let control: [String: Handler] = ["If": branch]

  private static func branch(
    _ node: ONNXNode, _ translation: inout ONNXTranslation
  ) throws(ImportError.Problem) -> ONNXValue {
    guard let condition = try translation.literal(node, 0)?.scalar else {
      throw node.problem("its condition must be one truth")
    }
    let name = condition != 0 ? "then_branch" : "else_branch"
    guard let graph = node.attributes[name]?.graph, !graph.outputs.isEmpty else {
      throw node.problem("'\(name)' is missing")
    }
    let values = translation.translated(graph)
    translation.give(laterOutputs: Array(values.dropFirst()))
    return values[0]
  }
}
