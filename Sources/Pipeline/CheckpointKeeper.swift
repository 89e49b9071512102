import Foundation
import Training

/// The checkpoint beside an output: reads the one that lies there, writes those that are due, removes the last one.
final class CheckpointKeeper {
  let path: String
  /// Where training was taken up again; nil where it began at its beginning.
  private(set) var resumed: Course?
  private let policy: CheckpointPolicy
  /// What was read, until training has taken it over.
  private var found: Checkpoint?
  private var fingerprint = Fingerprint(identity: [:], circumstances: [:])
  /// What the file holds that lies there now.
  private var saved: Course?
  private var lastSave = ContinuousClock.now
  private var epochsSinceSave = 0

  /// Throws where what lies there and what was asked for do not go together, and where a checkpoint is damaged.
  init(for output: String, _ policy: CheckpointPolicy) throws {
    path = output + ".checkpoint"
    self.policy = policy
    guard [nil, S_IFREG].contains(Output.kind(path)) else {
      throw InputError(["\(path): is in the way of the checkpoint; remove it"])
    }
    let exists = Output.kind(path) != nil
    switch policy.start {
    case .new where exists: throw InputError([refusal])
    case .resume:
      guard exists else { throw InputError(["\(path): there is no such checkpoint; leave out '--resume'"]) }
      do { found = try CheckpointFile.read(path) } catch {
        throw InputError(["\(error)", "\(path): cannot be resumed; '--restart' begins again"])
      }
      resumed = found?.state.course
      saved = resumed
    case .new, .restart: break
    }
    CheckpointFile.removeParts(of: path)
  }

  private var refusal: String {
    let place = (try? CheckpointFile.read(path)).map { ", \($0.state.course.place) of training" } ?? ""
    return "\(path): an interrupted conversion left it\(place): '--resume' goes on, '--restart' begins again"
  }

  /// Says what this conversion is of. Throws what the checkpoint that is resumed is of instead, a line a difference.
  func identify(as fingerprint: Fingerprint, _ listener: Converter.Listener) throws {
    self.fingerprint = fingerprint
    listener.identified(fingerprint)
    guard let found else { return }
    let differences = Fingerprint.differences(found.fingerprint.identity, fingerprint.identity)
    guard differences.isEmpty else {
      throw InputError(
        differences.map { "\(path): is of another conversion: \($0)" }
          + ["\(path): ask for the same as then, or begin again with '--restart'"])
    }
    for line in Fingerprint.differences(found.fingerprint.circumstances, fingerprint.circumstances) {
      listener.warn("\(path): \(line): the last bits may differ from those of a conversion without interruption")
    }
    listener.note("resumed \(found.state.course.place), from \(path)")
  }

  /// Trains from where the checkpoint stands, if one is resumed, and stops with `Interrupted` where a signal asks for
  /// it.
  func keeping(
    _ listener: Converter.Listener, _ train: (TrainingState?, Watch) throws -> FineTuning.Outcome
  ) throws -> FineTuning.Outcome {
    let state = found?.state
    found = nil
    if policy.start != .resume { listener.note("checkpoints: \(path), every \(policy.interval)") }
    let watch = Watch(
      report: listener.progress, warn: { listener.warn("\($0)") },
      pause: { [self] pause, state in try self.pause(pause, listener, state) })
    return try Interruption.heeded {
      let result = Result { try train(state, watch) }
      if case .failure(let error) = result { throw explained(error) }
      // All of training is saved by now; only what follows it was left.
      if let signal = Interruption.requested { throw interrupted(signal) }
      return try result.get()
    }
  }

  /// Does what follows training; where that throws, training need not be repeated.
  func afterTraining<Result>(_ work: () throws -> Result) throws -> Result {
    let parting = saved == nil ? nil : remaining.map { "\($0): holds all of training: '--resume' begins after it" }
    do { return try Interruption.ending(with: parting, work) } catch {
      guard let parting else { throw error }
      throw InputError(["\(error)", parting])
    }
  }

  private func explained(_ error: any Error) -> any Error {
    switch error {
    case let error as CheckpointError where error.path.isEmpty: CheckpointError(path, error.problem)
    case let error as Divergence:
      InputError(
        ["\(error)"] + (saved.map { ["\(path): holds training \($0.place), before it diverged"] } ?? []))
    default: error
    }
  }

  /// Saves where that is due, or where a signal asks for the end; then throws `Interrupted`.
  private func pause(
    _ pause: Watch.Pause, _ listener: Converter.Listener, _ state: () throws -> TrainingState
  ) throws {
    if pause != .step { epochsSinceSave += 1 }
    let signal = Interruption.requested
    guard signal != nil || isDue(pause) else { return }
    let checkpoint = Checkpoint(fingerprint: fingerprint, state: try state())
    do {
      try CheckpointFile.write(checkpoint, to: path)
      (saved, lastSave, epochsSinceSave) = (checkpoint.state.course, .now, 0)
    } catch {
      // The one before still lies there, and training is worth more than this one.
      guard signal == nil else { throw error }
      listener.warn("\(error); training goes on")
    }
    if let signal { throw interrupted(signal) }
  }

  private func isDue(_ pause: Watch.Pause) -> Bool {
    if pause == .end { return true }
    if let epochs = policy.interval.epochs, pause == .epoch, epochsSinceSave >= epochs { return true }
    return policy.interval.seconds.map { ContinuousClock.now - lastSave >= .seconds($0) } ?? false
  }

  private func interrupted(_ signal: Int32) -> Interrupted {
    guard let saved, remaining != nil else {
      return Interrupted(signal: signal, description: "interrupted before there was anything to save")
    }
    return Interrupted(signal: signal, description: "interrupted \(saved.place): '--resume' goes on from \(path)")
  }

  /// The checkpoint that lies there now.
  var remaining: String? { Output.kind(path) == S_IFREG ? path : nil }

  /// The packed file has its name.
  func finish() { if !policy.keeps { unlink(path) } }
}
