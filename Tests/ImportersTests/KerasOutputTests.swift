import Compute
import Foundation
import Graphs
import Tensors
import Testing
import TestSupport

@testable import Importers

/// What Keras computed for a model.
struct KerasCase: Decodable, Sendable, CustomTestStringConvertible {
  struct Output: Decodable, Sendable {
    var shape: [Int]
    var values: [Float]
  }
  var model: String
  var ids: Bool
  var inputs: [[Int]]
  var outputs: [Output]
  var tolerance: Float?
  /// Whether the expected values are for images with their channels last, where the file has them first.
  var inputIsImage: Bool?
  var testDescription: String { model }

  static let all: [KerasCase] = {
    let data = try! Data(contentsOf: URL(fileURLWithPath: Fixtures.path("keras/expected.json")))
    return try! JSONDecoder().decode([String: KerasCase].self, from: data).values.sorted { $0.model < $1.model }
  }()

  /// Larger models, outside the project.
  static let real: [KerasCase] = {
    let data = try! Data(contentsOf: URL(fileURLWithPath: Fixtures.path("expected/keras.json")))
    return try! JSONDecoder().decode([KerasCase].self, from: data)
  }()

  /// The inputs by name, as the graph wants them.
  func values(for graph: Graph) -> [String: Tensor] {
    var values: [String: Tensor] = [:]
    for (index, input) in graph.inputs.enumerated() {
      var tensor = Tensor.random(Shape(inputs[index]), seed: UInt64(index + 1))
      if ids { tensor = tensor.map { (($0 + 1) * 5).rounded(.down) } }
      let isImage = input.shape.rank == 4 && Array(input.shape.dimensions[1...]) != Array(inputs[index][1...])
      values[input.name] = isImage ? tensor.transposed([0, 3, 1, 2]) : tensor
    }
    return values
  }

  /// How far the outputs of the graph are from those of Keras.
  func difference(_ graph: Graph) throws -> Float {
    let trace = graph.run(values(for: graph))
    return zip(graph.outputs, outputs).map { id, output in
      var found = trace[id]
      // Images have their channels second in a graph.
      if found.shape != Shape(output.shape), found.shape.rank == 4 { found = found.transposed([0, 2, 3, 1]) }
      guard found.shape == Shape(output.shape) else { return .infinity }
      return found.largestDifference(to: Tensor(Shape(output.shape), scalars: output.values))
    }.max() ?? .infinity
  }
}

extension Fixtures {
  static func keras(_ name: String) throws(ImportError) -> Graph {
    try KerasImporter.graph(from: path("keras/\(name)"), opening: HDF5Reading.open)
  }
}

@Suite("Imported Keras models compute what Keras computes")
struct KerasOutputTests {
  @Test("a small model", arguments: KerasCase.all)
  func fixture(_ expected: KerasCase) throws {
    let graph = try Fixtures.keras(expected.model)
    #expect(graph.outputs.count == expected.outputs.count)
    #expect(try expected.difference(graph) < expected.tolerance ?? 1e-5)
    #expect(Set(graph.nodes.map(\.name)).count == graph.nodes.count)
  }

  /// The passes of a conversion, another batch, and a backward pass go through every model.
  @Test("a model can be simplified and trained", arguments: KerasCase.all.filter { $0.model.hasSuffix("k3.keras") })
  func trained(_ expected: KerasCase) throws {
    let graph = try Fixtures.keras(expected.model).withBatch(2).applying(passes)
    #expect(try expected.difference(graph) < expected.tolerance ?? 1e-5)
    let weights = graph.nodes.filter { $0.constant != nil }.map(\.id)
    let moment = Moment(phase: .inference, progress: 0)
    let trace = graph.run(expected.values(for: graph), at: moment, keeping: .forGradients(and: []))
    let seed = Tensor(trace[graph.outputs[0]].shape, repeating: 1)
    let gradients = graph.gradients(of: graph.outputs[0], seed: seed, for: weights, along: trace, at: moment)
    #expect(!gradients.isEmpty && gradients.values.allSatisfy { $0.largestMagnitude.isFinite })
  }

  @Test("a model of the data folder", .enabled(if: Fixtures.data != nil), arguments: KerasCase.real)
  func real(_ expected: KerasCase) throws {
    let path = "\(Fixtures.data!)/keras/\(expected.model)"
    let difference = try expected.difference(KerasImporter.graph(from: path, opening: HDF5Reading.open))
    let largest = expected.outputs[0].values.map(abs).max()!
    print("\(expected.model): \(difference) from Keras, outputs to \(largest)")
    #expect(difference < 1e-4 * max(largest, 1))
  }

  @Test("there are cases of all three versions") func versions() {
    #expect(KerasCase.all.count { $0.model.contains("_k1") } == 1)
    #expect(KerasCase.all.count { $0.model.contains("_k2") } >= 14)
    #expect(KerasCase.all.count { $0.model.contains("_k3") } >= 14)
  }
}
