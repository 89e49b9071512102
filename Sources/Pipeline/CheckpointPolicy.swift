import Foundation

/// When the state of training is saved, and what becomes of one that an earlier conversion left.
public struct CheckpointPolicy: Hashable, Sendable {
  /// How a conversion begins.
  public enum Start: String, Hashable, Sendable {
    /// From the beginning; refused where a checkpoint of an interrupted conversion lies there.
    case new
    /// Where the checkpoint stands.
    case resume
    /// From the beginning; a checkpoint that lies there is replaced by the first of this conversion.
    case restart
  }

  /// How much training may be lost. Where both are named, whatever is due first saves.
  public struct Interval: Hashable, Sendable, CustomStringConvertible {
    public var epochs: Int?
    public var seconds: Double?

    public init(epochs: Int? = nil, seconds: Double? = nil) {
      self.epochs = epochs
      self.seconds = seconds
    }

    /// Reads `10m`, `2h`, `30s`, `1epoch`, `5epochs`, or one of each with a comma; nil for anything else.
    public init?(_ text: String) {
      for part in text.split(separator: ",", omittingEmptySubsequences: false) {
        let digits = part.prefix { $0.isASCII && $0.isNumber }
        guard let number = Int(digits), (1...1_000_000).contains(number) else { return nil }
        let isTwice: Bool
        switch part.dropFirst(digits.count) {
        case "epoch", "epochs":
          isTwice = epochs != nil
          epochs = number
        case let unit:
          guard let length = ["s": 1.0, "m": 60, "h": 3600][unit] else { return nil }
          isTwice = seconds != nil
          seconds = Double(number) * length
        }
        if isTwice { return nil }
      }
    }

    /// `epoch`, `3 epochs or 600 s`.
    public var description: String {
      [epochs.map { $0 == 1 ? "epoch" : "\($0) epochs" }, seconds.map { "\(Int($0)) s" }].compactMap { $0 }
        .joined(separator: " or ")
    }
  }

  public var start = Start.new
  public var interval = Interval(epochs: 1)
  /// Whether the checkpoint stays when the packed file has its name.
  public var keeps = false

  public init() {}
}
