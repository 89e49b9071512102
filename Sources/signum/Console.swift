import Foundation
import Logging
import Pipeline
import Training

/// Where words go: what was asked for to standard output, everything else to standard error.
enum Console {
  static let log = Logger(label: "signum") { _ in PlainLogHandler() }
  static let isTerminal = isatty(STDERR_FILENO) != 0

  static func error(_ message: String) {
    for line in message.split(separator: "\n") { write("error: \(line)\n") }
  }

  /// A message that nobody can read any more is no reason to stop.
  static func write(_ text: String) { try? FileHandle.standardError.write(contentsOf: Data(text.utf8)) }

  /// Makes sure that all of standard output has arrived, and ends the process with 1 where it has not.
  static func finish() {
    guard fflush(nil) != 0 else { return }
    // Whoever reads has seen enough, as `head` has: the end that other programs have then.
    if errno == EPIPE {
      signal(SIGPIPE, SIG_DFL)
      raise(SIGPIPE)
    }
    error("standard output: cannot be written: \(String(cString: strerror(errno)))")
    Foundation.exit(1)
  }

  /// Prints a value as one JSON object with sorted keys.
  static func printJSON(_ value: some Encodable) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    print(String(decoding: try encoder.encode(value), as: UTF8.self))
  }
}

/// Log messages as a person reads them: the words, and the level where it is worth a thought.
struct PlainLogHandler: LogHandler {
  var logLevel = Logger.Level.info
  var metadata: Logger.Metadata = [:]

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    Console.write(event.level >= .warning ? "\(event.level): \(event.message)\n" : "\(event.message)\n")
  }
}

/// How far training has come: a line that is written over on a terminal, a line an epoch elsewhere.
final class ProgressLine {
  private var last = ContinuousClock.now - .seconds(1)

  func show(_ progress: TrainingProgress) {
    let isEpochEnd = progress.isEpochEnd
    if Console.isTerminal {
      guard isEpochEnd || ContinuousClock.now - last > .milliseconds(200) else { return }
      last = .now
      Console.write("\r\u{1B}[K" + text(progress) + (isEpochEnd ? "\n" : ""))
    } else if isEpochEnd {
      Console.write(text(progress) + "\n")
    }
  }

  private func text(_ progress: TrainingProgress) -> String {
    var parts = [
      "epoch \(progress.epoch)/\(progress.epochs)", "step \(progress.step)/\(progress.steps)",
      String(format: "loss %.4f", progress.loss), String(format: "top-1 %.2f %%", progress.top1 * 100),
    ]
    if let top1 = progress.validationTop1 { parts.append(String(format: "validation %.2f %%", top1 * 100)) }
    parts.append(String(format: "rate %.2g", progress.learningRate))
    parts.append(String(format: "%.0f images/s", progress.imagesPerSecond))
    parts.append("\(Self.time(progress.secondsLeft)) left")
    return parts.joined(separator: "  ")
  }

  private static func time(_ seconds: Double) -> String {
    let whole = Int(seconds.rounded())
    return whole >= 3600
      ? String(format: "%d:%02d:%02d", whole / 3600, whole / 60 % 60, whole % 60)
      : String(format: "%d:%02d", whole / 60, whole % 60)
  }
}
