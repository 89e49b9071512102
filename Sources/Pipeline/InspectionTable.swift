import Foundation

/// An inspection for a terminal.
extension Inspection {
  public var table: String {
    var parts = [heading]
    if !types.isEmpty {
      parts.append(
        aligned(
          [["stored as", "tensors", "numbers", "bytes"]]
            + types.map { [$0.type, "\($0.tensors)", "\($0.numbers)", "\($0.bytes)"] }, right: 1...3))
    }
    if !operators.isEmpty {
      parts.append(
        aligned(
          [["operator", "count", ""]]
            + operators.map { [$0.name, "\($0.count)", $0.isSupported ? "" : "not supported"] }, right: 1...1))
    }
    if !layers.isEmpty { parts.append(layerTable) }
    if !tensors.isEmpty {
      let rows = tensors.map { [$0.name, $0.type, "\($0.shape)", $0.bytes.map(String.init) ?? ""] }
      parts.append(aligned([["tensor", "stored as", "shape", "bytes"]] + rows, right: 3...3))
    }
    if !codings.isEmpty { parts.append(codingTable) }
    if !provenance.isEmpty {
      parts.append(aligned(provenance.sorted { $0.key < $1.key }.map { [$0.key, $0.value] }, right: nil))
    }
    for (title, lines) in [("warnings", warnings), ("cannot be imported", problems), ("cannot be packed", unpackable)]
    where !lines.isEmpty { parts.append(([title + ":"] + lines.map { "  " + $0 }).joined(separator: "\n")) }
    return parts.joined(separator: "\n\n")
  }

  private var heading: String {
    var lines = [
      "\(file): \(format) model, \(bytes) bytes, \(parameters) parameters" + (origin.isEmpty ? "" : "; \(origin)")
    ]
    lines += inputs.map { "input '\($0.name)' \($0.words)" } + outputs.map { "output '\($0.name)' \($0.words)" }
    if let multiplyAdds { lines.append("\(multiplyAdds) multiply-adds for \(inputShape)") }
    for (what, reasons) in [("imported", problems), ("packed", unpackable)] where !reasons.isEmpty {
      lines.append("cannot be \(what): \(counted(reasons.count, "reason")) at the end")
    }
    let coded = codings.count { $0.canBeCoded }
    if format == "float", !codings.isEmpty {
      lines.append("\(coded) of \(codings.count) weights of two axes or more can become bits")
    }
    return lines.joined(separator: "\n")
  }

  private var layerTable: String {
    let isPacked = format != "float"
    let title =
      [
        format == "weights" ? "tensor" : "layer", "kind", format == "weights" ? "shape" : "output", "parameters",
        "bits", "multiply-adds",
      ]
      + (isPacked ? ["bytes", "zeros", "entropy"] : [])
    let rows = layers.map { layer in
      [
        layer.name, layer.kind, "\(layer.shape)", layer.weights == 0 ? "" : "\(layer.weights)",
        layer.weights == 0 ? "" : layer.bits.shortened(), layer.multiplyAdds == 0 ? "" : "\(layer.multiplyAdds)",
      ] + (isPacked ? layer.weight?.cells ?? ["", "", ""] : [])
    }
    return aligned([title] + rows, right: 3...title.count - 1)
  }

  private var codingTable: String {
    let rows = codings.map { coding in
      [coding.layer, coding.kind, "\(coding.shape)", coding.canBeCoded ? "yes" : "no", coding.reason ?? ""]
    }
    let title = format == "packed" ? "is bits" : "can be bits"
    return aligned([["weight of", "kind", "shape", title, ""]] + rows, right: nil)
  }
}

extension Inspection.Port {
  fileprivate var words: String {
    let sizes = shape.map { "[" + $0.map { $0.map(String.init) ?? "?" }.joined(separator: ", ") + "]" }
    return [type, sizes ?? "of no known shape"].filter { !$0.isEmpty }.joined(separator: " ")
  }
}

extension Inspection.Weight {
  fileprivate var cells: [String] {
    ["\(bytes)", String(format: "%.1f %%", zeros * 100), entropy.map { String(format: "%.2f", $0) } ?? ""]
  }
}

extension Double {
  /// With as many digits as say something: 1, 1.6, 0.67.
  func shortened(_ width: Int = 0) -> String {
    let digits = self == rounded() ? 0 : (self * 10).rounded() / 10 == self ? 1 : 2
    let text = String(format: "%.\(digits)f", self)
    return String(repeating: " ", count: max(0, width - text.count)) + text
  }
}
