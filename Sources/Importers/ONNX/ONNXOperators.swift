import Graphs
import Tensors

/// What the importer makes of each ONNX operator.
///
/// A handler gets a node all of whose inputs were made, and returns the value of its first output: a node that it added
/// to the graph, or a literal where everything that counts is known already.
enum ONNXOperators {
  typealias Handler = @Sendable (ONNXNode, inout ONNXTranslation) throws(ImportError.Problem) -> ONNXValue

  /// By the name that the operator has in ONNX.
  static let handlers: [String: Handler] = [
    windows, products, activations, functions, movements, paddings, selections, elements, patterns, reductions, shapes,
    arithmetic, logic, normalizations, resizings, quantizations, attention, recurrence, control, sums,
  ]
  .reduce(into: [:]) { all, some in all.merge(some) { _, _ in preconditionFailure("an operator has two handlers") } }

  /// Those that are there for arithmetic with constants and shapes only.
  static let literalOnly: Set<String> = ["BitCast", "NonZero", "Range", "Unique"]

  /// In alphabetical order.
  static var names: [String] { handlers.keys.sorted() }
}
