import Foundation
import Graphs
import Importers
import Tensors

extension ConformanceCase {
  /// How far an output may be from what was expected, as a share of the largest number in it.
  static let largestShare: Float = 1e-4

  /// Imports a model as a user would, and runs it for the batch that it was exported for and for two of that.
  func runModel(_ model: String, _ inputs: [String: ONNXValues], _ data: String) throws(ImportError) -> Outcome {
    let shapes = inputs.mapValues(\.shape)
    let graph: Graph
    var note = "any batch"
    do {
      graph = try ONNXImporter.graph(from: model, inputShapes: shapes)
    } catch {
      // A part of a program, such as one with a state beside its input, holds for its shapes alone.
      guard let fixed = try? ONNXImporter.fixedGraph(from: model, inputShapes: shapes) else { throw error }
      graph = fixed
      note = "its own shapes alone: \(error.problems.first.map { "\($0)" } ?? "")"
    }
    var values: [String: Tensor] = [:]
    for input in graph.inputs {
      guard let tensor = inputs[input.name]?.tensor else { return .refused("input '\(input.name)' has no value") }
      values[input.name] = tensor
    }
    var expected: [Tensor] = []
    for index in graph.outputs.indices {
      guard let tensor = try ONNXValues(from: "\(data)/output_\(index).pb").tensor else {
        return .refused("output \(index) holds whole numbers above 2^24 that no Float is")
      }
      expected.append(tensor)
    }
    let found = graph.run(values)
    var share: Float = 0
    for (output, tensor) in zip(graph.outputs, expected) {
      guard found[output].shape == tensor.shape else {
        return .wrong("the shape is \(found[output].shape), expected \(tensor.shape)")
      }
      share = max(share, tensor.share(of: found[output]))
    }
    guard share <= Self.largestShare else { return .wrong("differs by \(share) of the largest number") }
    if note == "any batch", let problem = differenceOfTwo(graph, values, found) { note = "one batch alone: \(problem)" }
    return .passed(note: "\(share) \(note)")
  }

  /// What goes wrong where everything comes twice; nil where both halves are what one was.
  private func differenceOfTwo(_ graph: Graph, _ values: [String: Tensor], _ one: Trace) -> String? {
    let doubled = values.mapValues { Concat(axis: 0).forward([$0, $0], at: .inference).output }
    guard let batch = doubled[graph.inputs[0].name]?.shape[0] else { return "has no inputs" }
    do { _ = try graph.withBatch(batch) } catch { return "\(error)" }
    let found = graph.run(doubled)
    for output in graph.outputs where one[output].shape.rank > 0 {
      let tensor = Concat(axis: 0).forward([one[output], one[output]], at: .inference).output
      guard found[output].shape == tensor.shape else { return "the output becomes \(found[output].shape)" }
      let share = tensor.share(of: found[output])
      guard share <= Self.largestShare else { return "differs by \(share)" }
    }
    return nil
  }
}

extension Tensor {
  /// The largest difference to another tensor as a share of the largest number in this one.
  fileprivate func share(of other: Tensor) -> Float {
    let difference = largestDifference(to: other)
    return difference == 0 ? 0 : difference.isNaN ? .infinity : difference / max(largestMagnitude, 1e-20)
  }
}
