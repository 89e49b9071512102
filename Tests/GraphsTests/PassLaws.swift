import Graphs
import TestSupport
import Tensors
import Testing

private func samples() throws -> [Sample] {
  [
    Sample("plain", try plainNetwork()), Sample("residual", try residualNetwork()),
    Sample("constants", try constantNetwork()), Sample("folded", try foldedNetwork()),
    Sample("shared", try sharedNetwork()), Sample("tokens", try tokenNetwork()), Sample("bits", try bitNetwork()),
    Sample("decomposed", try decomposedNetwork()), Sample("mobile", try mobileNetwork()),
    Sample("ceilings", try FuseBatchNorm().rewrite(mobileNetwork())),
    Sample("added bias", try addedBiasNetwork()), Sample("empty", Graph()),
  ]
}

private func expectSameOutputs(_ one: Graph, _ other: Graph, at location: SourceLocation = #_sourceLocation) {
  #expect(one.inputs.map(\.name) == other.inputs.map(\.name), sourceLocation: location)
  #expect(one.inputs.map(\.shape) == other.inputs.map(\.shape), sourceLocation: location)
  for batch in [1, 3] {
    let (before, after) = (one.outputs(batch: batch), other.outputs(batch: batch))
    #expect(before.map(\.shape) == after.map(\.shape), sourceLocation: location)
    for (wanted, result) in zip(before, after) where wanted.shape == result.shape {
      #expect(result.largestDifference(to: wanted) <= 1e-5 * max(wanted.largestMagnitude, 1), sourceLocation: location)
    }
  }
}

/// What must hold for every pass on the list.
struct PassLaws {
  @Test(arguments: passes.indices, try! samples())
  func outputsStay(_ pass: Int, _ sample: Sample) throws {
    expectSameOutputs(sample.graph, try passes[pass].rewrite(sample.graph))
  }

  @Test(arguments: passes.indices, try! samples())
  func twiceIsOnce(_ pass: Int, _ sample: Sample) throws {
    let once = try passes[pass].rewrite(sample.graph)
    #expect(try passes[pass].rewrite(once).description == once.description)
  }

  @Test(arguments: try! samples())
  func allInARow(_ sample: Sample) throws {
    let after = try sample.graph.applying(passes)
    expectSameOutputs(sample.graph, after)
    #expect(after.source == sample.graph.source)
    // A batch norm that was put back may take in what follows it in a second round, so only the outputs stay.
    expectSameOutputs(after, try after.applying(passes))
  }

  @Test(arguments: passes.indices)
  func everyPassDoesSomething(_ pass: Int) throws {
    let changed = try samples().filter {
      let bare = try $0.graph.rewriting { (_, _, _) throws(ShapeError) in nil }
      return try passes[pass].rewrite(bare).description != bare.description
    }
    #expect(!changed.isEmpty)
  }

  @Test func namesDiffer() {
    let names = passes.map { type(of: $0).name }
    #expect(Set(names).count == names.count)
    for pass in passes { #expect(!type(of: pass).summary.isEmpty && !type(of: pass).summary.hasSuffix(".")) }
  }
}
