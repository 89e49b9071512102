import Tensors

/// How an operator runs in a training step, and what makes it slow where it is.
package struct TrainingPath: Hashable, Sendable {
  package enum Kind: String, Codable, CaseIterable, Sendable {
    /// A primitive of oneDNN, made for the processor.
    case oneDNN
    /// A loop of our own: vector code on all threads, one pass over memory.
    case fused
    /// Numbers are moved, or not even that; nothing is computed.
    case moving
    /// A loop that does not use what the processor has.
    case plain
  }
  package var kind: Kind
  /// What is slow about it, in words; nil where nothing is.
  package var reason: String?

  package static let oneDNN = TrainingPath(kind: .oneDNN)
  package static let fused = TrainingPath(kind: .fused)
  package static let moving = TrainingPath(kind: .moving)
  package static func plain(_ reason: String) -> TrainingPath { TrainingPath(kind: .plain, reason: reason) }

  /// Of an operator that says nothing: no operator on the list may leave it at that.
  package static let unknown = TrainingPath.plain("says nothing of how it runs")
}

extension Operator {
  package func path(for inputs: [Shape]) -> TrainingPath { .unknown }
}

extension Graph {
  /// How many products are added up in a node going forward; a training step does about three times as many.
  package func multiplyAdds(of node: Node) -> Int {
    switch node.operation {
    case is Convolution:
      node.shape.count * self[node.inputs[1]].shape.dimensions.dropFirst().reduce(1, *)
    case is Dense: node.shape.count * self[node.inputs[1]].shape[1]
    case is MatrixMultiply: node.shape.count * (self[node.inputs[0]].shape.dimensions.last ?? 0)
    default: 0
    }
  }

  /// Bytes that a node reads and writes going forward.
  package func bytesMoved(by node: Node) -> Int {
    (node.shape.count + node.inputs.reduce(0) { $0 + self[$1].shape.count }) * MemoryLayout<Float>.stride
  }
}
