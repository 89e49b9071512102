import Synchronization

/// Training that was told by a signal to stop: its state is saved.
public struct Interrupted: Error, CustomStringConvertible {
  public var signal: Int32
  public var description: String
}

/// What a signal asks of training, or of a zoo: to save its state after the step that runs, and to end.
package enum Interruption {
  private struct State {
    var trainings = 0
    var signal: Int32?
    /// When the last training was asked to stop, which stays when it has.
    var instant: ContinuousClock.Instant?
    /// Told of the signal at once, on whatever thread it arrives.
    var listener: (@Sendable (Int32) -> Void)?
    /// What whoever ends the process should know.
    var parting: String?
  }
  private static let state = Mutex(State())

  package enum Answer { case saving, alreadySaving, ended }

  /// So soon after the first a second signal is the same: shells and batch systems send it to a process and to its
  /// group.
  private static let echo = Duration.seconds(1)

  /// Asks training to stop. `ended` where none runs, or where it was asked a while before: the process should then end.
  package static func request(_ signal: Int32) -> Answer {
    let now = ContinuousClock.now
    let (answer, listener) = state.withLock { state -> (Answer, (@Sendable (Int32) -> Void)?) in
      if let first = state.instant, now - first < echo { return (.alreadySaving, nil) }
      guard state.trainings > 0, state.signal == nil else { return (.ended, nil) }
      (state.signal, state.instant) = (signal, now)
      return (.saving, state.listener)
    }
    listener?(signal)
    return answer
  }

  /// Does what ends soon after the listener was told of a signal.
  static func heeded<Result>(
    telling listener: @escaping @Sendable (Int32) -> Void, by work: () throws -> Result
  ) rethrows -> Result {
    state.withLock { $0.listener = listener }
    defer { state.withLock { $0.listener = nil } }
    return try heeded(by: work)
  }

  /// What is to be said where a signal ends the process now: what is kept, and how to go on.
  package static var parting: String? { state.withLock(\.parting) }

  /// Does what a signal ends at once, with something to say then.
  static func ending<Result>(with parting: String?, _ work: () throws -> Result) rethrows -> Result {
    state.withLock { $0.parting = parting }
    defer { state.withLock { $0.parting = nil } }
    return try work()
  }

  /// The signal that asks, where one does.
  static var requested: Int32? { state.withLock(\.signal) }

  /// Does what ends soon after it is asked to.
  static func heeded<Result>(by work: () throws -> Result) rethrows -> Result {
    state.withLock { $0.trainings += 1 }
    defer {
      state.withLock { state in
        state.trainings -= 1
        if state.trainings == 0 { state.signal = nil }
      }
    }
    return try work()
  }
}
