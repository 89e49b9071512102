import Foundation
import Graphs
import TestSupport
import Tensors
import Testing

@testable import Pipeline

struct DiagnosisTests {
  private static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(
    path: "../../fixtures/onnx"
  )
  .standardized

  @Test(arguments: ["inverted_ts_op17", "next_ts_op13", "vision_dynamo_op20", "bert_eager_ts_op14", "shuffled_ts_op13"])
  func everyOperatorIsCounted(_ name: String) throws {
    let path = Self.folder.appending(path: "\(name).onnx").path
    let diagnosis = try Diagnosis(of: path)
    let graph = try SourceModel(path).graph.applying([FuseBatchNorm()])
    #expect(diagnosis.groups.reduce(0) { $0 + $1.nodes.count } == graph.nodes.count { $0.operation != nil })
    #expect(diagnosis.multiplyAdds > 0)
    #expect(abs(diagnosis.groups.reduce(0) { $0 + $1.multiplyAdds } - 1) < 1e-9)
    #expect(abs(diagnosis.groups.reduce(0) { $0 + $1.bytes } - 1) < 1e-9)
    for group in diagnosis.groups { #expect(diagnosis.table.contains(group.kind)) }
    #expect(diagnosis.slow.allSatisfy { group in diagnosis.table.contains(group.reason!) })
  }

  /// What older operator sets write as many steps is one operator after the passes.
  @Test func stepsAreFused() throws {
    let kinds = try Diagnosis(of: Self.folder.appending(path: "next_ts_op13.onnx").path).groups.map(\.kind)
    #expect(kinds.contains("layer-norm") && kinds.contains("pointwise gelu"))
    #expect(!kinds.contains("mean") && !kinds.contains("divide") && !kinds.contains("pointwise errorFunction"))
    let mobile = try Diagnosis(of: Self.folder.appending(path: "inverted_ts_op17.onnx").path).groups.map(\.kind)
    #expect(mobile.contains("pointwise swish") && mobile.contains("pointwise hardSwish") && !mobile.contains("clip"))
  }

  @Test func whatIsSlowIsSaid() throws {
    var graph = Graph(source: "slow")
    let x = graph.addInput("x", [1, 4, 6, 6])
    let powered = try graph.add("power", Pointwise(.power(exponent: 1.5)), [x])
    graph.outputs = [try graph.add("along channels", Softmax(axis: 1), [powered])]
    let diagnosis = try Diagnosis("slow", graph)
    #expect(Set(diagnosis.slow.flatMap(\.nodes)) == ["along channels", "power"])
    #expect(diagnosis.table.contains("slow: softmax 'along channels': axis 1 is not the last"))
    #expect(diagnosis.multiplyAdds == 0)
  }

  @Test func multiplyAddsAreCounted() throws {
    let graph = try Networks.residual()
    let layers = graph.nodes.filter { $0.operation is Convolution || $0.operation is Dense }
    #expect(layers.map { graph.multiplyAdds(of: $0) }.first == 8 * 8 * 8 * 3 * 9)
    #expect(layers.map { graph.multiplyAdds(of: $0) }.last == 8 * 4)
  }
}
