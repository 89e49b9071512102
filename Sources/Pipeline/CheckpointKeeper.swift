import Foundation
import Training

/// The checkpoint beside an output: reads the one that lies there, writes those that are due, removes the last one.
final class CheckpointKeeper {
  let path: String
  /// Where training goes on from; nil from the beginning.
  private(set) var resumed: Checkpoint?
  private let policy: CheckpointPolicy
  private let listener: Converter.Listener
  private var fingerprint = Fingerprint(identity: [:], circumstances: [:])
  private var lastSave = ContinuousClock.now
  private var epochsSinceSave = 0
  private var isSaved = false

  /// Throws where what lies there and what was asked for do not go together, and where a checkpoint is damaged.
  init(for output: String, _ policy: CheckpointPolicy, _ listener: Converter.Listener) throws {
    path = output + ".checkpoint"
    self.policy = policy
    self.listener = listener
    guard [nil, S_IFREG].contains(Output.kind(path)) else {
      throw InputError(["\(path): is in the way of the checkpoint; remove it"])
    }
    let exists = Output.kind(path) != nil
    switch policy.start {
    case .new where exists: throw InputError([refusal])
    case .resume:
      guard exists else { throw InputError(["\(path): there is no such checkpoint; leave out '--resume'"]) }
      do { resumed = try CheckpointFile.read(path) } catch {
        throw InputError(["\(error)", "\(path): cannot be resumed; '--restart' begins again"])
      }
    case .new, .restart: break
    }
    CheckpointFile.removeParts(of: path)
  }

  private var refusal: String {
    let place = (try? CheckpointFile.read(path)).map { ", \($0.state.course.place) of training" } ?? ""
    return "\(path): an interrupted conversion left it\(place): '--resume' goes on, '--restart' begins again"
  }

  /// Says what this conversion is of. Throws what the checkpoint that is resumed is of instead, a line a difference.
  func identify(as fingerprint: Fingerprint) throws {
    self.fingerprint = fingerprint
    guard let resumed else { return }
    let differences = Fingerprint.differences(resumed.fingerprint.identity, fingerprint.identity)
    guard differences.isEmpty else {
      throw InputError(
        differences.map { "\(path): is of another conversion: \($0)" }
          + ["\(path): ask for the same as then, or begin again with '--restart'"])
    }
    for line in Fingerprint.differences(resumed.fingerprint.circumstances, fingerprint.circumstances) {
      listener.warn("\(path): \(line): the last bits may differ from those of an uninterrupted conversion")
    }
    listener.note("resumed \(resumed.state.course.place) from \(path)")
  }

  /// Saves where that is due, or where a signal asks for the end; then throws `Interrupted`.
  func pause(_ pause: Watch.Pause, _ state: () throws -> TrainingState) throws {
    if pause != .step { epochsSinceSave += 1 }
    let signal = Interruption.requested
    guard signal != nil || isDue(pause) else { return }
    let checkpoint = Checkpoint(fingerprint: fingerprint, state: try state())
    do {
      try CheckpointFile.write(checkpoint, to: path)
      (isSaved, lastSave, epochsSinceSave) = (true, .now, 0)
    } catch {
      // The last one still lies there, and training is worth more than this one.
      guard signal == nil else { throw error }
      listener.warn("\(error); training goes on")
    }
    if let signal { throw interrupted(signal, checkpoint.state.course) }
  }

  private func isDue(_ pause: Watch.Pause) -> Bool {
    if pause == .end { return true }
    if let epochs = policy.interval.epochs, pause == .epoch, epochsSinceSave >= epochs { return true }
    return policy.interval.seconds.map { ContinuousClock.now - lastSave >= .seconds($0) } ?? false
  }

  /// After a signal that training has saved its state for.
  func interrupted(_ signal: Int32, _ course: Course) -> Interrupted {
    Interrupted(
      signal: signal, description: "interrupted \(course.place): '--resume' goes on from \(path)")
  }

  /// The checkpoint that lies there now, for a person who has to know.
  var remaining: String? { Output.kind(path) == S_IFREG ? path : nil }

  /// The packed file has its name.
  func finish() { if !policy.keeps { unlink(path) } }
}
