/// Rows of a table for a terminal: columns stand two spaces apart.
///
/// - Parameter right: the columns that are set flush right.
func aligned(_ rows: [[String]], right: ClosedRange<Int>?) -> String {
  let widths = (rows.first ?? []).indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
  return rows.map { row in
    let cells = row.enumerated().map { column, cell in
      let gap = String(repeating: " ", count: widths[column] - cell.count)
      return right?.contains(column) == true ? gap + cell : cell + gap
    }
    return cells.joined(separator: "  ").trimmingTrailingSpaces
  }.joined(separator: "\n")
}

/// `1 epoch`, `2 epochs`.
func counted(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }

extension String {
  fileprivate var trimmingTrailingSpaces: String {
    var text = self[...]
    while text.last == " " { text.removeLast() }
    return String(text)
  }
}

/// ` (20.3 x smaller)`, or larger.
func sizeChange(from old: Int, to new: Int) -> String {
  let (old, new) = (Double(max(old, 1)), Double(max(new, 1)))
  return new > old ? String(format: " (%.1f x larger)", new / old) : String(format: " (%.1f x smaller)", old / new)
}
