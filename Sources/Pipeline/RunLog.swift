import Foundation

/// What a `--log` of a conversion tells: how far it has come, its epochs, and what came of it.
///
/// Lines that cannot be read are passed over: the last one is cut where a process was killed.
package struct RunLog: Sendable {
  package struct Epoch: Hashable, Sendable {
    /// From 1.
    package var number: Int
    package var loss: Double
    /// Shares of right answers, from 0 to 1.
    package var top1: Double
    package var validationTop1: Double?

    package init(number: Int, loss: Double, top1: Double, validationTop1: Double?) {
      (self.number, self.loss, self.top1, self.validationTop1) = (number, loss, top1, validationTop1)
    }
  }

  /// Where training stood when the log was last written to.
  package struct Place: Hashable, Sendable {
    /// Whole epochs that are done, and what is done of the next one, as one number.
    package var done: Double
    /// All of them.
    package var epochs: Int
    package var loss: Double
    package var time: Date
  }

  /// What the log is of, and for whom: read from its first lines.
  package private(set) var model = ""
  package private(set) var method = ""
  package private(set) var recipe: [String: String] = [:]
  package private(set) var threads: Int?
  /// By their number: one that was trained twice counts as it was the second time.
  package private(set) var epochs: [Epoch] = []
  /// In the last of the sittings.
  package private(set) var place: Place?
  /// Where training took up its work in the last sitting.
  private var beginning: Place?
  /// How the last sitting ended; nil while it goes on, and where it was killed.
  package private(set) var outcome: String?
  package private(set) var message: String?
  package private(set) var result: RunResult?
  package private(set) var warnings: [String] = []
  /// Of all sittings together.
  package var seconds: Double { earlier + (end ?? start ?? .distantPast).timeIntervalSince(start ?? .distantPast) }

  private var earlier = 0.0
  private var start: Date?
  private var end: Date?

  /// Reads a log. Throws `InputError` for what is none.
  package init(contentsOf path: String) throws {
    switch Output.kind(path) {
    case nil: throw InputError(["\(path): no such file"])
    case S_IFDIR: throw InputError(["\(path): is a folder; a log is wanted: what 'convert --log' wrote"])
    default: break
    }
    let data: Data
    do { data = try Data(contentsOf: URL(fileURLWithPath: path)) } catch {
      throw InputError(["\(path): cannot be read"])
    }
    self.init(data)
    guard start != nil else { throw InputError(["\(path): is no log of a conversion"]) }
  }

  package init(_ data: Data) {
    let decoder = JSONDecoder()
    decoder.dateDecodingStrategy = .iso8601
    decoder.nonConformingFloatDecodingStrategy = .convertFromString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    for text in data.split(separator: 10) {
      guard let line = try? decoder.decode(Line.self, from: text), line.isSound else { continue }
      add(line)
    }
    epochs.sort { $0.number < $1.number }
  }

  private mutating func add(_ line: Line) {
    if line.event == "start" { begin(line) }
    end = line.time
    switch line.event {
    case "step": reach(line, wholeEpoch: false)
    case "epoch":
      reach(line, wholeEpoch: true)
      guard let number = line.epoch, let loss = line.loss, let top1 = line.top1 else { return }
      epochs.removeAll { $0.number == number }
      epochs.append(Epoch(number: number, loss: loss, top1: top1, validationTop1: line.validationTop1))
    case "warning": line.message.map { warnings.append($0) }
    case "end": (outcome, message, result) = (line.outcome, line.message, line.report)
    default: break
    }
  }

  private mutating func begin(_ line: Line) {
    if let start, let end { earlier += end.timeIntervalSince(start) }
    (start, outcome, message, result, place, beginning) = (line.time, nil, nil, nil, nil, nil)
    model = (line.model.map { ($0 as NSString).lastPathComponent }) ?? model
    method = line.recipe?["method"]?.text ?? method
    threads = line.threads
    recipe = line.recipe?.mapValues(\.text) ?? recipe
  }

  private mutating func reach(_ line: Line, wholeEpoch: Bool) {
    guard let epoch = line.epoch, let total = Int(recipe["epochs"] ?? ""), let loss = line.loss else { return }
    let part = wholeEpoch ? 1 : Double(line.step ?? 0) / Double(max(line.steps ?? 1, 1))
    let place = Place(done: Double(epoch - 1) + part, epochs: total, loss: loss, time: line.time)
    beginning = beginning ?? place
    self.place = place
  }

  /// How long training still takes at the speed of this sitting; nil where too little of it is known.
  package func secondsLeft(at now: Date) -> Double? {
    guard let place, let secondsPerEpoch else { return nil }
    return max(0, (Double(place.epochs) - place.done) * secondsPerEpoch - now.timeIntervalSince(place.time))
  }

  /// At the speed of the last sitting, or of all of them where that one is too short to tell.
  package var secondsPerEpoch: Double? {
    if let place, let beginning, place.done - beginning.done >= 0.05 {
      return place.time.timeIntervalSince(beginning.time) / (place.done - beginning.done)
    }
    guard let place, place.done > 0, seconds > 0 else { return nil }
    return seconds / place.done
  }
}

/// What a log says at its end, as far as a table or a picture needs it.
package struct RunResult: Decodable, Hashable, Sendable {
  package struct Verification: Decodable, Hashable, Sendable {
    package var floatTop1: Double?
    package var frozenTop1: Double?
    package var packedTop1: Double?
    package var images: Int?
    package var passes: Bool
  }
  package var method: String
  package var floatBytes: Int
  package var packedBytes: Int
  package var evaluatedOn: String?
  package var verification: Verification
  /// Nil in logs of versions that did not write it.
  package var layers: [LayerReport]?
}

private struct Line: Decodable {
  var event: String
  var time: Date
  var epoch, step, steps, threads: Int?
  var loss, top1, validationTop1: Double?
  var outcome, message, model: String?
  var recipe: [String: LooseText]?
  var report: RunResult?

  /// Whether its whole numbers are such as can be counted with, and no network is without a byte; a log may come from
  /// anywhere.
  var isSound: Bool {
    let numbers = [epoch, step, steps, threads] + (report?.layers ?? []).map { $0.bytes }
    return numbers.allSatisfy { $0.map { 0...1 << 40 ~= $0 } ?? true }
      && [report?.floatBytes, report?.packedBytes].allSatisfy { $0.map { 1...1 << 40 ~= $0 } ?? true }
  }
}

/// A value of any kind as text; what is a list or an object, as nothing.
private struct LooseText: Decodable {
  var text: String

  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    text = (try? container.decode(Word.self))?.text ?? ""
  }
}
