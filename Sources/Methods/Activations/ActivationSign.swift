import Graphs

/// What layers read as one bit: the sign of each number, with sign(0) = +1.
///
/// A rectifier before such a layer becomes Hardtanh, `min(1, max(−1, x))`, because after a rectifier every sign would
/// be +1.
///
/// Hubara et al., Binarized Neural Networks, 2016, https://arxiv.org/abs/1602.02830; for the other estimators see
/// `SignEstimator`.
package struct ActivationSign: ActivationMethod {
  package static let name = "sign"
  package static let summary = "the sign of each number; Hardtanh in the place of rectifiers"
  package static let paper = "Hubara et al. 2016, arXiv 1602.02830"

  package enum Estimator: String, NamedOption {
    case straightThrough = "straight-through"
    /// Bi-Real Net's.
    case approximate
    /// IR-Net's.
    case errorDecay = "error-decay"
  }
  /// How the gradient passes the sign.
  package var estimator = Estimator.straightThrough
  /// The sharpness of the slope at the start and at the end of training; of error-decay only.
  package var sharpnessAtStart: Float = 0.1
  package var sharpnessAtEnd: Float = 10
  package init() {}

  enum CodingKeys: String, CodingKey {
    case estimator
    case sharpnessAtStart = "sharpness-at-start"
    case sharpnessAtEnd = "sharpness-at-end"
  }

  package var problem: String? {
    sharpnessAtStart >= 1e-6 && sharpnessAtEnd >= sharpnessAtStart && sharpnessAtEnd <= 1e6
      ? nil : "sharpness must be from 1e-6 to 1e6 and not fall from start to end"
  }

  package var bits: Int { 1 }
  package var replaces: ReplacedRectifiers { .before }

  private var signEstimator: SignEstimator {
    switch estimator {
    case .straightThrough: .straightThrough
    case .approximate: .approximate
    case .errorDecay: .errorDecay(from: sharpnessAtStart, to: sharpnessAtEnd)
    }
  }

  package func quantize(
    _ x: Graph.Node.ID, for layer: String, isNonnegative: Bool, start: Float, in graph: inout Graph
  ) throws(ShapeError) -> Graph.Node.ID {
    try graph.add("\(layer).sign", SignActivation(start: start, estimator: signEstimator), [x])
  }
}
