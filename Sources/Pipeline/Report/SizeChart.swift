import Foundation

/// Accuracy against size: a dot for each run, and a ring for each float network.
struct SizeChart {
  struct Dot {
    var name: String
    var label: String
    var bytes: Int
    var top1: Double
    var isFloat = false
  }

  var dots: [Dot]

  /// Drawn twice, so that letters are as large on a wide page as on a narrow one; the style shows one of them.
  var markup: Markup {
    """
    <figure class="wide"><figcaption>Accuracy against size of the file</figcaption>
    \(drawing("broad", width: 1080, height: 340))\(drawing("slim", width: 380, height: 300))</figure>

    """
  }

  private func drawing(_ style: Markup, width: Double, height: Double) -> Markup {
    let (left, right, top, bottom) = (54.0, width - 16, 20.0, height - 34)
    let x = Axis(dots.map { Double($0.bytes) }, ends: (left, right), isLogarithmic: true)
    let y = Axis(dots.map(\.top1), ends: (bottom, top))
    let rows = y.ticks(6).map { value -> Markup in
      let place = y.place(value)
      return """
        <line class="grid" x1="\(left)" x2="\(right)" y1="\(place)" y2="\(place)"/>\
        <text x="\(left - 6)" y="\(place + 4)" text-anchor="end">\(Page.percent(value, digits: 1))</text>
        """
    }
    let columns = x.ticks(width > 500 ? 10 : 5).map { value -> Markup in
      "<text x=\"\(x.place(value))\" y=\"\(height - 8)\" text-anchor=\"middle\">\(Page.size(Int(value)))</text>"
    }
    return """
      <svg class="\(style)" viewBox="0 0 \(width) \(height)" role="img" aria-label="Accuracy against size">\(rows)\
      \(columns)\(dots.map { mark($0, x.place(Double($0.bytes)), y.place($0.top1), right) })</svg>

      """
  }

  private func mark(_ dot: Dot, _ across: Double, _ up: Double, _ right: Double) -> Markup {
    // The name of a ring stands beside it, on the side where there is room; the number of a dot above it.
    let isAtEdge = across > right - 60
    let place: Markup =
      dot.isFloat
      ? "x=\"\(isAtEdge ? across - 10 : across + 10)\" y=\"\(up + 4)\" text-anchor=\"\(isAtEdge ? "end" : "start")\""
      : "x=\"\(across)\" y=\"\(up - 9)\" text-anchor=\"middle\""
    return """
      <g><title>\(dot.name): \(Page.percent(dot.top1, digits: 2)), \(Page.size(dot.bytes))</title>\
      <circle class="\(dot.isFloat ? "hollow" : "f1")" cx="\(across)" cy="\(up)" r="5"/>\
      <text class="mark" \(place)>\(dot.label)</text></g>

      """
  }
}
