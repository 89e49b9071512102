import Datasets

/// How far training has come.
package struct TrainingProgress: Sendable {
  /// From 1.
  package var epoch: Int
  package var epochs: Int
  /// Steps done in this epoch, of `steps`.
  package var step: Int
  package var steps: Int
  /// Mean over the epoch so far.
  package var loss: Float
  package var top1: Float
  /// Of this step.
  package var learningRate: Float
  /// Over the last seconds.
  package var imagesPerSecond: Double
  package var secondsLeft: Double
  /// What came of a whole epoch; nil within one.
  package var summary: EpochSummary?

  package var isEpochEnd: Bool { summary != nil }
  package var validationTop1: Float? { summary?.validationTop1 }
}

/// What an epoch of training came to.
package struct EpochSummary: Codable, Hashable, Sendable {
  /// Mean over the epoch.
  package var loss: Float
  /// Share of right answers in training, from 0 to 1.
  package var top1: Float
  /// On the images set aside, where there are some.
  package var validationTop1: Float?
  /// Of the last step.
  package var learningRate: Float
  /// What the symbols of each coded layer are like.
  package var layers: [LayerSymbols]

  package init(loss: Float, top1: Float, validationTop1: Float?, learningRate: Float, layers: [LayerSymbols]) {
    self.loss = loss
    self.top1 = top1
    self.validationTop1 = validationTop1
    self.learningRate = learningRate
    self.layers = layers
  }
}

/// How fast images pass.
struct Pace {
  /// Speed is measured over this many seconds.
  private static let window = Duration.seconds(10)
  private let start = ContinuousClock.now
  private var images = 0
  /// The images that had passed at some moments, at least a fifth of a second apart, the oldest just outside the
  /// window.
  private var marks: [(time: ContinuousClock.Instant, images: Int)] = []

  /// Forgets what is past, where something else than training took time. To be called before the first step.
  mutating func begin() { marks = [(.now, images)] }

  mutating func advance(by count: Int) {
    images += count
    let now = ContinuousClock.now
    if let last = marks.last, now - last.time > .milliseconds(200) { marks.append((now, images)) }
    while marks.count > 2, now - marks[1].time > Self.window { marks.removeFirst() }
  }

  var imagesPerSecond: Double {
    guard let first = marks.first else { return 0 }
    return Double(images - first.images) / max(first.time.duration(to: .now) / .seconds(1), 1e-9)
  }

  /// For so many more images, at the pace since the start, with all that happens between steps.
  func secondsLeft(_ rest: Int) -> Double {
    start.duration(to: .now) / .seconds(1) / Double(max(images, 1)) * Double(rest)
  }
}
