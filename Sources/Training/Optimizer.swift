import Compute
import Graphs
import Tensors

/// How a gradient moves a parameter.
///
/// Closed on purpose: a checkpoint holds the moments of each case.
package enum Optimizer: String, Hashable, Sendable, Codable, CaseIterable {
  /// Stochastic gradient descent with momentum.
  case sgd
  /// The same with Nesterov's look ahead.
  case nesterov
  /// Moments of first and second order; weight decay joins the gradient.
  case adam
  /// Adam whose weight decay shrinks the weight itself.
  case adamw

  /// How many tensors of a parameter's shape it remembers between steps.
  package var momentCount: Int {
    switch self {
    case .sgd, .nesterov: 1
    case .adam, .adamw: 2
    }
  }
}

/// How parameters are updated: the optimizer, and what it treats in which way.
package struct UpdateRule: Hashable, Sendable, Codable {
  package var optimizer = Optimizer.sgd
  /// Of the velocity or, for Adam, of the first moment.
  package var momentum: Float = 0.9
  /// Of the second moment; Adam only.
  package var secondMomentum: Float = 0.999
  /// What Adam adds to the root of the second moment.
  package var epsilon: Float = 1e-8
  /// Weight decay, by what a parameter is. What is not named has none.
  package var decay: [ParameterRole: Float] = [.weight: 1e-4]
  /// The learning rate of companions, as a multiple of that of weights.
  package var companionRate: Float = 1
  /// The largest norm of the gradient for all parameters together; a longer one is shortened. Nil leaves it as it is.
  package var clipping: Float?
  /// How much of the running average of the parameters stays at each step; nil keeps none.
  package var averaging: Float?

  package init() {}

  func rate(_ rate: Float, for role: ParameterRole) -> Float { role == .companion ? rate * companionRate : rate }
}

/// What a parameter is for its layer.
package enum ParameterRole: String, Hashable, Sendable, Codable, CaseIterable {
  /// The kernel of a convolution or the matrix of a dense layer, latent or not.
  case weight
  case bias
  /// Scale and shift of a batch norm.
  case normalization
  /// What a method learns beside a weight, and what other operators learn: levels, thresholds.
  case companion

  /// - Parameter input: the place of the parameter among the inputs of the operator.
  init(of operation: any Operator, input: Int) {
    switch operation {
    case is any WeightCoding: self = input == 0 ? .weight : .companion
    case is Convolution, is Dense: self = input == 1 ? .weight : .bias
    case is BatchNorm: self = .normalization
    default: self = .companion
    }
  }
}

extension UpdateRule {
  /// One step of one parameter.
  ///
  /// - Parameters:
  ///   - moments: what the optimizer remembers, as many as its `momentCount`.
  ///   - updates: how often this parameter has been updated, this time included.
  func step(
    _ value: inout Tensor, _ moments: inout [Tensor], gradient: Tensor, rate: Float, role: ParameterRole, updates: Int
  ) {
    let (rate, decay) = (self.rate(rate, for: role), decay[role] ?? 0)
    switch optimizer {
    case .sgd, .nesterov:
      momentumStep(
        weight: &value, velocity: &moments[0], gradient: gradient, rate: rate, momentum: momentum, decay: decay,
        nesterov: optimizer == .nesterov)
    case .adam, .adamw:
      let rule = AdamRule(
        rate: rate, firstMomentum: momentum, secondMomentum: secondMomentum, epsilon: epsilon, decay: decay,
        isDecoupled: optimizer == .adamw)
      var second = moments.removeLast()
      adamStep(weight: &value, first: &moments[0], second: &second, gradient: gradient, updates: updates, rule: rule)
      moments.append(second)
    }
  }
}
