import Foundation

/// What came of all cases: a table by operator, and a list of those that did not pass.
struct ConformanceReport {
  var results: [(test: ConformanceCase, outcome: ConformanceCase.Outcome)] = []

  struct Counts {
    var passed = 0
    var refused = 0
    var wrong = 0

    mutating func add(_ outcome: ConformanceCase.Outcome) {
      switch outcome {
      case .passed: passed += 1
      case .refused: refused += 1
      case .wrong: wrong += 1
      }
    }
  }

  var total: Counts {
    var counts = Counts()
    for result in results { counts.add(result.outcome) }
    return counts
  }

  /// How many passed with the values of some inputs given while importing.
  var passedWithKnownInputs: Int {
    results.count { if case .passed(let note) = $0.outcome { note.hasPrefix("with ") } else { false } }
  }

  /// A line an operator; a case counts for each operator in it.
  var table: String {
    var byOperator: [String: Counts] = [:]
    for (test, outcome) in results { for name in test.operators { byOperator[name, default: Counts()].add(outcome) } }
    var lines = [row("operator", "pass", "skip", "fail")]
    for name in byOperator.keys.sorted() {
      let counts = byOperator[name]!
      lines.append(row(name, "\(counts.passed)", "\(counts.refused)", "\(counts.wrong)"))
    }
    let total = total
    lines.append(row("all cases", "\(total.passed)", "\(total.refused)", "\(total.wrong)"))
    return lines.joined(separator: "\n")
  }

  /// A line a case, with what is to be said of it.
  var list: String {
    results.map { test, outcome in
      switch outcome {
      case .passed(let note): "pass  \(test.name)  \(note)"
      case .refused(let reason): "skip  \(test.name)  \(reason)"
      case .wrong(let reason): "fail  \(test.name)  \(reason)"
      }
    }.joined(separator: "\n")
  }

  private func row(_ name: String, _ numbers: String...) -> String {
    name.padding(toLength: 26, withPad: " ", startingAt: 0)
      + numbers.map { String(repeating: " ", count: max(6 - $0.count, 1)) + $0 }.joined()
  }

  /// A line a case that did not pass, with the reason.
  var failures: String {
    results.compactMap { test, outcome in
      switch outcome {
      case .passed: nil
      case .refused(let reason): "\(test.name)\tskip\t\(reason)\n"
      case .wrong(let reason): "\(test.name)\tfail\t\(reason)\n"
      }
    }.joined()
  }
}
