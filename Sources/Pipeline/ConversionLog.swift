import Foundation
import Packed
import Training

/// The course of a conversion as lines of JSON, one object a line, each written as it happens.
///
/// Every line has `event` and `time`: `start`, `fingerprint`, `note`, `warning`, `step`, `epoch`, `end`. README shows
/// them.
final class ConversionLog {
  /// What is known when the conversion begins.
  struct Start: Encodable {
    var command: [String]
    var model: String
    var data: String
    var output: String
    var versions: [String: String]
    var processor: [String]
    var threads: Int
    var recipe: Recipe
    var resumes: Bool
  }

  private struct Line<Content: Encodable>: Encodable {
    enum Keys: String, CodingKey { case event, time }
    var event: String
    var content: Content

    func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: Keys.self)
      try container.encode(event, forKey: .event)
      try container.encode(Date().formatted(.iso8601), forKey: .time)
      try content.encode(to: encoder)
    }
  }

  private struct Words: Encodable { var message: String }

  private struct Step: Encodable {
    var epoch, step, steps: Int
    var loss, top1, learningRate: Float
    var imagesPerSecond: Double
  }

  private struct Epoch: Encodable {
    var epoch, epochs: Int
    var imagesPerSecond: Double
    var summary: EpochSummary
    func encode(to encoder: any Encoder) throws {
      try summary.encode(to: encoder)
      var container = encoder.container(keyedBy: Key.self)
      try container.encode(epoch, forKey: .epoch)
      try container.encode(epochs, forKey: .epochs)
      try container.encode(imagesPerSecond, forKey: .imagesPerSecond)
    }
    enum Key: String, CodingKey { case epoch, epochs, imagesPerSecond }
  }

  private struct End: Encodable {
    var outcome: String
    var message: String?
    var report: ConversionReport?
  }

  /// At most about so many steps of an epoch are logged.
  private static let stepsAnEpoch = 100

  private let path: String
  private let file: Int32
  private let warn: (String) -> Void
  private var isBroken = false

  /// Opens a log: goes on with the one that lies there, or begins it anew.
  ///
  /// - Parameter others: files of the conversion, which must not be written over.
  init(_ path: String, appends: Bool, others: [String], warn: @escaping (String) -> Void) throws {
    self.path = path
    self.warn = warn
    if others.contains(where: { Output.isSame($0, path) }) {
      throw InputError(["\(path): is a file of this conversion; name another one for the log"])
    }
    guard try Self.isLog(path) else {
      throw InputError(["\(path): is no log; name a new file, or one that holds lines of JSON"])
    }
    file = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | (appends ? 0 : O_TRUNC), 0o644)
    guard file >= 0 else {
      throw InputError(["\(path.isEmpty ? "--log" : path): cannot be written: \(String(cString: strerror(errno)))"])
    }
    if appends { endCutLine() }
  }

  deinit { close(file) }

  /// Whether a path leads nowhere, to no regular file, or to a file that is empty or begins as a log does.
  private static func isLog(_ path: String) throws -> Bool {
    guard Output.kind(path) == S_IFREG, Output.size(path) > 0 else { return true }
    let start = try FileHandle(forReadingFrom: URL(fileURLWithPath: path)).read(upToCount: 1 << 16) ?? Data()
    let line = start.prefix { $0 != 10 }
    // The first line of a log may be longer than what was read, or cut where a process was killed.
    return line.first == UInt8(ascii: "{") && line.range(of: Data("\"event\":".utf8)) != nil
  }

  /// A process that was killed may have left half a line.
  private func endCutLine() {
    let end = lseek(file, 0, SEEK_END)
    var last: UInt8 = 10
    if end > 0, pread(file, &last, 1, end - 1) == 1, last != 10 { put([10]) }
  }

  /// A listener that writes down what it hears and hands it on.
  func hearing(_ listener: Converter.Listener) -> Converter.Listener {
    var result = listener
    result.began = { [self] in
      write("start", $0)
      listener.began($0)
    }
    result.identified = { [self] in
      write("fingerprint", $0)
      listener.identified($0)
    }
    result.note = { [self] in
      write("note", Words(message: $0))
      listener.note($0)
    }
    result.warn = { [self] in
      write("warning", Words(message: $0))
      listener.warn($0)
    }
    result.progress = { [self] in
      record($0)
      listener.progress($0)
    }
    return result
  }

  private func record(_ progress: TrainingProgress) {
    if let summary = progress.summary {
      let epoch = Epoch(
        epoch: progress.epoch, epochs: progress.epochs, imagesPerSecond: progress.imagesPerSecond, summary: summary)
      write("epoch", epoch)
    } else if progress.step % max(1, progress.steps / Self.stepsAnEpoch) == 0 {
      let step = Step(
        epoch: progress.epoch, step: progress.step, steps: progress.steps, loss: progress.loss, top1: progress.top1,
        learningRate: progress.learningRate, imagesPerSecond: progress.imagesPerSecond)
      write("step", step)
    }
  }

  func end(_ report: ConversionReport) {
    write("end", End(outcome: report.verification.passes ? "verified" : "verification failed", report: report))
  }

  func end(_ error: any Error) {
    write("end", End(outcome: error is Interrupted ? "interrupted" : "failed", message: "\(error)"))
  }

  /// One line, in one call, so that a process that is killed loses at most the line it was writing.
  private func write(_ event: String, _ content: some Encodable) {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    guard let data = try? encoder.encode(Line(event: event, content: content)) else {
      preconditionFailure("what is logged encodes")
    }
    put(Array(data) + [10])
  }

  private func put(_ bytes: [UInt8]) {
    guard !isBroken else { return }
    var rest = bytes[...]
    while !rest.isEmpty {
      let written = rest.withUnsafeBytes { posixWrite(file, $0.baseAddress, $0.count) }
      if written < 0 && errno == EINTR { continue }
      guard written >= 0 else {
        // The conversion is worth more than its log.
        isBroken = true
        return warn("\(path): cannot be written: \(String(cString: strerror(errno))); the log ends here")
      }
      rest = rest.dropFirst(written)
    }
  }
}

#if canImport(Glibc)
  private let posixWrite = Glibc.write
#else
  private let posixWrite = Foundation.write
#endif
