import Compute
import Tensors

/// Two tensors, element by element: the larger one, a power, a comparison, a logical or bitwise combination; where one
/// has size 1 along an axis, or fewer axes, it is repeated.
///
/// Only the larger, the smaller and the power have a backward rule. For sums and products see `Add` and `Multiply`.
package struct Combine: Operator {
  package static let name = "combine"
  package var combination: Combination
  package init(_ combination: Combination) { self.combination = combination }

  package func shape(of inputs: [Shape]) throws(ShapeError) -> Shape { try broadcastShape(inputs) }

  package func forward(_ inputs: [Tensor], at moment: Moment) -> Evaluation {
    Evaluation(inputs[0].combined(combination, with: inputs[1]))
  }

  package func backwardReads(input: Int) -> Bool { hasSlope }
  package var backwardReadsOutput: Bool { combination == .raised }

  private var hasSlope: Bool { [.larger, .smaller, .raised].contains(combination) }

  package func backward(
    _ gradient: Tensor, from evaluation: Evaluation, inputs: [Tensor], needed: [Bool], at moment: Moment
  ) -> [Tensor?] {
    guard hasSlope else { return [nil, nil] }
    let (a, b) = (inputs[0], inputs[1])
    let slopes: (Tensor, Tensor)
    switch combination {
    case .larger: slopes = (b.combined(.lessOrEqual, with: a), a.combined(.less, with: b))
    case .smaller: slopes = (a.combined(.lessOrEqual, with: b), b.combined(.less, with: a))
    default:
      // d(a ^ b) = b · a ^ (b − 1) · da + y · log a · db
      let lower = a.combined(.raised, with: b.combined(.minus, with: Tensor(scalar: 1)))
      slopes = (lower.combined(.times, with: b), evaluation.output.combined(.times, with: a.applying(.logarithm)))
    }
    return [
      needed[0] ? gradient.combined(.times, with: slopes.0).summed(to: a.shape) : nil,
      needed[1] ? gradient.combined(.times, with: slopes.1).summed(to: b.shape) : nil,
    ]
  }

  package func path(for inputs: [Shape]) -> TrainingPath {
    hasSlope ? .fused : .plain("runs forward only: nothing before it learns")
  }
}
