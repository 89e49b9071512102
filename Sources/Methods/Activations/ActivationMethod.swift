import Graphs
import Tensors

/// A way to make what a layer reads a number of few bits, and to train through it.
///
/// A method *is* its options: its stored properties are what a recipe may set.
package protocol ActivationMethod: Configurable {
  /// How many bits a layer reads of each number.
  var bits: Int { get }

  /// Which rectifiers give way to `rectify`.
  var replaces: ReplacedRectifiers { get }

  /// Adds what takes the place of a rectifier; the last node bears its name.
  func rectify(_ x: Graph.Node.ID, named name: String, in graph: inout Graph) throws(ShapeError) -> Graph.Node.ID

  /// Adds what makes few bits of the input of a layer.
  ///
  /// - Parameters:
  ///   - isNonnegative: whether nothing that arrives is below 0.
  ///   - start: the progress of training until which x passes as it is.
  func quantize(
    _ x: Graph.Node.ID, for layer: String, isNonnegative: Bool, start: Float, in graph: inout Graph
  ) throws(ShapeError) -> Graph.Node.ID
}

/// Which rectifiers an activation method puts something else in the place of.
package enum ReplacedRectifiers: Sendable {
  case none
  /// Those that its layers read: after a rectifier nothing is negative, and every sign would be +1.
  case before
  /// Those, and the ones that read its layers.
  case around
}

extension ActivationMethod {
  package var replaces: ReplacedRectifiers { .none }

  package func rectify(
    _ x: Graph.Node.ID, named name: String, in graph: inout Graph
  ) throws(ShapeError) -> Graph.Node.ID {
    try graph.add(name, Clip(minimum: -1, maximum: 1), [x])
  }
}

/// Every activation method but `float`, which is none. A newcomer adds one line here, and is held to the activation
/// laws from then on.
package let activationMethods: [any ActivationMethod.Type] = [
  ActivationLearnedStep.self,
  ActivationReactSign.self,
  ActivationSemiRelaxed.self,
  ActivationSign.self,
]
