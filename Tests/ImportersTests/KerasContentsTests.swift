import Graphs
import Tensors
import Testing

@testable import Importers

@Suite("What a Keras file says of itself, without its weights")
struct KerasContentsTests {
  private func contents(_ name: String) throws -> ModelContents {
    try #require(try KerasImporter.contents(of: Fixtures.path("keras/\(name)"), opening: HDF5Reading.open))
  }

  @Test("agrees with the network that is imported", arguments: KerasCase.all) func agrees(_ expected: KerasCase) throws
  {
    let graph = try Fixtures.keras(expected.model)
    let found = try contents(expected.model)
    #expect(found.problems.isEmpty && found.operators.allSatisfy { $0.isSupported && $0.count > 0 })
    #expect(found.inputs.map(\.name) == graph.inputs.map(\.name))
    for (port, input) in zip(found.inputs, graph.inputs) {
      let shape = try #require(port.shape)
      #expect(zip(shape, input.shape.dimensions).allSatisfy { ($0 ?? $1) == $1 } && shape.count == input.shape.rank)
    }
    #expect(found.outputs.count == graph.outputs.count)
    // Every weight that methods can code is found, with as many numbers.
    let coded = graph.weightCounts
    let listed = found.weightUses.filter(\.isProduct).map { $0.weight.count ?? 0 }
    var left = listed
    let missing = coded.filter { count in
      guard let place = left.firstIndex(of: count) else { return true }
      left.remove(at: place)
      return false
    }
    if graph.isPlain { #expect(missing.isEmpty, "\(coded) of \(listed)") }
  }

  @Test("what is not supported is counted and named beside everything else") func refused() throws {
    let found = try contents("refused_k3.keras")
    let lambda = try #require(found.operators.first { $0.name == "Lambda" })
    #expect(lambda.count == 1 && !lambda.isSupported)
    #expect(found.operators.contains { $0.name == "Conv2D" && $0.isSupported })
    #expect(found.problems.count == 1 && "\(found.problems[0])".contains("'code' (Lambda)"))
    #expect(found.parameters == found.tensors.reduce(0) { $0 + ($1.count ?? 0) } && found.parameters > 0)
    #expect(found.weightUses.contains { $0.node == "conv" && $0.isProduct && $0.weight.shape.count == 4 })
  }

  @Test("a layer is not given the weights of one of its name in a network") func sameName() throws {
    let path = Fixtures.path("hdf5/names.h5")
    let found = try #require(try KerasImporter.contents(of: path, opening: HDF5Reading.open))
    #expect(found.weightUses.filter { $0.node == "d" }.map(\.weight.shape) == [[3, 2]])
    #expect(found.weightUses.filter { $0.node == "net/d" }.map(\.weight.shape) == [[4, 3]])
    #expect(found.problems == [.unsupportedLayer(type: "Weird", layers: ["e"])])
  }

  @Test("layers of a network in a network are counted once for each call") func nested() throws {
    let (found, graph) = (try contents("nested_k3.keras"), try Fixtures.keras("nested_k3.keras"))
    let dense = try #require(found.operators.first { $0.name == "Dense" })
    #expect(dense.count == graph.nodes.count { $0.operation is Dense })
  }

  @Test("what an optimizer keeps is no weight") func trained() throws {
    let (found, graph) = (try contents("trained_k3.h5"), try Fixtures.keras("trained_k3.h5"))
    #expect(found.parameters < 2 * graph.nodes.compactMap { $0.constant?.shape.count }.reduce(0, +))
    #expect(!found.tensors.contains { $0.name.contains("optimizer") })
  }
}

extension Graph {
  /// How many numbers each weight of convolutions or dense layers has, once however often it is used.
  fileprivate var weightCounts: [Int] {
    let products = nodes.filter { $0.operation is Convolution || $0.operation is Dense }
    return Set(products.map { $0.inputs[1] }).compactMap { self[$0].constant?.shape.count }
  }

  /// Whether its layers with weights are layers of the file: recurrent and attention layers are written out.
  fileprivate var isPlain: Bool {
    !nodes.contains { $0.name.contains("lstm") || $0.name.contains("gru") || $0.name.contains("attention") }
  }
}
