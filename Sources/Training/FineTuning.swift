import Datasets
import Foundation
import Graphs
import Tensors

/// Trains a network whose weights are coded, from the weights that it has: momentum descent with a cosine schedule,
/// taught by the labels and by the float network that it came from.
package struct FineTuning: Sendable {
  package struct Settings: Hashable, Sendable, Codable {
    package var epochs: Int = 10
    /// Images a step.
    package var batch: Int = 128
    /// At the start; it falls to 0 along half a cosine.
    package var learningRate: Float = 0.02
    package var momentum: Float = 0.9
    /// On weights; biases, batch norms and companions are left alone.
    package var weightDecay: Float = 1e-4
    /// The share of the teacher in the loss, from 0 to 1.
    package var distillation: Float = 0.7
    package var temperature: Float = 3
    package var augmentation: Augmentation = .none
    /// How much of training has passed when a method's schedule reaches its end; the rest is trained hard.
    package var hardAt: Float = 0.9
    package var seed: UInt64 = 1

    package init() {}
  }

  /// How far training has come.
  package struct Progress: Sendable {
    package var epoch: Int
    package var epochs: Int
    /// Steps done in this epoch, of `steps`.
    package var step: Int
    package var steps: Int
    /// Mean over the epoch so far.
    package var loss: Float
    package var top1: Float
    package var imagesPerSecond: Double
    package var secondsLeft: Double
    /// On the images set aside, once an epoch has ended.
    package var validationTop1: Float?
    /// Whether this is the summary of a whole epoch.
    package var isEpochEnd = false
  }

  package enum Failure: Error, CustomStringConvertible {
    case diverged(epoch: Int, step: Int)
    package var description: String {
      switch self {
      case .diverged(let epoch, let step):
        "training diverged: the loss is no longer a number at step \(step) of epoch \(epoch); lower the learning rate"
      }
    }
  }

  /// What came out of training.
  package struct Outcome: Sendable {
    package var graph: Graph
    /// Whether the statistics of the batch norms were measured anew at the end, because that was better on the images
    /// set aside.
    package var isRecalibrated: Bool
    /// Mean loss and top-1 of each epoch.
    package var history: [(loss: Float, top1: Float)]
  }

  package let student: Graph
  package let teacher: Graph?
  package let training: any Dataset
  package let validation: any Dataset
  package let normalization: Normalization?
  package let settings: Settings

  package init(
    student: Graph, teacher: Graph?, training: any Dataset, validation: any Dataset, normalization: Normalization?,
    settings: Settings
  ) {
    self.student = student
    self.teacher = teacher
    self.training = training
    self.validation = validation
    self.normalization = normalization
    self.settings = settings
  }

  private var objective: Objective { Objective(distillation: settings.distillation, temperature: settings.temperature) }

  /// Trains for all epochs. Throws `Failure` where the loss is no longer a number.
  ///
  /// - Precondition: the training images are labelled, or there is a teacher.
  package func run(report: (Progress) -> Void) throws -> Outcome {
    var parameters = Parameters(of: student)
    parameters.values.merge(calibrated(parameters.values, progress: 0)) { $1 }
    var history: [(loss: Float, top1: Float)] = []
    let clock = Clock()
    for epoch in 0..<settings.epochs {
      var sum = (loss: Double(0), correct: 0, images: 0)
      let batches = training.shuffledBatches(of: settings.batch, seed: settings.seed, epoch: epoch, keepsRest: false)
      for (step, indices) in batches.enumerated() {
        let value = self.step(&parameters, indices, epoch: epoch, step: step, of: batches.count)
        guard value.loss.isFinite else { throw Failure.diverged(epoch: epoch + 1, step: step + 1) }
        sum = (sum.loss + Double(value.loss), sum.correct + value.correct, sum.images + indices.count)
        let done = epoch * batches.count + step + 1
        report(
          progress(
            epoch, step + 1, batches.count, sum, clock.rate(done, of: settings.epochs * batches.count, settings.batch)))
      }
      guard !batches.isEmpty else { continue }
      history.append((Float(sum.loss) / Float(batches.count), Float(sum.correct) / Float(sum.images)))
      let done = (epoch + 1) * batches.count
      var ended = progress(
        epoch, batches.count, batches.count, sum, clock.rate(done, of: settings.epochs * batches.count, settings.batch))
      ended.isEpochEnd = true
      ended.validationTop1 = validationTop1(
        parameters.values, progress: moment(epoch, batches.count, batches.count).progress)
      report(ended)
    }
    let (values, isRecalibrated) = settled(parameters.values)
    return Outcome(graph: student.replacingConstants(values), isRecalibrated: isRecalibrated, history: history)
  }

  func step(
    _ parameters: inout Parameters, _ indices: [Int], epoch: Int, step: Int, of steps: Int
  ) -> Objective.Value {
    let moment = moment(epoch, step, steps)
    let batch = training.batch(
      indices, normalization: normalization, augmentation: settings.augmentation, seed: settings.seed, epoch: epoch)
    let wanted = teacher.map {
      $0.run($0.values(for: batch.images), at: .teaching, keeping: .only([$0.logits]))[$0.logits]
    }
    let logits = student.logits
    let trace = student.run(
      student.values(for: batch.images), at: moment, keeping: .everything, constants: parameters.values)
    let shape = trace[logits].shape
    let value = objective(trace[logits].flattenedToRows(), teacher: wanted?.flattenedToRows(), labels: batch.labels)
    parameters.values.merge(trace.updates) { $1 }
    let gradients = student.gradients(
      of: logits, seed: value.gradient.reshaped(shape), for: parameters.ids, along: trace, at: moment)
    let through = (Float(epoch) + Float(step) / Float(steps)) / Float(settings.epochs)
    let rate = settings.learningRate * (1 + cos(Float.pi * through)) / 2
    parameters.step(gradients, rate: rate, momentum: settings.momentum, decay: settings.weightDecay, at: moment)
    return value
  }

  /// Progress reaches 1 at `hardAt` of training, so that the last steps train the very weights that are shipped.
  private func moment(_ epoch: Int, _ step: Int, _ steps: Int) -> Moment {
    let through = (Float(epoch) + Float(step) / Float(steps)) / Float(settings.epochs)
    let seed = SplitMix64(seed: settings.seed, stream: UInt64(epoch), UInt64(step)).peek
    return Moment(phase: .training, progress: min(1, through / settings.hardAt), seed: seed)
  }

  private func calibrated(_ values: [Graph.Node.ID: Tensor], progress: Float) -> [Graph.Node.ID: Tensor] {
    let batches = training.shuffledBatches(of: min(250, max(training.count, 1)), seed: settings.seed, epoch: -1)
    return Calibration.statistics(
      of: student, constants: values, batches: Array(batches.prefix(20)), data: training, normalization: normalization,
      at: Moment(phase: .training, progress: progress, seed: settings.seed))
  }

  /// The trained values with the running statistics, or with statistics measured anew: what is better on the images set
  /// aside. Without such images they are measured anew.
  private func settled(_ values: [Graph.Node.ID: Tensor]) -> ([Graph.Node.ID: Tensor], isRecalibrated: Bool) {
    let fresh = values.merging(calibrated(values, progress: 1)) { $1 }
    guard validation.count > 0 else { return (fresh, true) }
    let losses = [values, fresh].map {
      student.answers(
        on: validation, normalization: normalization, constants: $0, objective: objective, teacher: teacher
      ).loss
    }
    return losses[1] < losses[0] ? (fresh, true) : (values, false)
  }

  private func validationTop1(_ values: [Graph.Node.ID: Tensor], progress: Float) -> Float? {
    guard validation.count > 0 else { return nil }
    let moment = Moment(
      phase: .inference, progress: progress, seed: settings.seed, arithmetic: .transformed)
    let answers = student.answers(on: validation, normalization: normalization, constants: values, at: moment)
    return (validation.labels ?? teacherLabels).map { answers.top1($0) }
  }

  private var teacherLabels: [Int32]? {
    teacher.map { $0.answers(on: validation, normalization: normalization).classes.map(Int32.init) }
  }

  private func progress(
    _ epoch: Int, _ step: Int, _ steps: Int, _ sum: (loss: Double, correct: Int, images: Int),
    _ rate: (imagesPerSecond: Double, secondsLeft: Double)
  ) -> Progress {
    Progress(
      epoch: epoch + 1, epochs: settings.epochs, step: step, steps: steps, loss: Float(sum.loss / Double(step)),
      top1: Float(sum.correct) / Float(sum.images), imagesPerSecond: rate.imagesPerSecond, secondsLeft: rate.secondsLeft
    )
  }
}

/// How fast steps pass.
private struct Clock {
  private let start = ContinuousClock.now

  func rate(_ done: Int, of all: Int, _ batch: Int) -> (imagesPerSecond: Double, secondsLeft: Double) {
    let elapsed = start.duration(to: .now) / .seconds(1)
    let each = elapsed / Double(max(done, 1))
    return (Double(batch) / max(each, 1e-9), each * Double(all - done))
  }
}

extension SplitMix64 {
  /// The next number, without taking it.
  fileprivate var peek: UInt64 {
    var copy = self
    return copy.next()
  }
}
