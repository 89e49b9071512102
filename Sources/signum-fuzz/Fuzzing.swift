import Foundation

/// A child reads changed files; its parent sees how it ends, keeps what ended it, and lets the next one go on.
enum Fuzzing {
  struct Options {
    var seconds = 60
    var seed: UInt64 = 1
    var findings = "fuzz-findings"
    var from = 0
    var scratch: String?
  }

  /// Seconds that one file may take.
  private static let patience: UInt32 = 10
  /// Bytes of address space that reading may take.
  private static let memory: UInt = 3 << 30

  static func usage() -> Never {
    let names = FuzzTarget.all.map(\.name).joined(separator: "|")
    FileHandle.standardError.write(
      Data("signum-fuzz \(names) [--seconds N] [--seed N] [--findings FOLDER], from the root of the project\n".utf8))
    exit(64)
  }

  /// Says a line at once, also into a pipe.
  private static func say(_ line: String) {
    FileHandle.standardOutput.write(Data((line + "\n").utf8))
  }

  // MARK: The parent

  /// Runs children until the time is over. 1 where any of them ended badly.
  static func watch(_ target: FuzzTarget, _ options: Options) -> Int32 {
    let corpus = target.corpus()
    guard !corpus.isEmpty else {
      say("\(target.name): there are no files to begin with; start it in the root of the project")
      return 1
    }
    let scratch = FileManager.default.temporaryDirectory.appendingPathComponent("signum-fuzz-\(UUID().uuidString)").path
    do { try FileManager.default.createDirectory(atPath: scratch, withIntermediateDirectories: true) } catch {
      say("\(scratch): cannot be made")
      return 1
    }
    defer { try? FileManager.default.removeItem(atPath: scratch) }
    let end = ContinuousClock.now + .seconds(options.seconds)
    var (from, findings) = (0, 0)
    while ContinuousClock.now < end, findings < 20 {
      let left = max(1, Int((end - .now) / .seconds(1)))
      let ending = child(target, options, from: from, seconds: left, scratch)
      guard let ending else { return 1 }
      from = (Int((try? String(contentsOfFile: "\(scratch)/count", encoding: .utf8)) ?? "") ?? from) + 1
      guard let reason = ending.reason else { break }
      findings += 1
      keep("\(scratch)/input.\(target.fileExtension)", target, from - 1, reason, options)
    }
    say("\(target.name): \(from) files from \(corpus.count), \(findings) findings")
    return findings == 0 ? 0 : 1
  }

  private struct Ending {
    /// Nil for one that ended in peace.
    var reason: String?
  }

  private static func child(
    _ target: FuzzTarget, _ options: Options, from: Int, seconds: Int, _ scratch: String
  ) -> Ending? {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    process.arguments = [
      target.name, "--seconds", "\(seconds)", "--seed", "\(options.seed)", "--from", "\(from)", "--scratch", scratch,
    ]
    process.environment = ProcessInfo.processInfo.environment.merging(["SWIFT_BACKTRACE": "enable=no"]) { $1 }
    do { try process.run() } catch {
      say("\(target.name): the child cannot be started: \(error.localizedDescription)")
      return nil
    }
    process.waitUntilExit()
    guard process.terminationReason == .uncaughtSignal else {
      return Ending(reason: process.terminationStatus == 0 ? nil : "ended with code \(process.terminationStatus)")
    }
    let signal = process.terminationStatus
    return Ending(
      reason: signal == SIGALRM ? "took longer than \(patience) s" : String(cString: strsignal(signal)))
  }

  private static func keep(
    _ input: String, _ target: FuzzTarget, _ index: Int, _ reason: String, _ options: Options
  ) {
    let path = "\(options.findings)/\(target.name)-\(options.seed)-\(index).\(target.fileExtension)"
    try? FileManager.default.createDirectory(atPath: options.findings, withIntermediateDirectories: true)
    try? FileManager.default.removeItem(atPath: path)
    try? FileManager.default.copyItem(atPath: input, toPath: path)
    say("\(target.name): \(reason): \(path)")
  }

  // MARK: The child

  /// Reads one changed file after the other until the time is over.
  static func work(_ target: FuzzTarget, _ options: Options) -> Int32 {
    var limit = rlimit(rlim_cur: memory, rlim_max: memory)
    setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit)
    let corpus = target.corpus()
    let input = "\(options.scratch!)/input.\(target.fileExtension)"
    let end = ContinuousClock.now + .seconds(options.seconds)
    var index = options.from
    while ContinuousClock.now < end {
      let bytes = Mutation.bytes(index, seed: options.seed, corpus: corpus)
      // Written before it is read, so that the parent finds it whatever happens.
      guard write(bytes, to: input), write(Array("\(index)".utf8), to: "\(options.scratch!)/count") else { return 1 }
      alarm(patience)
      do { try target.read(input) } catch { _ = "\(error)" }
      alarm(0)
      index += 1
    }
    return 0
  }

  /// Over what was there: no renaming and no waiting for the disk, of which there would be thousands.
  private static func write(_ bytes: [UInt8], to path: String) -> Bool {
    let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard file >= 0 else { return false }
    defer { close(file) }
    return bytes.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) } == bytes.count
  }
}
