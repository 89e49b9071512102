import Compute
import Graphs
import Methods
import Tensors
import TestSupport
import Testing
import Training

struct MatchingTests {
  @Test(arguments: TorchCases.all.matchings.indices) func isThatOfPyTorch(_ index: Int) {
    let torch = TorchCases.all.matchings[index]
    let shape: Shape = [3, 4, 3, 5]
    let (student, teacher) = (Tensor(shape, scalars: torch.student), Tensor(shape, scalars: torch.teacher))
    for layout in [Tensor.Layout.rowMajor, .channelsLast] {
      let found = student.inLayout(layout).mismatch(to: teacher, attention: torch.attention, weight: 1)
      #expect(abs(Float(found.loss) - torch.loss) < 1e-6)
      #expect(found.gradient.largestDifference(to: Tensor(shape, scalars: torch.gradient)) < 1e-6)
    }
  }

  @Test(arguments: [false, true]) func gradientAgreesWithFiniteDifferences(_ attention: Bool) {
    for shape: Shape in [[2, 3, 2, 2], [3, 7]] {
      let (student, teacher) = (Tensor.random(shape, seed: 1), Tensor.random(shape, seed: 2))
      let found = student.mismatch(to: teacher, attention: attention, weight: 3).gradient.scalars
      for i in found.indices {
        func loss(_ change: Float) -> Double {
          var scalars = student.scalars
          scalars[i] += change
          return Tensor(shape, scalars: scalars).mismatch(to: teacher, attention: attention, weight: 1).loss
        }
        #expect(abs(Double(found[i]) - 3 * (loss(0.01) - loss(-0.01)) / 0.02) < 2e-3)
      }
    }
  }

  @Test func whatHasNoDirectionCountsNothing() {
    let nothing = Tensor([2, 3], repeating: 0)
    let found = nothing.mismatch(to: .random([2, 3], seed: 1), attention: false, weight: 1)
    #expect(found.loss == 0 && found.gradient == nothing)
    #expect(
      Tensor([1, 2], scalars: [.nan, 1]).mismatch(to: .random([1, 2], seed: 1), attention: false, weight: 1).loss.isNaN)
  }

  @Test func matchesTheLastActivationOfEachSize() throws {
    let teacher = try FuseBatchNorm().rewrite(Networks.residual())
    let student = try AttachMethod(ScaledSign(), layers: ["block.a", "block.b"]).rewrite(Networks.residual())
      .applying([FuseBatchNorm()])
    #expect(Matching(.attention).layers(of: student, and: teacher).map(\.name) == ["block.relu"])
    let chosen = Matching(.features, pattern: "*.relu").layers(of: student, and: teacher)
    #expect(chosen.map(\.name) == ["stem.relu", "block.a.relu", "block.relu"])
    #expect(Matching(.features, pattern: "none*").layers(of: student, and: teacher).isEmpty)
  }

  @Test func patterns() {
    for (text, pattern) in [
      ("", ""), ("", "*"), ("layer3.conv", "layer3.*"), ("abc", "a?c"), ("abc", "*"), ("abc", "**c"), ("a.b.c", "*.c"),
      ("mississippi", "m*iss*pi"),
    ] { #expect(text.matches(pattern), "\(text) \(pattern)") }
    for (text, pattern) in [("", "?"), ("layer30", "layer3"), ("abc", "a?"), ("abc", "*b"), ("ABC", "abc")] {
      #expect(!text.matches(pattern), "\(text) \(pattern)")
    }
    #expect(!String(repeating: "a", count: 200).matches(String(repeating: "*a", count: 100) + "b"))
  }

  /// Held to its teacher's layers alone, a student comes nearer to them.
  @Test(arguments: Matching.Kind.allCases) func trainsALayer(_ kind: Matching.Kind) throws {
    let teacher = try FuseBatchNorm().rewrite(Networks.residual())
    let student = try AttachMethod(ScaledSign(), layers: ["block.a", "block.b"]).rewrite(Networks.residual())
      .applying([FuseBatchNorm()])
    var settings = FineTuning.Settings()
    settings.epochs = 4
    settings.batch = 32
    settings.distillation = 1
    settings.learningRate = 0.05
    let data = Quarters()
    func mismatch(_ weight: Float?) throws -> Double {
      settings.matching = weight.map { Matching(kind, weight: $0) }
      let outcome = try FineTuning(
        student: student, teacher: teacher, training: data, validation: data.first(0), normalization: nil,
        settings: settings
      ).run { _ in }
      let images = data.images(0..<64)
      let values = try [outcome.graph, teacher].map { graph in
        let place = try #require(graph.nodes.first { $0.name == "block.relu" }).id
        return graph.run(["x": images], keeping: .only([place]))[place]
      }
      return values[0].mismatch(to: values[1], attention: kind == .attention, weight: 1).loss
    }
    #expect(try mismatch(100) < mismatch(nil))
  }
}
