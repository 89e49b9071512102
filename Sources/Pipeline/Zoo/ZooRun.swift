import Compute
import Exporters
import Foundation
import Synchronization
import Training

/// Does the jobs of a zoo, each in a process of its own, so that one that crashes does not stop the rest.
///
/// What is done and verified, and depends on nothing that has changed, is not done again. SIGINT and SIGTERM are handed
/// on to the conversions, which save their state; the next run goes on from there.
package final class ZooRun: Sendable {
  private let zoo: ZooFile
  private let folder: String
  private let ledger: ZooLedger
  private let atOnce: Int
  private let note: @Sendable (String) -> Void
  private let state: Mutex<State>

  private struct State {
    var waiting: [(place: Int, job: ZooJob)] = []
    var children: [Int: ChildProcess] = [:]
    var signal: Int32?
    /// What kept a job from being worked on or written down: no fault of the job.
    var trouble: [String] = []
  }

  /// Does everything that is left to do.
  ///
  /// Throws `InputError` where the folder cannot be used or another run works in it, and `Interrupted` after a signal.
  ///
  /// - Parameter atOnce: how many jobs run beside each other, each with its share of the threads.
  /// - Returns: all jobs of the zoo, as they are now.
  package static func run(
    _ zoo: ZooFile, in path: String, atOnce: Int = 1, note: @escaping @Sendable (String) -> Void
  ) throws -> [ZooLedger.Job] {
    let folder = try ZooFolder(path)
    let ledger = try ZooLedger(folder: path)
    let run = ZooRun(zoo, path, ledger, atOnce, note)
    return try Interruption.heeded(telling: { run.stop($0) }) { try run.run(lock: folder.lock) }
  }

  /// What a run would find and do. Writes nothing, and throws what keeps the ledger from being read.
  package static func outline(_ zoo: ZooFile, in path: String) throws -> ZooOutline {
    let plan = ZooPlan(zoo)
    let ledger = Output.kind(path + "/" + ZooLedger.fileName) == nil ? nil : try ZooLedger.existing(path)
    return ZooOutline(plan.jobs, try sort(plan, ledger, in: path).known, in: path)
  }

  private init(
    _ zoo: ZooFile, _ folder: String, _ ledger: ZooLedger, _ atOnce: Int, _ note: @escaping @Sendable (String) -> Void
  ) {
    (self.zoo, self.folder, self.ledger, self.atOnce, self.note) = (zoo, folder, ledger, atOnce, note)
    state = Mutex(State())
  }

  private func run(lock: Int32) throws -> [ZooLedger.Job] {
    let plan = ZooPlan(zoo)
    let (known, open) = try Self.sort(plan, ledger, in: folder)
    try ledger.place(known)
    note("\(counted(plan.jobs.count, "job")), \(known.count { $0.state == .done }) of them done; results in \(folder)")
    for job in plan.jobs { job.problem.map { note("\(job.name): cannot be done: \($0)") } }
    for (job, record) in zip(plan.jobs, known) where record.state == .done { export(job, again: false) }
    state.withLock { $0.waiting = open }
    let workers = DispatchGroup()
    for _ in 0..<min(atOnce, open.count) {
      workers.enter()
      Thread.detachNewThread { [self] in
        while let (place, job) = next() { work(on: job, place, of: plan.jobs.count, lock) }
        workers.leave()
      }
    }
    workers.wait()
    let (signal, trouble) = state.withLock { ($0.signal, $0.trouble) }
    if let signal = signal ?? Interruption.requested {
      throw Interrupted(signal: signal, description: "interrupted: the same command goes on")
    }
    guard trouble.isEmpty else { throw InputError(trouble) }
    return try ledger.jobs()
  }

  /// What the ledger is to say of each job at the beginning, and which are left to do.
  private static func sort(
    _ plan: ZooPlan, _ ledger: ZooLedger?, in folder: String
  ) throws -> (known: [ZooLedger.Job], open: [(Int, ZooJob)]) {
    var known: [ZooLedger.Job] = []
    var open: [(Int, ZooJob)] = []
    for (place, job) in plan.jobs.enumerated() {
      let old = try ledger?.job(job)
      var record = ZooLedger.Job(job, position: place)
      // What lies there still belongs to the old row, until the job is begun.
      record.hash = old?.hash
      if let old, job.problem != nil || old.hash == job.hash {
        record = old
        record.position = place
        if job.problem == nil { record.settle(in: folder) }
      }
      if let problem = job.problem { (record.state, record.message) = (.failed, problem) }
      if record.state != .done, job.problem == nil { open.append((place, job)) }
      known.append(record)
    }
    return (known, open)
  }

  private func next() -> (place: Int, job: ZooJob)? {
    state.withLock { $0.signal == nil && !$0.waiting.isEmpty ? $0.waiting.removeFirst() : nil }
  }

  /// Hands a signal on; jobs that wait are not begun any more.
  private func stop(_ signal: Int32) {
    let children = state.withLock { state in
      state.signal = signal
      return Array(state.children.values)
    }
    for child in children { child.ask(SIGTERM) }
  }

  private func work(on job: ZooJob, _ place: Int, of count: Int, _ lock: Int32) {
    do {
      guard var record = try ledger.job(job) else { return }
      if record.hash != job.hash { record = try renewed(job, place) }
      let start = try ZooConversion(job, in: folder)
      (record.state, record.message) = (.running, nil)
      try ledger.save(record)
      let threads = max(1, Processor.threadCount / atOnce)
      let attempt = try ledger.begin(record, threads: threads, resumes: start.resumes)
      note("\(place + 1)/\(count)  \(job.name): \(start.resumes ? "goes on" : "begins")")
      let end = try start.run(threads: threads, lock) { child in
        let signal = state.withLock { state in
          state.children[place] = child
          return state.signal
        }
        // The signal may have come while the process was being made.
        if signal != nil { child?.ask(SIGTERM) }
      }
      record.take(end, start, in: folder, isStopped: state.withLock { $0.signal != nil })
      try ledger.save(record)
      try ledger.end(attempt, record.state)
      if record.state == .done { export(job, again: true) }
      note("\(place + 1)/\(count)  \(job.name): \(record.words)")
    } catch {
      state.withLock { $0.trouble.append("\(job.name): \(error)") }
    }
  }
}

extension ZooRun {
  /// Writes a packed file that is verified in the other formats of the zoo, those that lie there already only where
  /// asked to.
  private func export(_ job: ZooJob, again: Bool) {
    let packed = "\(folder)/\(job.output)"
    for name in job.otherExports {
      do {
        let path = Export.path(for: packed, try Export.exporter(named: name))
        guard again || Output.kind(path) != S_IFREG else { continue }
        note("\(job.name): \(path), \(try Export.write(packed, as: name, to: path)) bytes")
      } catch {
        state.withLock { $0.trouble.append("\(job.name): \(error)") }
      }
    }
  }

  /// A row for a job of which nothing has been made: what an older plan left there is removed, and only then forgotten.
  private func renewed(_ job: ZooJob, _ place: Int) throws -> ZooLedger.Job {
    let exported = exporters.map { Export.path(for: job.output, $0.init()) }.filter { $0 != job.output }
    let others = [".unverified", ".checkpoint"].map { job.output + $0 }
    for name in [job.output, job.log, job.messages] + others + exported {
      unlink(folder + "/" + name)
    }
    let record = ZooLedger.Job(job, position: place)
    try ledger.save(record)
    return record
  }
}

extension ZooLedger.Job {
  /// Finds out what became of a job whose run was killed, and whether the file of one that was done still lies there;
  /// one that was done before its plan could not be read is done again.
  fileprivate mutating func settle(in folder: String) {
    if state == .failed, isVerified == true { (state, message) = (.done, nil) }
    if state == .failed, Output.kind(folder + "/" + output + ".checkpoint") == S_IFREG { state = .interrupted }
    if state == .running || state == .interrupted {
      state = .interrupted
      if let log = try? RunLog(contentsOf: folder + "/" + log), log.outcome == "verified" { take(log) }
    }
    if state == .done, Output.size(folder + "/" + output) != packedBytes { (state, message) = (.waiting, nil) }
  }

  /// What has come of an attempt.
  fileprivate mutating func take(
    _ end: ChildProcess.End, _ conversion: ZooConversion, in folder: String, isStopped: Bool
  ) {
    let log = try? RunLog(contentsOf: folder + "/" + log)
    switch end {
    case .exit(0), .exit(2):
      guard let log, log.result != nil else { return fail("the conversion ended without a report in its log") }
      take(log)
    case .exit(128 + SIGINT), .exit(128 + SIGTERM), .signal(SIGINT), .signal(SIGTERM): state = .interrupted
    case .signal where isStopped: state = .interrupted
    case .signal(let number):
      fail("the conversion was ended by signal \(number) (\(String(cString: strsignal(number))))")
    case .exit(let status): fail(conversion.errors ?? "the conversion ended with code \(status)")
    }
    seconds = log?.seconds
  }

  private mutating func fail(_ message: String) { (state, self.message) = (.failed, message) }

  private mutating func take(_ log: RunLog) {
    guard let result = log.result else { return }
    let verification = result.verification
    (state, message) = (verification.passes ? .done : .unverified, nil)
    (method, floatBytes, packedBytes) = (result.method, result.floatBytes, result.packedBytes)
    (weightBits, activationBits) = (result.layers?.weightBits, result.layers?.activationBits)
    zeros = result.layers?.zeros
    (floatTop1, packedTop1) = (verification.floatTop1, verification.packedTop1)
    (isVerified, seconds) = (verification.passes, log.seconds)
  }

  /// What became of it, in words.
  fileprivate var words: String {
    let top1 = packedTop1.map { String(format: ", top-1 %.2f %%", $0 * 100) } ?? ""
    let size = packedBytes.map { ", \($0) bytes" } ?? ""
    return switch state {
    case .done: "verified\(top1)\(size)"
    case .unverified: "VERIFICATION FAILED\(top1)\(size)"
    case .failed: "failed: \(message ?? "")"
    case .interrupted: "interrupted"
    case .waiting, .running: state.rawValue
    }
  }
}
