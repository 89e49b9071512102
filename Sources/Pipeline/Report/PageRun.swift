import Foundation

/// What the page says of one run.
extension Page.Run {
  /// For the table of all runs.
  var cells: [Markup] {
    let done: [Markup] =
      if let result = log.result {
        figures(of: result)
      } else { Array(repeating: "", count: 6) + ["\(log.outcome ?? "not finished")"] }
    let epochs = log.epochs.last.map { "\($0.number)" } ?? "0"
    return done + ["\(epochs)", "\(ZooTable.time(log.seconds))"]
  }

  private func figures(of result: RunResult) -> [Markup] {
    let (float, packed) = (result.verification.floatTop1, result.verification.packedTop1)
    let difference = packed.flatMap { packed in float.map { String(format: "%+.2f", (packed - $0) * 100) } }
    return [
      "\(bits(of: result))", "\(float.map { Page.percent($0, digits: 2) } ?? "")",
      "\(packed.map { Page.percent($0, digits: 2) } ?? "")", "\(difference ?? "")", "\(result.packedBytes)",
      "\(smaller(result))",
      result.verification.passes ? "<span class=\"good\">yes</span>" : "<span class=\"bad\">NO</span>",
    ]
  }

  private func bits(of result: RunResult) -> String {
    guard let layers = result.layers, let weights = layers.weightBits, let activations = layers.activationBits else {
      return ""
    }
    return "\(ZooTable.bits(weights))/\(activations)"
  }

  private func smaller(_ result: RunResult) -> String {
    String(format: "%.1f ×", Double(result.floatBytes) / Double(max(result.packedBytes, 1)))
  }

  /// The last two parts of a path: what lies before them is of the machine, and the page is handed on.
  private static func ending(of path: String) -> String {
    path.split(separator: "/").suffix(2).joined(separator: "/")
  }

  /// What it is of, in a line.
  var facts: String {
    var facts = [log.model, log.method]
    if let epochs = log.recipe["epochs"] { facts.append(epochs == "1" ? "1 epoch" : "\(epochs) epochs") }
    if let seed = log.recipe["seed"] { facts.append("seed \(seed)") }
    if let threads = log.threads { facts.append(counted(threads, "thread")) }
    if let evaluated = log.result?.evaluatedOn { facts.append("evaluated on \(Self.ending(of: evaluated))") }
    facts.append(log.outcome ?? "not finished")
    if let message = log.message { facts.append(message) }
    return facts.filter { !$0.isEmpty }.joined(separator: " · ")
  }

  var loss: Markup {
    let points = log.epochs.map { (x: Double($0.number), y: $0.loss) }
    return LineChart(
      title: "Loss by epoch", series: [.init(name: "training", colour: 1, points: points)],
      format: { String(format: "%.2f", $0) }
    ).markup
  }

  var accuracy: Markup {
    let training = log.epochs.map { (x: Double($0.number), y: $0.top1) }
    let validation = log.epochs.compactMap { epoch in
      epoch.validationTop1.map { (x: Double(epoch.number), y: $0) }
    }
    var chart = LineChart(
      title: "Top-1 by epoch", series: [.init(name: "training images, varied", colour: 1, points: training)],
      format: { Page.percent($0, digits: 1) })
    if !validation.isEmpty {
      chart.series.append(.init(name: "validation images", colour: 2, points: validation))
    }
    if let float = log.result?.verification.floatTop1 {
      chart.references.append(.init(name: "float, test", colour: 3, value: float))
    }
    if let packed = log.result?.verification.packedTop1 {
      chart.references.append(.init(name: "packed, test", colour: 1, value: packed))
    }
    return chart.markup
  }

  func size(_ result: RunResult) -> Markup {
    BarChart(
      title: "Size of the file: \(smaller(result)) smaller",
      bars: [
        .init(
          name: "float", value: Double(result.floatBytes), text: Page.size(result.floatBytes), isFaint: true),
        .init(name: "packed", value: Double(result.packedBytes), text: Page.size(result.packedBytes)),
      ]
    ).markup
  }

  /// Four pictures with a bar a layer.
  var layers: Markup {
    guard let result = log.result else { return "" }
    guard let layers = result.layers, !layers.isEmpty else {
      return "<p>This log has nothing on layers: an older signum wrote it.</p>"
    }
    func chart(
      _ title: String, most: Double? = nil, _ value: (LayerReport) -> Double?, _ text: (Double) -> String
    ) -> Markup {
      let bars = layers.map { layer in
        let value = value(layer)
        return BarChart.Bar(
          name: layer.name, value: value, text: value.map(text) ?? "–", isFaint: layer.alphabet == "float")
      }
      return BarChart(title: title, bars: bars, most: most).markup
    }
    return """
      <h3>Layers</h3><div class="charts four">
      \(chart("Distance from the float weight", most: 1, \.error) { String(format: "%.3f", $0) })
      \(chart("Weights that are 0", most: 1, { $0.zeros }) { Page.percent($0, digits: 1) })
      \(chart("Bits a weight", { $0.weightBits }) { ZooTable.bits($0) })
      \(chart("Bytes in the packed file", { Double($0.bytes) }) { "\(Int($0))" })
      </div>

      """
  }

  var warnings: Markup {
    let lines = log.warnings.map { Markup("<li>\($0)</li>") }
    return lines.isEmpty ? "" : "<h3>Warnings</h3><ul>\(lines)</ul>"
  }
}
