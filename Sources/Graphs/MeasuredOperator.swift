import Tensors

/// An operator some of whose trained constants begin with what the data say.
package protocol MeasuredOperator: Operator {
  /// What constants among the inputs begin with, by input, given all inputs as they are before training.
  func beginnings(for inputs: [Tensor]) -> [Int: Tensor]
}

extension Moment {
  /// Before training: whatever begins in its course has not begun, and numbers pass as they are. Batch norms see the
  /// batch, so that weights of another scale do not matter.
  package static let beforeTraining = Moment(phase: .training, progress: -1)
}

extension Graph {
  /// The graph with the constants of its measured operators as they begin on these inputs. Complexity: one run.
  package func measured(on values: [String: Tensor]) -> Graph {
    let measured = nodes.filter { $0.operation is any MeasuredOperator }
    guard !measured.isEmpty else { return self }
    let trace = run(values, at: .beforeTraining, keeping: .only(measured.flatMap(\.inputs)))
    var constants: [Node.ID: Tensor] = [:]
    for node in measured {
      guard let operation = node.operation as? any MeasuredOperator else { continue }
      for (index, value) in operation.beginnings(for: node.inputs.map { trace[$0] }) {
        constants[node.inputs[index]] = value
      }
    }
    return replacingConstants(constants)
  }
}
