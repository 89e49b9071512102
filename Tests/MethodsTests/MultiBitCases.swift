import Foundation
import TestSupport

/// What PyTorch's autograd computes: `fixtures/methods/multi_bit.json`, by `fixtures/make/multi_bit_cases.py`.
struct MultiBitCases: Decodable {
  struct LearnedStepCase: Decodable {
    var bits: Int
    var ternary, perChannel: Bool
    /// `[3, 20]`
    var weight, gradient, value, weightGradient: [Float]
    /// The step to begin with, the one used, and the gradient for it.
    var start, step, stepGradient: [Float]
  }
  struct SemiRelaxedCase: Decodable {
    var bits, fewest: Int
    var literal: Bool
    /// Of each level that may be dropped: what was drawn, its logit, how much of it and all below is kept.
    var uniforms, logits, kept: [Float]
    var logAlpha, logSigma: Float
    var weight, gradient, weightGradient: [Float]
    var symbols: [Int8]
    var logAlphaGradient, logSigmaGradient: Float
    var logitGradient: [Float]
  }
  var learnedSteps: [LearnedStepCase]
  var semiRelaxed: [SemiRelaxedCase]

  static let all: MultiBitCases = {
    let file = URL(fileURLWithPath: Project.path("fixtures/methods/multi_bit.json"))
    return try! JSONDecoder().decode(MultiBitCases.self, from: Data(contentsOf: file))
  }()
}

/// Whether numbers agree within a share of the largest.
func agree(_ found: [Float], _ expected: [Float], within tolerance: Float) -> Bool {
  let largest = expected.reduce(Float(0)) { max($0, abs($1)) }
  return found.count == expected.count
    && zip(found, expected).allSatisfy { abs($0 - $1) <= tolerance * max(largest, 1e-6) }
}
