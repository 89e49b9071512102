import Compute
import Foundation
import Graphs
import Methods
import Tensors
import TestSupport
import Testing

struct LearnedStepTests {
  private static let cases = MultiBitCases.all.learnedSteps

  private func method(_ bits: Int, ternary: Bool = false, perChannel: Bool = false) -> LearnedStep {
    var method = LearnedStep()
    (method.bits, method.ternary, method.perChannel) = (bits, ternary, perChannel)
    return method
  }

  @Test(arguments: cases.indices) func agreesWithTorch(_ index: Int) {
    let expected = Self.cases[index]
    let method = method(expected.bits, ternary: expected.ternary, perChannel: expected.perChannel)
    let weight = Tensor([3, 20], scalars: expected.weight)
    #expect(agree(method.companions(for: weight)[0].scalars, expected.start, within: 1e-6))
    let companions = [Tensor([expected.step.count], scalars: expected.step)]
    let coded = method.code(weight, companions: companions, at: .inference)
    #expect(agree(coded.decoded().scalars, expected.value, within: 1e-6))
    let gradients = method.backward(
      Tensor([3, 20], scalars: expected.gradient), latent: weight, companions: companions,
      at: Moment(phase: .training, progress: 0.5))
    #expect(gradients[0]?.scalars == expected.weightGradient)
    #expect(agree(gradients[1]!.scalars, expected.stepGradient, within: 1e-5))
  }

  @Test func halvesRoundToEvenAndTheEndsAreClipped() {
    let weight = Tensor([1, 8], scalars: [-9, -2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 9])
    let coded = method(3).code(weight, companions: [Tensor([1], scalars: [1])], at: .inference)
    #expect(coded.symbols == [-4, -2, -2, 0, 0, 2, 2, 3])
    #expect(coded.alphabet == .uniform(bits: 3) && coded.levels == [1])
  }

  @Test func alphabets() {
    #expect(method(2).alphabet == .uniform(bits: 2) && method(2, ternary: true).alphabet == .ternary)
    #expect(method(1).problem == "bits must be from 2 to 8")
    #expect(method(9).problem == "bits must be from 2 to 8")
    #expect(method(3, ternary: true).problem == "ternary wants bits to be 2")
  }

  @Test(arguments: [false, true]) func theStepStaysAboveZero(_ perChannel: Bool) {
    let method = method(4, perChannel: perChannel)
    var latent = Tensor.random([2, 9], seed: 1)
    var companions = method.companions(for: latent).map { $0.map { _ in -5 } }
    method.settle(&latent, companions: &companions, at: .inference)
    let mean = latent.scalars.reduce(0) { $0 + abs($1) } / 18
    #expect(companions[0].scalars.count == (perChannel ? 2 : 1))
    #expect(companions[0].scalars.allSatisfy { $0 > 0 && $0 < mean })
    #expect(latent == .random([2, 9], seed: 1))
    let before = companions
    method.settle(&latent, companions: &companions, at: .inference)
    #expect(companions == before)
  }

  /// Descending on the squared error alone finds a better step than the one to begin with, for a heavy tail.
  @Test func theStepLearns() {
    let weight = Tensor.random([4, 64], seed: 5).map { $0 * $0 * $0 }
    let method = method(2)
    var companions = method.companions(for: weight).map { $0.map { $0 * 2 } }
    func error() -> Double {
      method.code(weight, companions: companions, at: .inference).decoded().zip(weight, -).squareSum
    }
    let before = error()
    for _ in 0..<100 {
      let gap = method.code(weight, companions: companions, at: .inference).decoded().zip(weight, -)
      let gradients = method.backward(gap, latent: weight, companions: companions, at: .inference)
      companions[0] = companions[0].zip(gradients[1]!) { $0 - 0.1 * $1 }
    }
    #expect(error() < 0.7 * before)
  }
}
