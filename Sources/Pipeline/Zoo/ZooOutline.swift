import Foundation

/// What a run of a zoo would do: its jobs, and how each was found.
package struct ZooOutline: Encodable, Sendable {
  package enum Action: String, Encodable, Sendable, CaseIterable {
    case begins
    /// Something that it depends on has changed; the old result is removed.
    case beginsAnew = "begins anew"
    /// From a checkpoint.
    case goesOn = "goes on"
    case isDone = "is done"
    case cannotBeDone = "cannot be done"
  }

  package struct Job: Encodable, Sendable {
    var model, recipe: String
    var method: String?
    var epochs: Int?
    var action: Action
    var problem: String?
  }

  package let jobs: [Job]
  /// Whether a run works in the folder now; another one would be refused.
  package let isRunning: Bool

  init(_ jobs: [ZooJob], _ records: [ZooLedger.Job], in folder: String) {
    isRunning = ZooFolder.isHeld(folder)
    self.jobs = zip(jobs, records).map { job, record in
      Job(
        model: job.model.name, recipe: job.recipeName, method: job.recipe?.method, epochs: job.recipe?.epochs,
        action: Self.action(job, record, in: folder), problem: job.problem)
    }
  }

  private static func action(_ job: ZooJob, _ record: ZooLedger.Job, in folder: String) -> Action {
    if job.problem != nil { return .cannotBeDone }
    if let hash = record.hash, hash != job.hash { return .beginsAnew }
    if record.state == .done { return .isDone }
    return ZooConversion.start(of: job, in: folder) == .resume ? .goesOn : .begins
  }

  /// Why jobs cannot be done, each reason once, with the name of the first job that has it.
  package var problems: [String] {
    let lines = jobs.flatMap { job in
      Set((job.problem ?? "").split(separator: "\n")).sorted().map {
        (name: ZooJob.name(job.model, job.recipe), problem: $0)
      }
    }
    let counts = Dictionary(grouping: lines, by: \.problem).mapValues(\.count)
    var said: Set<Substring> = []
    return lines.filter { said.insert($0.problem).inserted }.map { line in
      let others = counts[line.problem, default: 1] - 1
      return line.name + (others > 0 ? " and \(counted(others, "other job"))" : "") + ": \(line.problem)"
    }
  }

  /// As a table for a terminal.
  package var table: String {
    let rows = jobs.map { job in
      [job.model, job.recipe, job.method ?? "", job.epochs.map(String.init) ?? "", job.action.rawValue]
    }
    let counts = Action.allCases.compactMap { action in
      let count = jobs.count { $0.action == action }
      return count > 0 ? "\(count) \(action.rawValue)" : nil
    }
    return aligned([["model", "recipe", "method", "epochs", "what happens"]] + rows, right: 3...3)
      + "\n\n\(counted(jobs.count, "job")): " + counts.joined(separator: ", ")
      + (isRunning ? "; a run works here now" : "")
  }
}
