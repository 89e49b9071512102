import Graphs
import Tensors
import Testing
import Workloads

struct WorkloadTests {
  /// The numbers of parameters and of products that PyTorch counts for its own definitions of these networks.
  @Test(arguments: [
    ("resnet20", 269_722, 40_551_040), ("resnet18", 11_689_512, 1_814_073_344), ("mobilenetv2", 3_504_872, 56_289_152),
    ("lenet", 61_706, 416_520), ("mlp", 1_863_690, 1_861_632), ("vit-block", 446_794, 102_051_072),
  ]) func sizes(_ name: String, parameters: Int, multiplyAdds: Int) throws {
    let workload = try #require(workloads.first { $0.name == name })
    let graph = try workload.graph()
    let trained = graph.nodes.filter { $0.constant != nil && !$0.name.contains("running") && $0.shape.rank > 0 }
    #expect(trained.reduce(0) { $0 + $1.shape.count } == parameters)
    #expect(graph.nodes.reduce(0) { $0 + graph.multiplyAdds(of: $1) } == multiplyAdds)
  }

  @Test func namesDiffer() throws {
    #expect(Set(workloads.map(\.name)).count == workloads.count)
    for workload in workloads {
      let names = try workload.graph().nodes.map(\.name)
      #expect(Set(names).count == names.count, "\(workload.name)")
    }
  }

  @Test func aSeedDrawsTheSameWeights() throws {
    let workload = try #require(workloads.first { $0.name == "lenet" })
    func weights(_ seed: UInt64) throws -> [Tensor] {
      try workload.graph(seed: seed).nodes.compactMap { $0.constant?.tensor }
    }
    #expect(try weights(1) == weights(1))
    #expect(try weights(1) != weights(2))
  }

  /// Every weight is drawn inside its bounds.
  @Test(arguments: workloads.map(\.name)) func weightsAreOfUse(_ name: String) throws {
    let graph = try #require(workloads.first { $0.name == name }).graph()
    for node in graph.nodes {
      guard let tensor = node.constant?.tensor, tensor.shape.rank > 1 else { continue }
      let inputs = Float(tensor.count / tensor.shape[0])
      let bound = (6 / inputs).squareRoot()
      #expect(tensor.largestMagnitude <= bound * 1.000_001 && tensor.largestMagnitude > bound * 0.8, "\(node.name)")
    }
  }
}
