import Tensors

/// All that training has come to after some step: it goes on from there as if it had never stopped.
package struct TrainingState: Sendable {
  package var course: Course
  /// Values, buffers and moments, by names that are stable for a graph.
  package var tensors: [(name: String, value: Tensor)]

  package init(course: Course, tensors: [(name: String, value: Tensor)]) {
    self.course = course
    self.tensors = tensors
  }
}

/// How far training has come, and what it has met so far.
package struct Course: Codable, Hashable, Sendable {
  /// Whole epochs that are done.
  package var epoch = 0
  /// Steps done in the epoch that runs.
  package var step = 0
  /// Over those steps.
  package var sums = Sums()
  /// One for each epoch that is done.
  package var history: [EpochSummary] = []
  package var collapses: [Collapse] = []

  package struct Sums: Codable, Hashable, Sendable {
    package var loss: Double = 0
    package var correct = 0
    package var images = 0
  }

  package init() {}

  /// In words: `after 3 epochs and 12 steps`.
  package var place: String {
    let epochs = "\(epoch) epoch\(epoch == 1 ? "" : "s")"
    return step == 0 ? "after \(epochs)" : "after \(epochs) and \(step) step\(step == 1 ? "" : "s")"
  }

  /// What cannot be in training of so many epochs, in words.
  func problems(epochs: Int, steps: (Int) -> Int) -> [String] {
    guard (0...epochs).contains(epoch) else { return ["it is in epoch \(epoch) of \(epochs)"] }
    var problems: [String] = []
    if step < 0 || step > 0 && (epoch == epochs || step >= steps(epoch)) { problems.append("there is no step \(step)") }
    let isPlausible = (0...1 << 40).contains(sums.images) && (0...max(sums.images, 0)).contains(sums.correct)
    if !isPlausible || !sums.loss.isFinite || step == 0 && sums != Sums() {
      problems.append("its sums are none")
    }
    if history.count != epoch { problems.append("it tells of \(history.count) epochs, not \(epoch)") }
    return problems
  }
}

/// The state of training with what it belongs to: what a checkpoint file holds.
package struct Checkpoint: Sendable {
  package var fingerprint: Fingerprint
  package var state: TrainingState

  package init(fingerprint: Fingerprint, state: TrainingState) {
    self.fingerprint = fingerprint
    self.state = state
  }
}

/// Why a checkpoint cannot be used or written.
package struct CheckpointError: Error, Hashable, CustomStringConvertible {
  package enum Problem: Hashable, Sendable {
    case unreadable(String)
    case unwritable(String)
    case foreign
    case version(UInt32)
    case cut(bytes: Int, expected: UInt64)
    case checksum
    case header(String)
    case unfit([String])
  }
  package var path: String
  package var problem: Problem

  package init(_ path: String, _ problem: Problem) {
    self.path = path
    self.problem = problem
  }

  package var description: String {
    switch problem {
    case .unreadable(let reason): "\(path): cannot be read: \(reason)"
    case .unwritable(let reason): "\(path): cannot be written: \(reason)"
    case .foreign: "\(path): is not a checkpoint"
    case .version(let version):
      "\(path): is a checkpoint of version \(version); this signum reads version \(CheckpointFile.version)"
    case .cut(let bytes, let expected): "\(path): is damaged: it has \(bytes) bytes, not \(expected)"
    case .checksum: "\(path): is damaged: its checksum is not that of its content"
    case .header(let reason): "\(path): is damaged: its header \(reason)"
    case .unfit(let problems): problems.map { "\(path): does not fit this training: \($0)" }.joined(separator: "\n")
    }
  }
}
