import Foundation
import Training

/// The conversion of a job, ready to be started: what lies in its folder decides whether it resumes.
struct ZooConversion {
  private let job: ZooJob
  private let folder: String
  private let start: CheckpointPolicy.Start
  var resumes: Bool { start == .resume }
  /// Where this attempt's messages begin in their file.
  private let messagesBegin: Int

  /// Makes the folder of the job and writes its recipe there. Throws `InputError`.
  init(_ job: ZooJob, in folder: String) throws {
    (self.job, self.folder) = (job, folder)
    start = Self.start(of: job, in: folder)
    do {
      try FileManager.default.createDirectory(atPath: "\(folder)/\(job.folder)", withIntermediateDirectories: true)
      try Data((job.recipe?.json ?? "").utf8).write(to: URL(fileURLWithPath: "\(folder)/\(job.recipeFile)"))
    } catch { throw InputError(["\(folder)/\(job.folder): cannot be written"]) }
    if start == .new { unlink("\(folder)/\(job.messages)") }
    messagesBegin = Output.size("\(folder)/\(job.messages)")
  }

  /// What the checkpoint that lies there, if one does, lets a conversion do.
  static func start(of job: ZooJob, in folder: String) -> CheckpointPolicy.Start {
    let checkpoint = "\(folder)/\(job.output).checkpoint"
    // Whoever killed the machine may have cut the checkpoint; the training in it is lost either way.
    return Output.kind(checkpoint) == nil ? .new : (try? CheckpointFile.read(checkpoint)) == nil ? .restart : .resume
  }

  private var arguments: [String] {
    let model = job.model
    var arguments = ["convert", "--recipe", "\(folder)/\(job.recipeFile)", "--data=" + model.data]
    if let other = model.evaluateOn { arguments.append("--evaluate-on=" + other) }
    arguments += ["--output=\(folder)/\(job.output)", "--log=\(folder)/\(job.log)"]
    if start != .new { arguments.append("--\(start.rawValue)") }
    return arguments + ["--", model.file]
  }

  /// Starts it and waits for its end.
  ///
  /// - Parameters:
  ///   - lock: the open file that holds the folder.
  ///   - watch: gets the process once it runs, and nil when it has ended.
  func run(threads: Int, _ lock: Int32, _ watch: (ChildProcess?) -> Void) throws -> ChildProcess.End {
    let path = "\(folder)/\(job.messages)"
    let messages = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
    guard messages >= 0 else { throw InputError(["\(path): cannot be written: \(String(cString: strerror(errno)))"]) }
    defer { close(messages) }
    var environment = ProcessInfo.processInfo.environment
    environment["OMP_NUM_THREADS"] = "\(threads)"
    // A crash is told in a line; its stack goes to the messages only where somebody asked for it.
    environment["SWIFT_BACKTRACE"] = environment["SWIFT_BACKTRACE"] ?? "enable=no"
    let child = try ChildProcess(
      "/proc/self/exe", arguments, environment: environment, input: lock, output: messages)
    watch(child)
    defer { watch(nil) }
    return child.wait()
  }

  /// What this attempt said was wrong; nil where it said nothing.
  var errors: String? {
    guard let data = try? Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(job.messages)")) else { return nil }
    let lines = String(decoding: data.dropFirst(messagesBegin), as: UTF8.self).split(separator: "\n")
    let errors = lines.filter { $0.hasPrefix("error: ") }.map { $0.dropFirst("error: ".count) }
    return errors.isEmpty ? nil : errors.joined(separator: "\n")
  }
}
