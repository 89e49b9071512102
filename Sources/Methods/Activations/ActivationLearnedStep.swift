import Graphs
import Tensors

/// What layers read as numbers of few bits: whole multiples of a step that is trained, one for each layer.
///
///     q = step · clip(x / step rounded, 0, 2ᵇ − 1)               after a rectifier
///     q = step · clip(x / step rounded, −2ᵇ⁻¹, 2ᵇ⁻¹ − 1)         else
///
/// The gradients are those of `Quantize`. The step begins at `2 · mean|x| / √(largest level)` of the first images.
/// Rectifiers stay.
///
/// Esser et al., Learned Step Size Quantization, 2020, https://arxiv.org/abs/1902.08153
package struct ActivationLearnedStep: ActivationMethod {
  package static let name = "learned-step"
  package static let summary = "whole multiples of a trained step (LSQ)"
  package static let paper = "Esser et al. 2020, arXiv 1902.08153"
  package var bits = 4
  package init() {}

  package var problem: String? { bitsProblem(bits) }

  package func quantize(
    _ x: Graph.Node.ID, for layer: String, isNonnegative: Bool, start: Float, in graph: inout Graph
  ) throws(ShapeError) -> Graph.Node.ID {
    try graph.addQuantize(Quantize(bits: bits, isSigned: !isNonnegative, start: start), of: x, for: layer)
  }
}

/// What is wrong with a number of bits, or nil.
func bitsProblem(_ bits: Int) -> String? {
  (2...8).contains(bits) ? nil : "option 'bits' must be from 2 to 8, not \(bits); for 1 bit there are signs"
}

extension Graph {
  /// A quantized input of a layer, with a step that is to be measured.
  mutating func addQuantize(_ operation: Quantize, of x: Node.ID, for layer: String) throws(ShapeError) -> Node.ID {
    let step = addConstant("\(layer).quantize.step", Tensor([1], repeating: 1))
    return try add("\(layer).quantize", operation, [x, step])
  }
}
