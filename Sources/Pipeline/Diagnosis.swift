import Foundation
import Graphs
import Tensors

/// How the operators of a network run in training, and what is slow about them.
public struct Diagnosis: Codable, Hashable, Sendable {
  /// Operators of one kind that run in one way.
  public struct Group: Codable, Hashable, Sendable {
    public var kind: String
    /// `oneDNN`, `fused`, `moving` or `plain`.
    public var path: String
    /// What is slow about it; nil where nothing is.
    public var reason: String?
    /// Names of the nodes.
    public var nodes: [String]
    /// Share of all multiply-adds, from 0 to 1.
    public var multiplyAdds: Double
    /// Share of all bytes that operators read and write, from 0 to 1.
    public var bytes: Double
  }
  public var file: String
  /// Products that are added up for one image going forward.
  public var multiplyAdds: Int
  public var groups: [Group]

  /// Looks at a float network as training would run it. Throws what the importer says.
  public init(of path: String) throws {
    let source = try SourceModel(path)
    try self.init(path, source.graph)
  }

  /// Paths are asked for at a batch as training has it, where the network takes one.
  package init(_ file: String, _ imported: Graph, batch: Int = 16) throws {
    self.file = file
    let fused = try imported.applying([FuseLayerNorm(), FuseActivations(), FuseBatchNorm()])
    let graph = (try? fused.withBatch(batch)) ?? fused
    multiplyAdds = fused.nodes.reduce(0) { $0 + fused.multiplyAdds(of: $1) }
    let nodes = graph.nodes.filter { $0.operation != nil }
    let products = max(nodes.reduce(0) { $0 + graph.multiplyAdds(of: $1) }, 1)
    let bytes = max(nodes.reduce(0) { $0 + graph.bytesMoved(by: $1) }, 1)
    var groups: [TrainingKind: Group] = [:]
    for node in nodes {
      guard let operation = node.operation else { continue }
      let path = operation.path(for: node.inputs.map { graph[$0].shape })
      let kind = TrainingKind(name: operation.title, path: path)
      var group =
        groups[kind]
        ?? Group(
          kind: kind.name, path: path.kind.rawValue, reason: path.reason, nodes: [], multiplyAdds: 0, bytes: 0)
      group.nodes.append(node.name)
      group.multiplyAdds += Double(graph.multiplyAdds(of: node)) / Double(products)
      group.bytes += Double(graph.bytesMoved(by: node)) / Double(bytes)
      groups[kind] = group
    }
    self.groups = groups.values.sorted { ($0.order, $0.kind, $0.nodes[0]) < ($1.order, $1.kind, $1.nodes[0]) }
  }

  /// Those that could be faster.
  public var slow: [Group] { groups.filter { $0.reason != nil } }

  public var table: String {
    let count = groups.reduce(0) { $0 + $1.nodes.count }
    let millions = String(format: "%.1f", Double(multiplyAdds) / 1e6)
    var lines = [
      "\(file): \(count) operators in training, \(millions) million multiply-adds an image", "",
      row("operator", "path", "count", "multiply-adds", "bytes"),
    ]
    lines += groups.map {
      row(
        $0.kind, $0.path, "\($0.nodes.count)", $0.multiplyAdds == 0 ? "" : percent($0.multiplyAdds),
        percent($0.bytes))
    }
    lines.append("")
    if slow.isEmpty { return (lines + ["nothing runs on a slow path"]).joined(separator: "\n") }
    for group in slow.sorted(by: { ($0.multiplyAdds, $0.bytes) > ($1.multiplyAdds, $1.bytes) }) {
      let more = group.nodes.count > 1 ? " and \(group.nodes.count - 1) more" : ""
      lines.append(
        "slow: \(group.kind) '\(group.nodes[0])'\(more): \(group.reason!) "
          + "(\(percent(group.multiplyAdds)) of the multiply-adds, \(percent(group.bytes)) of the bytes)")
    }
    return lines.joined(separator: "\n")
  }

  private func percent(_ share: Double) -> String { String(format: "%.1f %%", share * 100) }

  private func row(_ kind: String, _ path: String, _ count: String, _ products: String, _ bytes: String) -> String {
    let width = max(8, groups.map(\.kind.count).max() ?? 0)
    func left(_ text: String, _ width: Int) -> String { text.padding(toLength: width, withPad: " ", startingAt: 0) }
    func right(_ text: String, _ width: Int) -> String {
      String(repeating: " ", count: max(0, width - text.count)) + text
    }
    return "\(left(kind, width))  \(left(path, 6))  \(right(count, 5))  \(right(products, 13))  \(right(bytes, 7))"
  }
}

private struct TrainingKind: Hashable {
  var name: String
  var path: TrainingPath
}

extension Diagnosis.Group {
  /// By path, as the paths are listed.
  fileprivate var order: Int { TrainingPath.Kind.allCases.firstIndex { $0.rawValue == path } ?? 0 }
}

extension Operator {
  /// The name, and for a function of one number which it is.
  fileprivate var title: String {
    guard let pointwise = self as? Pointwise else { return Self.name }
    return "\(Self.name) \("\(pointwise.function)".prefix { $0 != "(" })"
  }
}
