import Datasets
import Foundation
import Graphs
import Tensors

/// Trains a network whose weights are coded, from the weights that it has, taught by the labels and by the float
/// network that it came from.
package struct FineTuning: Sendable {
  package struct Settings: Hashable, Sendable, Codable {
    package var epochs: Int = 10
    /// Images a step.
    package var batch: Int = 128
    /// The largest of the schedule.
    package var learningRate: Float = 0.02
    package var schedule = Schedule()
    package var update = UpdateRule()
    /// The share of each label that is spread evenly over all classes.
    package var labelSmoothing: Float = 0
    /// How layers are held to the teacher's; nil leaves them alone.
    package var matching: Matching?
    /// The share of the teacher in the loss, from 0 to 1.
    package var distillation: Float = 0.7
    package var temperature: Float = 3
    package var augmentation: Augmentation = .none
    /// How much of training has passed when a method's schedule reaches its end; the rest is trained hard.
    package var hardAt: Float = 0.9
    package var seed: UInt64 = 1

    package init() {}
  }

  /// What came out of training.
  package struct Outcome: Sendable {
    package var graph: Graph
    /// Whether the statistics of the batch norms were measured anew at the end, because that was better on the images
    /// set aside.
    package var isRecalibrated: Bool
    package var history: [EpochSummary]
    /// Layers that fell silent on the way.
    package var collapses: [Collapse]
  }

  package let student: Graph
  package let teacher: Graph?
  package let training: any Dataset
  package let validation: any Dataset
  package let normalization: Normalization?
  package let settings: Settings
  /// The layers that are held to the teacher's.
  package let matched: [MatchedLayer]

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
    matched = teacher.flatMap { settings.matching?.layers(of: student, and: $0) } ?? []
  }

  private var objective: Objective {
    Objective(
      distillation: settings.distillation, temperature: settings.temperature, smoothing: settings.labelSmoothing)
  }

  /// What the teacher makes of images: its answers, and the layers that are matched. Nil without a teacher.
  func teach(_ images: Tensor) -> Trace? {
    teacher.map { teacher in
      teacher.run(
        teacher.values(for: images), at: .teaching, keeping: .only([teacher.logits] + matched.map(\.teacher)))
    }
  }

  /// What the teacher answers to images: `[batch, classes]`.
  ///
  /// - Precondition: there is a teacher.
  func answers(_ images: Tensor) -> Tensor { teach(images)![teacher!.logits].flattenedToRows() }

  /// Where the teacher's answers are kept; nil where it must be asked in every step.
  var lessons: Lessons? {
    // Of as many views as epochs none comes again.
    guard let teacher, matched.isEmpty, settings.augmentation.views < settings.epochs else { return nil }
    let output = teacher[teacher.logits].shape
    return Lessons(
      images: training.count, classes: output.count / max(output[0], 1), augmentation: settings.augmentation)
  }

  /// One step on a batch of images. Throws `Divergence` where numbers stop being numbers; the parameters are then as
  /// they were.
  ///
  /// - Parameter answers: what the teacher answers to the images, where it is known: `[batch, classes]`.
  func step(
    _ parameters: inout Parameters, _ batch: Batch, answers: Tensor? = nil, epoch: Int, step: Int, of steps: Int
  ) throws(Divergence) -> Objective.Value {
    let moment = moment(epoch, step, steps)
    let lesson = answers == nil ? teach(batch.images) : nil
    let logits = student.logits
    let trace = student.run(
      student.values(for: batch.images), at: moment, keeping: .forGradients(and: [logits] + matched.map(\.student)),
      constants: parameters.values
    )
    let shape = trace[logits].shape
    let wanted = answers ?? teacher.flatMap { teacher in lesson.map { $0[teacher.logits].flattenedToRows() } }
    var value = objective(
      trace[logits].flattenedToRows(), teacher: wanted, labels: batch.labels, partners: batch.mixing?.partnerLabels,
      share: batch.mixing?.share ?? 1)
    var seeds = [logits: value.gradient.reshaped(shape)]
    if let matching = settings.matching, let lesson {
      let found = matching(matched, student: trace, teacher: lesson)
      value.loss += found.loss
      seeds.merge(found.gradients) { $0.adding($1) }
    }
    guard value.loss.isFinite else {
      let whole = everything(batch, parameters, at: moment)
      throw Divergence(epoch: epoch + 1, step: step + 1, origin: student.origin(in: whole, teacher: wanted))
    }
    let updates = trace.updates
    let gradients = student.gradients(seeds: seeds, for: parameters.ids, along: trace, at: moment)
    guard gradients.values.allSatisfy(\.isFinite) else {
      let whole = everything(batch, parameters, at: moment)
      throw Divergence(
        epoch: epoch + 1, step: step + 1, origin: student.origin(ofGradients: seeds, along: whole, at: moment))
    }
    parameters.values.merge(updates) { $1 }
    parameters.step(gradients, rate: learningRate(epoch, step, steps), at: moment)
    return value
  }

  /// The same step forward once more with every value kept, to find where it went wrong.
  private func everything(_ batch: Batch, _ parameters: Parameters, at moment: Moment) -> Trace {
    student.run(student.values(for: batch.images), at: moment, keeping: .everything, constants: parameters.values)
  }

  /// The learning rate of a step.
  func learningRate(_ epoch: Int, _ step: Int, _ steps: Int) -> Float {
    let position = Schedule.Position(epoch: epoch, epochs: settings.epochs, step: step, steps: steps)
    return settings.schedule.rate(settings.learningRate, at: position)
  }

  /// Progress reaches 1 at `hardAt` of training, so that the last steps train the very weights that are shipped.
  func moment(_ epoch: Int, _ step: Int, _ steps: Int) -> Moment {
    func progress(_ step: Int) -> Float {
      min(1, (Float(epoch) + Float(step) / Float(steps)) / Float(settings.epochs) / settings.hardAt)
    }
    let seed = SplitMix64(seed: settings.seed, stream: UInt64(epoch), UInt64(step)).peek
    return Moment(
      phase: .training, progress: progress(step), next: progress(step + 1), seed: seed, step: epoch * steps + step)
  }

  func calibrated(_ values: [Graph.Node.ID: Tensor], progress: Float) -> [Graph.Node.ID: Tensor] {
    let batches = training.shuffledBatches(of: min(250, max(training.count, 1)), seed: settings.seed, epoch: -1)
    return Calibration.statistics(
      of: student, constants: values, batches: Array(batches.prefix(20)), data: training, normalization: normalization,
      at: Moment(phase: .training, progress: progress, seed: settings.seed))
  }

  /// The trained values with the running statistics, or with statistics measured anew: what is better on the images set
  /// aside. Without such images they are measured anew.
  func settled(_ values: [Graph.Node.ID: Tensor]) -> ([Graph.Node.ID: Tensor], isRecalibrated: Bool) {
    let fresh = values.merging(calibrated(values, progress: 1)) { $1 }
    guard validation.count > 0 else { return (fresh, true) }
    let losses = [values, fresh].map {
      student.answers(
        on: validation, normalization: normalization, constants: $0, objective: objective, teacher: teacher
      ).loss
    }
    return losses[1] < losses[0] ? (fresh, true) : (values, false)
  }

  func validationTop1(_ values: [Graph.Node.ID: Tensor], progress: Float) -> Float? {
    guard validation.count > 0 else { return nil }
    let moment = Moment(
      phase: .inference, progress: progress, seed: settings.seed, arithmetic: .transformed)
    let answers = student.answers(on: validation, normalization: normalization, constants: values, at: moment)
    return (validation.labels ?? teacherLabels).map { answers.top1($0) }
  }

  /// What the symbols of the coded layers are like, and the bits that signs make of the first training images.
  func layerSymbols(_ values: [Graph.Node.ID: Tensor], progress: Float) -> [LayerSymbols] {
    let images = training.images(0..<min(32, training.count), normalization: normalization)
    return student.weightSymbols(values)
      + student.activationSymbols(images, values, at: Moment(phase: .inference, progress: progress))
  }

  private var teacherLabels: [Int32]? {
    teacher.map { $0.answers(on: validation, normalization: normalization).classes.map(Int32.init) }
  }
}

extension SplitMix64 {
  /// The next number, without taking it.
  fileprivate var peek: UInt64 {
    var copy = self
    return copy.next()
  }
}
