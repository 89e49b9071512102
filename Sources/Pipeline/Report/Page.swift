import Foundation
import WholeFiles

/// A page about conversions: one HTML file that needs nothing else, with pictures drawn in SVG.
package struct Page: Sendable {
  /// One conversion, under the name that it has on the page.
  package struct Run: Sendable {
    package var name: String
    package var log: RunLog

    package init(name: String, log: RunLog) { (self.name, self.log) = (name, log) }
  }

  /// A job of a zoo that has no log, because it waits, or failed before it began one.
  package struct Missing: Hashable, Sendable {
    package var name: String
    package var state: String

    package init(name: String, state: String) { (self.name, self.state) = (name, state) }
  }

  package private(set) var runs: [Run] = []
  package private(set) var missing: [Missing] = []

  package init(_ runs: [Run], missing: [Missing] = []) { (self.runs, self.missing) = (runs, missing) }

  /// Of what paths lead to: logs of conversions, and folders or YAML files of zoos.
  ///
  /// Throws `InputError` with everything that cannot be read.
  package init(of paths: [String]) throws {
    var problems: [String] = []
    // A log that is named twice, or by its zoo too, is one run; a zoo's name for it says more.
    var places: [String: Int] = [:]
    for path in paths {
      do {
        let found = try Self.runs(at: path)
        missing += found.missing.filter { !missing.contains($0) }
        for (log, run) in found.runs {
          if let place = places[log] {
            if run.name != (path as NSString).lastPathComponent { runs[place].name = run.name }
          } else {
            places[log] = runs.count
            runs.append(run)
          }
        }
      } catch let error as InputError { problems += error.problems.filter { !problems.contains($0) } }
    }
    guard problems.isEmpty else { throw InputError(problems) }
    guard !runs.isEmpty else { throw InputError(["\(paths.joined(separator: ", ")): no conversion has begun there"]) }
  }

  /// Each with the place of its log, which is written in one way only.
  private static func runs(at path: String) throws -> (runs: [(log: String, run: Run)], missing: [Missing]) {
    func place(_ log: String) -> String { URL(fileURLWithPath: log).resolvingSymlinksInPath().path }
    let isZoo = ["yaml", "yml"].contains((path as NSString).pathExtension.lowercased())
    let folder = isZoo ? try ZooLedger.folder(of: path) : path
    guard Output.kind(folder) == S_IFDIR else {
      let run = Run(name: (path as NSString).lastPathComponent, log: try RunLog(contentsOf: path))
      return ([(place(path), run)], [])
    }
    var (runs, missing): ([(log: String, run: Run)], [Missing]) = ([], [])
    for job in try ZooLedger.existing(folder).jobs() {
      let log = "\(folder)/\(job.log)"
      if Output.kind(log) == S_IFREG {
        runs.append((place(log), Run(name: job.name, log: try RunLog(contentsOf: log))))
      } else {
        let state = [job.state.rawValue, job.message].compactMap { $0 }.joined(separator: ": ")
        missing.append(Missing(name: job.name, state: job.state == .done ? "done, but its log is not there" : state))
      }
    }
    return (runs, missing)
  }

  /// The whole file.
  package var html: String {
    let title = runs.count == 1 ? runs[0].name : "\(runs.count) conversions"
    let page: Markup = """
      <!DOCTYPE html>
      <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
      <meta name="generator" content="signum \(Signum.version)">
      <meta name="color-scheme" content="light dark"><title>\(title) – signum</title><style>
      \(Self.style)</style></head><body><main>
      <h1>\(title)</h1><p>\(introduction)</p>
      \(overview)\(sizes)\(runs.enumerated().map { section($0 + 1, $1) })
      <footer>Made by signum \(Signum.version). Hold the pointer over a dot or a bar for its number.</footer>
      </main></body></html>

      """
    return page.source
  }

  private var introduction: String {
    let finished = runs.count { $0.log.result != nil }
    let models = Set(runs.map(\.log.model)).sorted().joined(separator: ", ")
    return "\(models): \(finished) of \(runs.count + missing.count) finished. Top-1 is the share of right answers on "
      + "the images that a network is evaluated on; that of the packed file is of its own kernels."
  }

  /// A row for each run.
  private var overview: Markup {
    let heads = [
      "W/A bits", "float top-1", "packed top-1", "difference", "bytes", "smaller", "verified", "epochs", "time",
    ]
    let rows = runs.enumerated().map { index, run -> Markup in
      """
      <tr><td>\(index + 1)</td><td class="left"><a href="#run\(index + 1)">\(run.name)</a></td>\
      <td class="left">\(run.log.method)</td>\(run.cells.map { Markup("<td>\($0)</td>") })</tr>

      """
    }
    return """
      <div class="scroll"><table><thead><tr><th></th><th class="left">run</th><th class="left">method</th>\
      \(heads.map { Markup("<th>\($0)</th>") })</tr></thead><tbody>
      \(rows)</tbody></table></div>
      \(withoutLog)
      """
  }

  private var withoutLog: Markup {
    guard !missing.isEmpty else { return "" }
    let items = missing.map { Markup("<li>\($0.name): \($0.state)</li>\n") }
    return "<p>Without a log:</p><ul>\n\(items)</ul>\n"
  }

  private var sizes: Markup {
    var dots: [SizeChart.Dot] = []
    for (index, run) in runs.enumerated() {
      guard let result = run.log.result else { continue }
      if let top1 = result.verification.packedTop1 {
        dots.append(.init(name: run.name, label: "\(index + 1)", bytes: result.packedBytes, top1: top1))
      }
      let isDrawn = dots.contains { $0.isFloat && $0.bytes == result.floatBytes && $0.name.hasPrefix(run.log.model) }
      if let top1 = result.verification.floatTop1, !isDrawn {
        dots.append(
          .init(name: "\(run.log.model), float", label: "float", bytes: result.floatBytes, top1: top1, isFloat: true))
      }
    }
    return dots.isEmpty ? "" : SizeChart(dots: dots).markup
  }

  // MARK: One run

  private func section(_ number: Int, _ run: Run) -> Markup {
    let log = run.log
    let charts = (log.epochs.isEmpty ? [] : [run.loss, run.accuracy]) + (log.result.map { [run.size($0)] } ?? [])
    let missing: Markup = log.epochs.isEmpty ? "<p>No epoch has been finished.</p>" : ""
    return """
      <section id="run\(number)"><h2>\(runs.count == 1 ? "" : "\(number). ")\(run.name)</h2>
      <p>\(run.facts)</p>\(missing)
      <div class="charts">\(charts)</div>\(run.layers)\(run.warnings)</section>

      """
  }
}

extension Page {
  static func percent(_ share: Double, digits: Int = 0) -> String { String(format: "%.\(digits)f %%", share * 100) }

  /// `54.7 kB`: thousands, as files are measured.
  static func size(_ bytes: Int) -> String {
    switch bytes {
    case ..<1000: "\(bytes) B"
    case ..<10_000: String(format: "%.1f kB", Double(bytes) / 1000)
    case ..<1_000_000: String(format: "%.0f kB", Double(bytes) / 1000)
    case ..<10_000_000: String(format: "%.1f MB", Double(bytes) / 1_000_000)
    default: String(format: "%.0f MB", Double(bytes) / 1_000_000)
    }
  }
}

extension Page {
  /// Writes a page to a file. Throws `InputError` where that cannot be done.
  package static func write(_ page: Page, to path: String, sources: [String]) throws {
    try Output.check(path, sources: sources, as: .page)
    do { try WholeFile.write(Data(page.html.utf8), to: path) } catch {
      throw InputError(["\(path): cannot be written: \(error)"])
    }
  }
}
