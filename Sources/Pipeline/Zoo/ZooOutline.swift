import Foundation

/// What a run of a zoo would do: its jobs, and how each was found.
package struct ZooOutline: Encodable, Sendable {
  package struct Job: Encodable, Sendable {
    var model, recipe: String
    var method: String?
    var epochs: Int?
    /// `done`, `waiting` for what begins, `interrupted` for what goes on, and `failed` for what cannot be done.
    var state: ZooLedger.State
    var problem: String?
  }

  package let jobs: [Job]

  init(_ jobs: [ZooJob], _ records: [ZooLedger.Job]) {
    self.jobs = zip(jobs, records).map { job, record in
      // What failed in an earlier run is tried again.
      let state = job.problem == nil && record.state == .failed ? .waiting : record.state
      return Job(
        model: job.model.name, recipe: job.recipeName, method: job.recipe?.method, epochs: job.recipe?.epochs,
        state: state, problem: job.problem)
    }
  }

  /// Why jobs cannot be done, with their names.
  package var problems: [String] {
    jobs.flatMap { job in
      (job.problem ?? "").split(separator: "\n").map { "\(ZooJob.name(job.model, job.recipe)): \($0)" }
    }
  }

  /// As a table for a terminal.
  package var table: String {
    let rows = jobs.map { job in
      [job.model, job.recipe, job.method ?? "", job.epochs.map(String.init) ?? "", job.words]
    }
    let counts = ["begins", "goes on", "done", "cannot be done"].compactMap { words in
      let count = jobs.count { $0.words == words }
      return count > 0 ? "\(count) \(words)" : nil
    }
    return aligned([["model", "recipe", "method", "epochs", "what happens"]] + rows, right: 3...3)
      + "\n\n\(jobs.count) \(jobs.count == 1 ? "job" : "jobs"): " + counts.joined(separator: ", ")
  }
}

extension ZooOutline.Job {
  fileprivate var words: String {
    switch state {
    case .done: "done"
    case .failed: "cannot be done"
    case .running, .interrupted: "goes on"
    case .waiting, .unverified: "begins"
    }
  }
}
