import Graphs
import Tensors

/// What layers read as one bit, with a trained threshold for each channel, and rectifiers with trained shifts and
/// slopes.
///
///     RSign(x)  = sign(x + b[c])                             slope: max(0, 2 − 2 · |x + b[c]|)
///     RPReLU(x) = leak(x + before[c]) + after[c],            leak(v) = v where v > 0, else slope[c] · v
///
/// RPReLU takes the place of every rectifier before and after such a layer. Shifts begin at 0 and slopes at 0.25, as in
/// the authors' code; the paper writes x − b.
///
/// Liu et al., ReActNet, 2020, https://arxiv.org/abs/2003.03488
package struct ActivationReactSign: ActivationMethod {
  package static let name = "react-sign"
  package static let summary =
    "sign with a trained shift for each channel; rectifiers with trained shifts and slopes (ReActNet)"
  package static let paper = "Liu et al. 2020, arXiv 2003.03488"
  package init() {}

  package var bits: Int { 1 }
  package var replaces: ReplacedRectifiers { .around }

  package func rectify(
    _ x: Graph.Node.ID, named name: String, in graph: inout Graph
  ) throws(ShapeError) -> Graph.Node.ID {
    let before = try graph.addShift("\(name).before", of: x)
    let leak = try graph.addLeak("\(name).leak", of: before)
    return try graph.addShift(name, of: leak)
  }

  package func quantize(
    _ x: Graph.Node.ID, for layer: String, isNonnegative: Bool, start: Float, in graph: inout Graph
  ) throws(ShapeError) -> Graph.Node.ID {
    let shifted = try graph.addShift("\(layer).shift", of: x)
    return try graph.add("\(layer).sign", SignActivation(start: start, estimator: .approximate), [shifted])
  }
}

extension Graph {
  /// A learned shift for each channel that begins at 0.
  fileprivate mutating func addShift(_ name: String, of x: Node.ID) throws(ShapeError) -> Node.ID {
    let value = addConstant("\(name).value", Tensor(channelwise(self[x].shape), repeating: 0))
    return try add(name, LearnedShift(), [x, value])
  }
}
