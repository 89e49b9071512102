import Foundation
import Packed
import TestSupport
import Testing
import Tensors

/// What an app sees.
@Suite struct SignumModelTests {
  private static let golden = formats.appendingPathComponent("golden/convolution-float.signum").path

  @Test func aModelIsReadAndRun() throws {
    let model = try SignumModel(contentsOf: Self.golden)
    #expect(model.inputShape == [2, 5, 4] && model.outputShape == [2, 3, 4])
    let input = Tensor.random([3, 2, 5, 4], seed: 1)
    let expected = try PackedRunner(goldenModels[0].model).run(input).scalars
    #expect(try model.run(input.scalars, batch: 3) == expected)
    #expect(model.summary.split(separator: "\n").first == "conv1: convolution, 3×3×4, 36 floats")
    #expect(model.normalized([255] + [UInt8](repeating: 0, count: 39))[0] == (1 - 0.5) / 0.1)
    #expect(model.normalized([UInt8](repeating: 0, count: 40))[20] == -0.125)
  }

  @Test func wrongCountsAndFilesAreErrors() throws {
    let model = try SignumModel(contentsOf: Self.golden)
    #expect(throws: PackedRunnerError.wrongInputCount(found: 3, batch: 1, perItem: 40)) {
      try model.run([1, 2, 3], batch: 1)
    }
    #expect(throws: PackedRunnerError.self) { try model.run([], batch: .max) }
    #expect(throws: PackedRunnerError.self) { try model.run([], batch: -1) }
    #expect(throws: PackedFileError.self) { try SignumModel(contentsOf: "/nowhere.signum") }
  }
}
