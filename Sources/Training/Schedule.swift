import Foundation

/// A length of training: a share of the whole, or epochs.
///
/// In a recipe a number from 0 to 1 is a share, and `3 epochs` are epochs.
package enum Span: Hashable, Sendable {
  case share(Float)
  case epochs(Float)

  /// In epochs; no training has more.
  private static let longest: Float = 100_000

  /// As recipes write it; nil for anything else.
  package init?(_ text: String) {
    let words = text.split(separator: " ", omittingEmptySubsequences: true)
    guard let number = words.first.flatMap({ Float($0) }), number >= 0, number <= Self.longest else { return nil }
    switch words.dropFirst().first {
    case nil where number <= 1: self = .share(number)
    case "epochs", "epoch": self = .epochs(number)
    default: return nil
    }
    guard words.count <= 2 else { return nil }
  }

  /// Whole steps, of training that has `count` of them in so many epochs.
  func steps(of count: Int, epochs: Int) -> Int {
    switch self {
    case .share(let share): Int((Double(share) * Double(count)).rounded())
    case .epochs(let length): Int((Double(length) * Double(count) / Double(max(epochs, 1))).rounded())
    }
  }
}

extension Span: Codable, CustomStringConvertible {
  package var description: String {
    switch self {
    case .share(let share): "\(share)"
    case .epochs(let epochs): epochs == epochs.rounded() ? "\(Int(epochs)) epochs" : "\(epochs) epochs"
    }
  }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let text = try (try? container.decode(Float.self)).map { "\($0)" } ?? container.decode(String.self)
    guard let span = Span(text) else {
      throw DecodingError.dataCorruptedError(
        in: container, debugDescription: "a share from 0 to 1 is wanted, or '3 epochs'")
    }
    self = span
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    if case .share(let share) = self { try container.encode(share) } else { try container.encode(description) }
  }
}

/// How the learning rate moves along training: a pure function of the step.
package struct Schedule: Hashable, Sendable, Codable {
  package enum Curve: String, Hashable, Sendable, Codable, CaseIterable {
    case constant
    /// Half a cosine down to the end.
    case cosine
    /// A straight line down to the end.
    case linear
    /// Times a factor at each milestone.
    case step
    /// Up from a 25th along half a cosine, and down to the end along another (Smith and Topin, 2018).
    case oneCycle = "one-cycle"
  }
  package var curve = Curve.cosine
  /// The rise in a straight line before the curve begins. One-cycle, which rises by itself, rises for so long instead;
  /// nil means 0, or 0.3 of training for one-cycle.
  package var warmUp: Span?
  /// Where the rate is multiplied by `milestoneFactor`, from the start of training on.
  package var milestones: [Span] = [.share(0.5), .share(0.75)]
  package var milestoneFactor: Float = 0.1
  /// What cosine, linear and one-cycle come down to.
  package var end: Float = 0

  package init(_ curve: Curve = .cosine) { self.curve = curve }

  /// A step of training, counted from 0.
  package struct Position: Hashable, Sendable {
    package var epoch: Int
    package var epochs: Int
    /// Of this epoch.
    package var step: Int
    /// Of each epoch.
    package var steps: Int

    package init(epoch: Int = 0, epochs: Int = 1, step: Int, steps: Int) {
      self.epoch = epoch
      self.epochs = epochs
      self.step = step
      self.steps = steps
    }

    /// From the first step of all.
    package var index: Int { epoch * steps + step }
    package var count: Int { epochs * steps }
    /// How much of training lies behind, from 0 to 1.
    package var through: Float { (Float(epoch) + Float(step) / Float(steps)) / Float(epochs) }
  }

  /// The learning rate of a step, where `top` is the largest.
  ///
  ///     warm-up   top · (step + 1) / (warm-up + 1)
  ///     cosine    end + (top − end) · (1 + cos(π · t)) / 2     with t from 0 to 1 over what follows the warm-up
  ///     linear    end + (top − end) · (1 − t)
  ///     step      top · factorᵐ after m milestones
  package func rate(_ top: Float, at position: Position) -> Float {
    if curve == .oneCycle { return oneCycle(top, position) }
    let warmUp = (warmUp ?? .share(0)).steps(of: position.count, epochs: position.epochs)
    guard position.index >= warmUp else { return top * Float(position.index + 1) / Float(warmUp + 1) }
    let through =
      warmUp == 0 ? position.through : Float(position.index - warmUp) / Float(max(position.count - warmUp, 1))
    switch curve {
    case .constant: return top
    case .cosine, .oneCycle: return end + (top - end) * (1 + cos(Float.pi * through)) / 2
    case .linear: return end + (top - end) * (1 - through)
    case .step:
      let passed = milestones.count { position.index >= $0.steps(of: position.count, epochs: position.epochs) }
      return top * pow(milestoneFactor, Float(passed))
    }
  }

  /// The last step of the rise has the largest rate, the last step of training the end's.
  private func oneCycle(_ top: Float, _ position: Position) -> Float {
    let rise = Float((warmUp ?? .share(0.3)).steps(of: position.count, epochs: position.epochs) - 1)
    let index = Float(position.index)
    if index < rise { return between(top / 25, top, index / rise) }
    return between(top, end, (index - max(rise, 0)) / max(Float(position.count - 1) - max(rise, 0), 1))
  }

  private func between(_ first: Float, _ last: Float, _ share: Float) -> Float {
    last + (first - last) * (1 + cos(Float.pi * min(share, 1))) / 2
  }
}
