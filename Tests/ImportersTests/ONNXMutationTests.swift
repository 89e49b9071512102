import Foundation
import Graphs
import Tensors
import Testing

@testable import Importers

@Suite("Damaged ONNX files throw or import, and never trap")
struct ONNXMutationTests {
  static let models =
    [
      "residual_ts_op17_bn", "residual_dynamo_op20", "shapes_op15", "flatten_softmax_op11", "attributes_op6",
      "weights_behind_op13", "typed_fields_op13", "auto_pad_same_upper", "functions_ts_op17", "vision_ts_op17",
      "vision_dynamo_op23", "bert_eager_ts_op14", "shuffled_ts_op13",
    ]
    + [
      "lstm_bidirectional", "gru_reverse_reset_after", "einsum_batched", "if_of_shape", "weight_behind_int4",
      "resize_odd",
      "scatter_part", "gather_points", "pool_volume", "top_of_each", "unique", "group_norm_old", "upsample_old",
    ].map { "../conformance/operators/\($0)/model" }

  /// SIGNUM_MUTATIONS asks for more of them.
  static let count = ProcessInfo.processInfo.environment["SIGNUM_MUTATIONS"].flatMap { Int($0) } ?? 150

  @Test("two thousand seeded mutations", arguments: models)
  func mutations(_ model: String) throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "signum-\(UUID())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let whole = try Data(contentsOf: URL(filePath: Fixtures.path("onnx/\(model).onnx")))
    var generator = SplitMix64(seed: 17, stream: UInt64(whole.count))
    let path = folder.appending(path: "model.onnx")
    var imported = 0
    for _ in 0..<Self.count {
      try mutated(whole, &generator).write(to: path)
      do {
        let graph = try ONNXImporter.graph(from: path.path)
        imported += 1
        #expect(graph.outputs.allSatisfy { $0.index < graph.nodes.count })
      } catch { #expect(!error.description.isEmpty) }
    }
    #expect(imported < Self.count)
  }

  /// One to four changes: a byte, a bit, a number as large as can be, a piece left out or doubled.
  private func mutated(_ data: Data, _ generator: inout SplitMix64) -> Data {
    var bytes = [UInt8](data)
    for _ in 0...generator.below(4) {
      let place = generator.below(bytes.count)
      let length = min(1 + generator.below(12), bytes.count - place)
      switch generator.below(5) {
      case 0: bytes[place] = UInt8(truncatingIfNeeded: generator.next())
      case 1: bytes[place] ^= 1 << UInt8(generator.below(8))
      case 2: for i in 0..<length { bytes[place + i] = i == length - 1 ? 0x7F : 0xFF }
      case 3: bytes.removeSubrange(place..<place + length)
      default: bytes.insert(contentsOf: bytes[place..<place + length], at: place)
      }
    }
    return Data(bytes)
  }
}
