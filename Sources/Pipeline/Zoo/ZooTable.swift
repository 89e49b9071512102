import Foundation

/// What a zoo has come to, as one table.
///
/// The figures are those that each conversion wrote to its log.
package struct ZooTable: Sendable {
  package enum Format: String, CaseIterable, Sendable { case markdown, csv, json }

  /// A row; what is not known yet is nil.
  struct Row: Encodable {
    var model, recipe, export: String
    var state: String
    var method: String?
    /// The mean over the weights of coded layers, and the most that one of these layers reads.
    var weightBits: Double?
    var activationBits: Int?
    /// The share of these weights that are 0.
    var zeros: Double?
    var floatBytes, packedBytes: Int?
    /// Shares of right answers, from 0 to 1.
    var floatTop1, packedTop1, difference: Double?
    var verified: Bool?
    var seconds: Double?
    var message: String?
  }

  let rows: [Row]

  package init(_ jobs: [ZooLedger.Job]) {
    rows = jobs.map { job in
      // Figures of an earlier result do not belong to a job that is under way again.
      let known = job.state == .done || job.state == .unverified ? job : nil
      let pair = known.flatMap { job in
        job.packedTop1.flatMap { packed in job.floatTop1.map { Self.rounded(packed - $0) } }
      }
      return Row(
        model: job.model, recipe: job.recipe, export: job.export, state: job.state.rawValue, method: known?.method,
        weightBits: known?.weightBits, activationBits: known?.activationBits, zeros: known?.zeros,
        floatBytes: known?.floatBytes, packedBytes: known?.packedBytes, floatTop1: known?.floatTop1,
        packedTop1: known?.packedTop1, difference: pair,
        verified: known?.isVerified, seconds: known?.seconds, message: job.message)
    }
  }

  package func text(_ format: Format) -> String {
    switch format {
    case .markdown: markdown
    case .csv: csv
    case .json: json
    }
  }

  private static let columns = [
    "model", "recipe", "method", "W/A bits", "zeros", "bytes", "float top-1", "packed top-1", "difference", "verified",
    "time",
  ]

  private var markdown: String {
    let exports = Set(rows.map(\.export)).count > 1
    let cells = rows.map { row -> [String] in
      [
        row.model, row.recipe + (exports ? " (\(row.export))" : ""), row.method ?? "", row.bits,
        row.zeros.map { String(format: "%.1f %%", $0 * 100) } ?? "", row.packedBytes.map(String.init) ?? "",
        Self.percent(row.floatTop1), Self.percent(row.packedTop1),
        row.difference.map { String(format: "%+.2f", $0 * 100) } ?? "", row.verdict, Self.time(row.seconds),
      ].map { $0.replacing("|", with: "\\|") }
    }
    let widths = Self.columns.indices.map { column in
      max(Self.columns[column].count, cells.map { $0[column].count }.max() ?? 0)
    }
    let isRight = Self.columns.indices.map { (3...8).contains($0) || $0 == 10 }
    func line(_ cells: [String]) -> String {
      let padded = cells.indices.map { column in
        let gap = String(repeating: " ", count: widths[column] - cells[column].count)
        return isRight[column] ? gap + cells[column] : cells[column] + gap
      }
      return "| " + padded.joined(separator: " | ") + " |"
    }
    let rule = widths.indices.map { column in
      isRight[column]
        ? String(repeating: "-", count: widths[column] - 1) + ":" : String(repeating: "-", count: widths[column])
    }
    return ([line(Self.columns), line(rule)] + cells.map(line)).joined(separator: "\n") + "\n"
  }

  private var csv: String {
    let header = [
      "model", "recipe", "export", "state", "method", "weight bits", "activation bits", "zeros", "float bytes",
      "packed bytes", "float top-1", "packed top-1", "difference", "verified", "seconds", "message",
    ]
    func number(_ value: Double?) -> String { value.map { "\($0)" } ?? "" }
    let lines = rows.map { row in
      [
        row.model, row.recipe, row.export, row.state, row.method ?? "", number(row.weightBits),
        row.activationBits.map(String.init) ?? "", number(row.zeros), row.floatBytes.map(String.init) ?? "",
        row.packedBytes.map(String.init) ?? "", number(row.floatTop1), number(row.packedTop1), number(row.difference),
        row.verified.map { $0 ? "yes" : "no" } ?? "", number(row.seconds), row.message ?? "",
      ]
    }
    return ([header] + lines).map { $0.map(Self.quoted).joined(separator: ",") + "\r\n" }.joined()
  }

  /// To a ten-thousandth of a point: what is left behind it is of the subtraction.
  private static func rounded(_ share: Double) -> Double { (share * 1e6).rounded() / 1e6 }

  /// As RFC 4180 has it.
  private static func quoted(_ text: String) -> String {
    text.contains { "\",\n\r".contains($0) } ? "\"" + text.replacing("\"", with: "\"\"") + "\"" : text
  }

  private var json: String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
    guard let data = try? encoder.encode(["jobs": rows]) else { preconditionFailure("a table encodes") }
    return String(decoding: data, as: UTF8.self) + "\n"
  }

  static func percent(_ share: Double?) -> String { share.map { String(format: "%.2f %%", $0 * 100) } ?? "" }

  /// `41 s`, `12:31`, `2:05:00`.
  package static func time(_ seconds: Double?) -> String {
    // What a ledger says is not to be trusted with an Int.
    guard let seconds, seconds >= 0, let whole = Int(exactly: seconds.rounded()) else { return "" }
    return whole < 60
      ? "\(whole) s"
      : whole < 3600
        ? String(format: "%d:%02d", whole / 60, whole % 60)
        : String(format: "%d:%02d:%02d", whole / 3600, whole / 60 % 60, whole % 60)
  }

  /// `1`, `0.56`, `1.58`.
  static func bits(_ bits: Double) -> String {
    let text = String(format: "%.2f", bits)
    return text.hasSuffix(".00") ? String(text.dropLast(3)) : text
  }
}

extension ZooTable.Row {
  fileprivate var bits: String {
    guard let weightBits, let activationBits else { return "" }
    return "\(ZooTable.bits(weightBits))/\(activationBits)"
  }

  fileprivate var verdict: String {
    switch state {
    case "done": "yes"
    case "unverified": "NO"
    default: state
    }
  }
}
