import Graphs

/// What layers read as numbers of few bits, with the slope of a staircase whose corners logistic noise rounds.
///
/// Forward the same as `learned-step`: the most probable of the levels is the nearest one. Backward the gradient flows
/// through the probabilities of all levels (`StaircaseEstimator.smooth`).
///
/// Ours: the gradient through all probabilities, where the paper's takes that of the chosen level alone, which gives
/// nothing to numbers near 0; and a spread of the noise that is a fixed part of the step instead of a trained number.
/// The step begins and is scaled as in `learned-step`.
///
/// Lee et al., Semi-Relaxed Quantization, 2019, https://arxiv.org/abs/1911.12990; the same authors, Cluster-Promoting
/// Quantization, 2021, https://arxiv.org/abs/2109.02100
package struct ActivationSemiRelaxed: ActivationMethod {
  package static let name = "semi-relaxed"
  package static let summary = "whole multiples of a trained step, with the slope of its noisy mean (SRQ, CPQ)"
  package static let paper = "Lee et al. 2019, arXiv 1911.12990; 2021, arXiv 2109.02100"
  package var bits = 4
  /// The spread of the noise as a part of the step.
  package var spread: Float = 0.33333334
  package init() {}

  package var problem: String? {
    bitsProblem(bits)
      ?? ((0.05...2).contains(spread) ? nil : "option 'spread' must be from 0.05 to 2, not \(spread)")
  }

  package func quantize(
    _ x: Graph.Node.ID, for layer: String, isNonnegative: Bool, start: Float, in graph: inout Graph
  ) throws(ShapeError) -> Graph.Node.ID {
    let operation = Quantize(bits: bits, isSigned: !isNonnegative, estimator: .smooth(spread: spread), start: start)
    return try graph.addQuantize(operation, of: x, for: layer)
  }
}
