import Compute
import Datasets
import Graphs
import Tensors

/// Who hears how training goes, and may save its state or stop it.
package struct Watch {
  /// Where training stands when it may be saved.
  package enum Pause: Hashable, Sendable {
    case step
    case epoch
    /// After the last epoch: what follows can be repeated from here.
    case end
  }
  package var report: (TrainingProgress) -> Void
  package var warn: (Collapse) -> Void
  /// Called between steps with a way to get the state. What it throws ends training.
  package var pause: (Pause, () throws -> TrainingState) throws -> Void

  package init(
    report: @escaping (TrainingProgress) -> Void = { _ in }, warn: @escaping (Collapse) -> Void = { _ in },
    pause: @escaping (Pause, () throws -> TrainingState) throws -> Void = { _, _ in }
  ) {
    self.report = report
    self.warn = warn
    self.pause = pause
  }
}

extension FineTuning {
  /// Trains for all epochs, from the beginning or from where a state was saved.
  ///
  /// Throws `Divergence` where numbers stop being numbers, `CheckpointError` for a state of another training (its path
  /// is left empty), and what the watch throws.
  ///
  /// - Precondition: the training images are labelled, or there is a teacher.
  package func run(from state: TrainingState? = nil, watch: Watch) throws -> Outcome {
    var loop = TrainingLoop(self, watch)
    if let state { try loop.restore(state) } else { loop.calibrate() }
    try loop.run()
    let (values, isRecalibrated) = settled(loop.parameters.shipped)
    return Outcome(
      graph: student.replacingConstants(values), isRecalibrated: isRecalibrated, history: loop.course.history,
      collapses: loop.course.collapses)
  }

  package func run(report: @escaping (TrainingProgress) -> Void) throws -> Outcome {
    try run(watch: Watch(report: report))
  }

  /// The batches of an epoch from some step on, prepared while the step before computes.
  fileprivate func loader(_ batches: [[Int]], epoch: Int, from step: Int) -> BatchLoader {
    BatchLoader(
      training, batches: Array(batches[step...]), normalization: normalization, augmentation: settings.augmentation,
      seed: settings.seed, epoch: epoch, firstStep: step)
  }

  /// The indices of every step of an epoch: a function of the seed and the epoch.
  fileprivate func batches(_ epoch: Int) -> [[Int]] {
    training.shuffledBatches(of: settings.batch, seed: settings.seed, epoch: epoch, keepsRest: false)
  }
}

/// Training under way. Its parameters, the teacher's lessons and its course are all that changes; what is random
/// follows from the seed, the epoch and the step.
private struct TrainingLoop {
  private let tuning: FineTuning
  private let watch: Watch
  private(set) var parameters: Parameters
  private var lessons: Lessons?
  private(set) var course = Course()
  private var pace = Pace()
  /// The step that was done last, both from 1.
  private var last = (epoch: 0, step: 0)

  init(_ tuning: FineTuning, _ watch: Watch) {
    self.tuning = tuning
    self.watch = watch
    parameters = Parameters(of: tuning.student, rule: tuning.settings.update)
    lessons = tuning.lessons
  }

  /// Brings the statistics of batch norms to what the coded weights make of the data.
  mutating func calibrate() {
    parameters.values.merge(tuning.calibrated(parameters.values, progress: 0)) { $1 }
  }

  mutating func restore(_ state: TrainingState) throws(CheckpointError) {
    var tensors = Dictionary(state.tensors.map { ($0.name, $0.value) }, uniquingKeysWith: { first, _ in first })
    var problems = state.course.problems(epochs: tuning.settings.epochs) { tuning.batches($0).count }
    problems += lessons?.restore(&tensors) ?? []
    problems += parameters.restore(tensors)
    guard problems.isEmpty else { throw CheckpointError("", .unfit(problems)) }
    course = state.course
  }

  mutating func run() throws {
    while course.epoch < tuning.settings.epochs { try runEpoch() }
  }

  private mutating func runEpoch() throws {
    let tuning = tuning
    let batches = tuning.batches(course.epoch)
    pace.begin()
    for batch in tuning.loader(batches, epoch: course.epoch, from: course.step) {
      let answers = lessons?.answers(
        to: batch.images, of: batches[course.step], epoch: course.epoch, asking: tuning.answers)
      let value = try tuning.step(
        &parameters, batch, answers: answers, epoch: course.epoch, step: course.step, of: batches.count)
      last = (course.epoch + 1, course.step + 1)
      course.step += 1
      course.sums.loss += Double(value.loss)
      course.sums.correct += value.correct
      course.sums.images += batch.images.shape[0]
      pace.advance(by: batch.images.shape[0])
      watch.report(progress(of: batches.count))
      // After the last step the epoch is summed up first.
      if course.step < batches.count { try watch.pause(.step, state) }
    }
    guard !batches.isEmpty else { return course.epoch += 1 }
    try finishEpoch(batches.count)
  }

  private mutating func finishEpoch(_ steps: Int) throws {
    var progress = progress(of: steps)
    let through = tuning.moment(course.epoch, steps, steps).progress
    let layers = tuning.layerSymbols(parameters.shipped, progress: through)
    let summary = EpochSummary(
      loss: progress.loss, top1: progress.top1,
      validationTop1: tuning.validationTop1(parameters.shipped, progress: through),
      learningRate: progress.learningRate, layers: layers)
    progress.summary = summary
    course.history.append(summary)
    course.epoch += 1
    (course.step, course.sums) = (0, Course.Sums())
    watch.report(progress)
    for symbols in layers {
      guard let kind = symbols.collapse else { continue }
      let collapse = Collapse(epoch: course.epoch, kind: kind, symbols: symbols)
      guard !course.collapses.contains(where: collapse.repeats) else { continue }
      course.collapses.append(collapse)
      watch.warn(collapse)
    }
    try watch.pause(course.epoch == tuning.settings.epochs ? .end : .epoch, state)
  }

  /// What a checkpoint holds. A state that has broken is not worth one, and would hide the last good one.
  private func state() throws -> TrainingState {
    let tensors = parameters.tensors + (lessons?.tensors ?? [])
    if let broken = tensors.first(where: { !$0.value.isFinite }) {
      throw Divergence(epoch: last.epoch, step: last.step, origin: .state(broken.name))
    }
    return TrainingState(course: course, tensors: tensors)
  }

  /// After the step that was just done.
  private func progress(of steps: Int) -> TrainingProgress {
    let (settings, sums) = (tuning.settings, course.sums)
    let left = (settings.epochs - course.epoch) * steps - course.step
    return TrainingProgress(
      epoch: course.epoch + 1, epochs: settings.epochs, step: course.step, steps: steps,
      loss: Float(sums.loss / Double(course.step)), top1: Float(sums.correct) / Float(max(sums.images, 1)),
      learningRate: tuning.learningRate(course.epoch, course.step - 1, steps), imagesPerSecond: pace.imagesPerSecond,
      secondsLeft: pace.secondsLeft(left * settings.batch))
  }
}
