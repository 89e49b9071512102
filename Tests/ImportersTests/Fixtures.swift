import Foundation
import Graphs
import Tensors
import Testing
import TestSupport

@testable import Importers

/// What another framework computed for a model.
struct ExpectedOutput: Decodable, Sendable, CustomTestStringConvertible {
  var model: String
  var seed: UInt64
  var input: [Int]
  var name: String
  var shape: [Int]
  var output: [Float]
  var testDescription: String { model }

  /// The first images of the input, or as many as are asked for.
  func inputs(batch: Int? = nil) -> Tensor {
    let half = model.contains("half")
    let ids = ["bert", "gpt", "llama"].contains { model.hasPrefix($0) }
    let shape = batch.map { Shape(input).withBatch($0) } ?? Shape(input)
    return Tensor.random(shape, seed: seed).map {
      ids ? min((($0 + 1) * 10).rounded(.down), 19) : half ? Float(Float16($0)) : $0
    }
  }

  /// How far the graph is from it.
  func difference(_ graph: Graph) throws -> Float {
    let found = graph(inputs())
    guard found.shape == Shape(shape) else { throw DifferentShape(found: found.shape, expected: shape) }
    return found.largestDifference(to: Tensor(Shape(shape), scalars: output))
  }
}

struct DifferentShape: Error {
  var found: Shape
  var expected: [Int]
}

enum Fixtures {
  static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../fixtures")
    .standardized

  static func path(_ name: String) -> String { folder.appending(path: name).path }

  static func expected(_ name: String) -> [ExpectedOutput] {
    try! JSONDecoder().decode([ExpectedOutput].self, from: Data(contentsOf: folder.appending(path: "expected/\(name)")))
  }

  /// The folder of the models that stand outside the project, where the environment names it.
  static let data = ProcessInfo.processInfo.environment["SIGNUM_DATA"]
}
