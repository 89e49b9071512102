import Tensors

/// Puts Hardtanh, `min(1, max(−1, x))`, in the place of the rectifiers that layers read as signs: after a rectifier
/// every sign would be +1.
package struct HardtanhRectifiers: Structure {
  package static let name = "hardtanh"
  package static let summary = "Hardtanh in the place of rectifiers before signs"
  package static let paper = "Hubara et al. 2016, arXiv 1602.02830"
  package init() {}

  package func rewrite(_ graph: Graph, around layers: CodedLayers) throws(ShapeError) -> Restructured {
    try graph.replacingRectifiers(before: layers.signed, Self.name) { (x, name, new) throws(ShapeError) in
      try new.add(name, Clip(minimum: -1, maximum: 1), [x])
    }
  }
}

/// Puts a rectifier with a learned slope for each channel in the place of those that layers read as signs. The slopes
/// begin at 0.25.
package struct LearnedRectifiers: Structure {
  package static let name = "prelu"
  package static let summary = "rectifiers with learned slopes in the place of rectifiers before signs"
  package static let paper = "He et al. 2015, arXiv 1502.01852"
  package init() {}

  package func rewrite(_ graph: Graph, around layers: CodedLayers) throws(ShapeError) -> Restructured {
    try graph.replacingRectifiers(before: layers.signed, Self.name) { (x, name, new) throws(ShapeError) in
      try new.addLeak(name, of: x)
    }
  }
}

/// Takes away the rectifiers that layers read as signs: the sign bends enough, and where each layer has a shortcut
/// around it (`bi-real`), values and gradients pass from block to block whole.
///
/// Bi-Real Net has none between its blocks; IR-Net puts Hardtanh there, which clips the shortcut at each of them.
///
/// Liu et al., Bi-Real Net, 2018, https://arxiv.org/abs/1808.00278
package struct NoRectifiers: Structure {
  package static let name = "no-rectifiers"
  package static let summary = "nothing in the place of rectifiers before signs, so that shortcuts pass whole"
  package static let paper = "Liu et al. 2018, arXiv 1808.00278"
  package init() {}

  package func rewrite(_ graph: Graph, around layers: CodedLayers) throws(ShapeError) -> Restructured {
    try graph.replacingRectifiers(before: layers.signed, Self.name) { (x, _, _) throws(ShapeError) in x }
  }
}

extension Graph {
  fileprivate func replacingRectifiers(
    before layers: Set<String>, _ structure: String,
    _ replace: (_ x: Node.ID, _ name: String, _ new: inout Graph) throws(ShapeError) -> Node.ID
  ) throws(ShapeError) -> Restructured {
    let found = rectifiers(before: layers)
    let graph = try rewriting { (node, inputs, new) throws(ShapeError) in
      found.contains(node.id) ? try replace(inputs[0], node.name, &new) : nil
    }
    let note =
      layers.isEmpty
      ? "\(structure): no layer reads signs, so every rectifier stays"
      : "\(structure): in the place of \(found.count) rectifiers"
    return Restructured(graph, notes: [note])
  }
}
