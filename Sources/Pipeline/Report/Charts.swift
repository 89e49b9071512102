import Foundation

/// Curves over the epochs of a training.
struct LineChart {
  struct Series {
    var name: String
    /// Which colour it has, from 1.
    var colour: Int
    var points: [(x: Double, y: Double)]
  }

  /// A value to compare with, as a dashed line.
  struct Reference {
    var name: String
    var colour: Int
    var value: Double
  }

  var title: String
  var series: [Series]
  var references: [Reference] = []
  /// How a number of the upright axis is written.
  var format: (Double) -> String

  static let size = (width: 380.0, height: 230.0)
  private static let (left, right, top, bottom) = (54.0, 370.0, 12.0, 200.0)

  var markup: Markup {
    let points = series.flatMap(\.points)
    let x = Axis(points.map(\.x), ends: (Self.left, Self.right))
    let y = Axis(points.map(\.y) + references.map(\.value), ends: (Self.bottom, Self.top))
    let drawn = series.map { curve($0, x, y) }
    return """
      <figure><figcaption>\(title)</figcaption>\(legend)
      <svg viewBox="0 0 \(Self.size.width) \(Self.size.height)" role="img" aria-label="\(title)">\(grid(x, y))
      \(references.map { line($0, y) })\(drawn)</svg></figure>

      """
  }

  private var legend: Markup {
    let lines = series.map { Markup("<li><i class=\"b\($0.colour)\"></i>\($0.name)</li>") }
    let dashes = references.map {
      Markup("<li><i class=\"dash d\($0.colour)\"></i>\($0.name) \(format($0.value))</li>")
    }
    return "<ul class=\"legend\">\(lines)\(dashes)</ul>"
  }

  private func grid(_ x: Axis, _ y: Axis) -> Markup {
    let rows = y.ticks(5).map { value -> Markup in
      let place = y.place(value)
      return """
        <line class="grid" x1="\(Self.left)" x2="\(Self.right)" y1="\(place)" y2="\(place)"/>\
        <text x="\(Self.left - 6)" y="\(place + 4)" text-anchor="end">\(format(value))</text>
        """
    }
    let columns = x.ticks(7, whole: true).map { value -> Markup in
      "<text x=\"\(x.place(value))\" y=\"\(Self.bottom + 16)\" text-anchor=\"middle\">\(Int(value))</text>"
    }
    return """
      \(rows)\(columns)<text x="\(Self.right)" y="\(Self.size.height - 1)" text-anchor="end">epoch</text>
      """
  }

  private func line(_ reference: Reference, _ y: Axis) -> Markup {
    guard reference.value.isFinite else { return "" }
    let place = y.place(reference.value)
    return
      "<line class=\"ref s\(reference.colour)\" x1=\"\(Self.left)\" x2=\"\(Self.right)\" y1=\"\(place)\" y2=\"\(place)\"/>"
  }

  private func curve(_ series: Series, _ x: Axis, _ y: Axis) -> Markup {
    let points = series.points.filter { $0.x.isFinite && $0.y.isFinite }
    let path = points.map { Markup("\(x.place($0.x)),\(y.place($0.y)) ") }
    let dots = points.map { point -> Markup in
      """
      <circle class="f\(series.colour)" cx="\(x.place(point.x))" cy="\(y.place(point.y))" r="\(points.count > 30 ? 1.5 : 2.5)">\
      <title>\(series.name), epoch \(Int(point.x)): \(format(point.y))</title></circle>
      """
    }
    return "<polyline class=\"s\(series.colour)\" points=\"\(path)\"/>\(dots)"
  }
}

/// A bar for each layer.
struct BarChart {
  struct Bar {
    var name: String
    /// Nil where it is not known.
    var value: Double?
    var text: String
    /// Bars that stand out less: layers that stay float.
    var isFaint = false
  }

  var title: String
  var bars: [Bar]
  /// What the longest bar stands for; nil takes the largest value.
  var most: Double?

  private static let (width, names, row) = (380.0, 138.0, 17.0)
  private static let numbers = 58.0

  var markup: Markup {
    let height = Double(bars.count) * Self.row + 4
    let largest = max(most ?? bars.compactMap(\.value).filter(\.isFinite).max() ?? 0, 1e-12)
    let rows = bars.enumerated().map { index, bar -> Markup in
      let y = Double(index) * Self.row + 2
      let value = bar.value.map { $0.isFinite ? max(0, min(1, $0 / largest)) : 0 } ?? 0
      let length = value * (Self.width - Self.names - Self.numbers)
      return """
        <g><title>\(bar.name): \(bar.text)</title><text x="\(Self.names - 6)" y="\(y + 12)" text-anchor="end">\
        \(Self.short(bar.name))</text><rect class="\(bar.isFaint ? "faint" : "f1")" x="\(Self.names)" y="\(y + 2)" \
        width="\(length)" height="\(Self.row - 5)" rx="2"/><text x="\(Self.names + length + 5)" y="\(y + 12)">\
        \(bar.text)</text></g>

        """
    }
    return """
      <figure><figcaption>\(title)</figcaption>
      <svg viewBox="0 0 \(Self.width) \(height)" role="img" aria-label="\(title)">\(rows)</svg></figure>

      """
  }

  /// The end of a name, which tells layers apart.
  private static func short(_ name: String) -> String { name.count <= 20 ? name : "…" + name.suffix(19) }
}
