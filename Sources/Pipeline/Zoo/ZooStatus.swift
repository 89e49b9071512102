import Foundation

/// How far a zoo has come, as its ledger and the logs of its conversions tell.
package struct ZooStatus: Encodable, Sendable {
  package struct Job: Encodable, Sendable {
    var model, recipe, export: String
    var state: ZooLedger.State
    /// Whole epochs that are done, with what is done of the next one, and all of them.
    var epoch: Double?
    var epochs: Int?
    var loss: Double?
    /// Shares of right answers, from 0 to 1.
    var top1, validationTop1: Double?
    var attempts: Int
    /// Nil where nothing is known that it could be told from.
    var secondsLeft: Double?
    var message: String?
  }

  package let jobs: [Job]
  /// Whether a run works in the folder now.
  package let isRunning: Bool
  /// Of all jobs that are not done, as many at once as run now; nil where that of one of them is not known.
  package let secondsLeft: Double?

  /// Reads a folder of results. Throws `InputError` where it is none.
  package init(_ folder: String, at now: Date = Date()) throws {
    let ledger = try ZooLedger.existing(folder)
    let isRunning = ZooFolder.isHeld(folder)
    let records = try ledger.jobs()
    let logs = records.map { try? RunLog(contentsOf: folder + "/" + $0.log) }
    let speeds = zip(records, logs).compactMap { record, log in
      log?.secondsPerEpoch.map { (model: record.model, recipe: record.recipe, seconds: $0) }
    }
    jobs = try zip(records, logs).map { record, log in
      var job = Job(
        model: record.model, recipe: record.recipe, export: record.export,
        state: record.state == .running && !isRunning ? .interrupted : record.state,
        attempts: try ledger.attempts(record), message: record.message)
      job.read(log, record, speeds, now)
      return job
    }
    self.isRunning = isRunning
    let left = jobs.filter { [.waiting, .running, .interrupted].contains($0.state) }.map(\.secondsLeft)
    let atOnce = Double(max(1, jobs.count { $0.state == .running }))
    secondsLeft = left.contains { $0 == nil } ? nil : left.reduce(0) { $0 + ($1 ?? 0) } / atOnce
  }

  /// As a table for a terminal.
  package var table: String {
    let rows =
      [["model", "recipe", "state", "epoch", "loss", "top-1", "validation", "left"]]
      + jobs.map { job in
        let epoch = job.epoch.map { String(format: "%.1f", $0) + (job.epochs.map { "/\($0)" } ?? "") } ?? ""
        return [
          job.model, job.recipe, job.state.rawValue, epoch, job.loss.map { String(format: "%.4f", $0) } ?? "",
          ZooTable.percent(job.top1), ZooTable.percent(job.validationTop1), ZooTable.time(job.secondsLeft),
        ]
      }
    let done = jobs.count { $0.state == .done }
    let open = jobs.count { [.waiting, .running, .interrupted].contains($0.state) }
    let left = open == 0 ? "" : secondsLeft.map { ", about \(ZooTable.time($0)) left" } ?? ""
    let closing = "\(done) of \(jobs.count) done" + left + (isRunning || open == 0 ? "" : "; no run works here now")
    let messages = jobs.filter { $0.state == .failed }.map { "\($0.model) × \($0.recipe): \($0.message ?? "failed")" }
    return ([aligned(rows, right: 3...7), ""] + messages + [closing]).joined(separator: "\n")
  }
}

extension ZooStatus.Job {
  fileprivate mutating func read(
    _ log: RunLog?, _ record: ZooLedger.Job, _ speeds: [(model: String, recipe: String, seconds: Double)], _ now: Date
  ) {
    epochs = record.epochs
    if let log, state != .waiting {
      epoch = log.place?.done ?? log.epochs.last.map { Double($0.number) }
      loss = log.place?.loss ?? log.epochs.last?.loss
      (top1, validationTop1) = (log.epochs.last?.top1, log.epochs.last?.validationTop1)
    }
    switch state {
    case .done, .failed, .unverified: return
    case .running:
      // An outcome is of the sitting before: this one has not written yet.
      secondsLeft = log.flatMap { $0.outcome == nil ? $0.secondsLeft(at: now) : nil }
      if secondsLeft != nil { return }
    case .waiting, .interrupted: break
    }
    // At the speed of this job's earlier attempt, or of other jobs with the same model.
    let own = speeds.filter { $0.model == model && $0.recipe == recipe }
    let same = own.isEmpty ? speeds.filter { $0.model == model } : own
    guard !same.isEmpty, let epochs else { return }
    let speed = same.reduce(0.0) { $0 + $1.seconds } / Double(same.count)
    secondsLeft = max(0, Double(epochs) - (epoch ?? 0)) * speed
  }
}
