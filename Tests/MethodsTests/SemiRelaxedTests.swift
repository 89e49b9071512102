import Compute
import Foundation
import Graphs
import Methods
import Tensors
import TestSupport
import Testing

struct SemiRelaxedTests {
  private static let cases = MultiBitCases.all.semiRelaxed
  private static let early = Moment(phase: .training, progress: 0.2, seed: 3)

  private func grid(_ expected: MultiBitCases.SemiRelaxedCase) -> RelaxedGrid {
    RelaxedGrid(
      step: exp(expected.logAlpha), deviation: exp(expected.logSigma),
      fewestBits: expected.kept.isEmpty ? expected.bits : expected.fewest, kept: expected.kept,
      estimator: expected.literal ? .multiClass : .soft)
  }

  @Test(arguments: cases.indices) func takesTheLikeliestClass(_ index: Int) {
    let expected = Self.cases[index]
    let x = Tensor([expected.weight.count], scalars: expected.weight)
    #expect(grid(expected).symbols(x) == expected.symbols)
  }

  /// Against every probability of the grid in PyTorch, in double precision, at 100 steps outside of it too.
  @Test(arguments: cases.indices) func gradientsAgreeWithTorch(_ index: Int) {
    let expected = Self.cases[index]
    let x = Tensor([expected.weight.count], scalars: expected.weight)
    let gradient = Tensor([expected.gradient.count], scalars: expected.gradient)
    let found = grid(expected).backward(gradient, x: x, weighsLevels: true)
    #expect(agree(found.x.scalars, expected.weightGradient, within: 2e-4))
    let scales = [found.logStep, found.logDeviation].map { Float($0) }
    #expect(agree(scales, [expected.logAlphaGradient, expected.logSigmaGradient], within: 2e-4))
    let gates = NestedGates(logits: expected.logits, uniforms: expected.uniforms)
    #expect(agree(gates.kept, expected.kept, within: 1e-5))
    #expect(agree(gates.backward(found.kept), expected.logitGradient, within: 2e-4))
    if !expected.logits.isEmpty {
      #expect(grid(expected).backward(gradient, x: x, weighsLevels: false).kept.allSatisfy { $0 == 0 })
    }
  }

  /// §8, 6: forward is that of `learned-step`.
  @Test(arguments: 2...8) func roundsAsLearnedStepDoes(_ bits: Int) {
    var (relaxed, learned) = (SemiRelaxed(), LearnedStep())
    (relaxed.bits, learned.bits) = (bits, bits)
    let weight = Tensor.random([6, 5, 3, 3], seed: 1)
    let companions = relaxed.companions(for: weight)
    let step = companions[0].map { exp($0) }
    #expect(learned.companions(for: weight)[0].largestDifference(to: step) < 1e-6)
    #expect(
      relaxed.code(weight, companions: companions, at: .inference)
        == learned.code(weight, companions: [step], at: .inference))
  }

  /// The literal estimator leaves a weight of the class 0 alone; the soft one does not.
  @Test func theZeroClass() {
    let latent = Tensor([1, 3], scalars: [0.1, -0.3, 0.45])
    let companions = [Tensor([1], repeating: 0), Tensor([1], repeating: log(1 / 3))]
    func gradient(_ estimator: SemiRelaxed.Estimator) -> [Float] {
      var method = SemiRelaxed()
      (method.estimator, method.dropBits) = (estimator, false)
      return method.backward(Tensor([1, 3], repeating: 1), latent: latent, companions: companions, at: Self.early)[0]!
        .scalars
    }
    #expect(gradient(.multiClass) == [0, 0, 0])
    #expect(gradient(.soft).allSatisfy { $0 > 0.8 && $0 < 1.2 })
  }

  /// The slope of the expected value Σ k · α · π[k]; inside, at α / 3, it is nearly straight through.
  @Test func theSoftSlope() {
    let grid = RelaxedGrid(step: 1, deviation: 1 / 3, fewestBits: 4)
    func slope(_ x: Float) -> Float {
      grid.backward(Tensor([1], repeating: 1), x: Tensor([1], scalars: [x]), weighsLevels: false).x.scalars[0]
    }
    for x in stride(from: Float(-6.5), through: 5.5, by: 0.37) { #expect(slope(x) > 0.8 && slope(x) < 1.2) }
    #expect(slope(7.5) < 0.3 && slope(7.5) > 0)
    #expect(slope(9) == 0 && slope(-100) == 0)
    for x in stride(from: Float(-12), through: 11, by: 0.1) { #expect(slope(x).isFinite && slope(x) >= 0) }
  }

  @Test func masksAreOfTheStep() {
    let method = SemiRelaxed()
    let latent = Tensor.random([8, 36], seed: 1)
    let companions = method.companions(for: latent)
    func value(_ seed: UInt64, _ progress: Float, _ phase: Moment.Phase = .training) -> Tensor {
      method.relax(latent, companions: companions, at: Moment(phase: phase, progress: progress, seed: seed))
    }
    let deployed = method.code(latent, companions: companions, at: .inference).decoded()
    #expect(Set((0..<20).map { value($0, 0.2) }).count > 2)
    #expect(value(3, 0.2) == value(3, 0.9))
    #expect(value(3, 1) == deployed && value(3, 0.2, .inference) == deployed)
    let range = (0..<20).map { value($0, 0.2).largestMagnitude }
    #expect(range.allSatisfy { $0 <= deployed.largestMagnitude } && range.contains { $0 < deployed.largestMagnitude })
  }

  /// §8, 6: how often a gate is not shut, by drawing.
  @Test(arguments: [Float(-2), -0.5, 0, 1.5]) func theChanceOfAGate(_ logit: Float) {
    let gate = HardConcrete(logit: logit)
    var generator = SplitMix64(seed: 4)
    let open = (0..<100_000).count { _ in gate.gate(generator.uniform()).value > 0 }
    #expect(abs(Float(open) / 100_000 - gate.chance) < 0.006)
    #expect(gate.gate(0).value == 0 && gate.gate(1).value == 1)
    let (low, high) = (gate.gate(0.4), HardConcrete(logit: logit + 1e-3).gate(0.4))
    #expect(abs((high.value - low.value) / 1e-3 - low.slope) < 2e-3)
  }

  @Test func bitsAreThoseOfTheLeadingOpenGates() {
    var method = SemiRelaxed()
    (method.bits, method.learnBits) = (6, true)
    let latent = Tensor.random([2, 9], seed: 1)
    var companions = method.companions(for: latent)
    func alphabet(_ logits: [Float]) -> Alphabet {
      companions[2] = Tensor([4], scalars: logits)
      let coded = method.code(latent, companions: companions, at: .inference)
      for progress in [0.5, 1] as [Float] {
        let moment = Moment(phase: .training, progress: progress, seed: 1)
        #expect(method.relax(latent, companions: companions, at: moment) == coded.decoded())
        #expect(method.backward(latent, latent: latent, companions: companions, at: moment)[3] == nil)
        #expect(method.penalty(latent, companions: companions, at: moment).isEmpty)
      }
      return coded.alphabet
    }
    #expect(alphabet([1, 1, 1, 1]) == .uniform(bits: 6))
    #expect(alphabet([1, -2.3, 1, -3]) == .uniform(bits: 5))
    #expect(alphabet([1, -2.5, 1, 1]) == .uniform(bits: 3))
    #expect(alphabet([-3, 1, 1, 1]) == .uniform(bits: 2))
  }

  /// The penalty is the slope of the expected number of bits, by finite differences.
  @Test func thePenaltyIsThatOfExpectedBits() {
    var method = SemiRelaxed()
    (method.bits, method.learnBits, method.bitsPenalty) = (5, true, 0.3)
    let latent = Tensor.random([50, 100], seed: 1)
    var companions = method.companions(for: latent)
    let logits: [Float] = [1.2, -0.4, 0.3]
    companions[2] = Tensor([3], scalars: logits)
    func expected(_ logits: [Float]) -> Float {
      var (sum, product): (Float, Float) = (0, 1)
      for logit in logits {
        product *= HardConcrete(logit: logit).chance
        sum += product
      }
      return 0.3 * 0.5 * sum
    }
    let penalty = method.penalty(latent, companions: companions, at: Self.early)
    #expect(penalty.count == 4 && penalty[0] == nil && penalty[1] == nil && penalty[2] == nil)
    for i in logits.indices {
      var (up, down) = (logits, logits)
      up[i] += 0.01
      down[i] -= 0.01
      #expect(abs(penalty[3]!.scalars[i] - (expected(up) - expected(down)) / 0.02) < 1e-4)
    }
    method.learnBits = false
    #expect(method.penalty(latent, companions: companions, at: Self.early).isEmpty)
  }

  /// A weight on four levels needs no more than two bits, and a penalty finds that; without one all stay.
  @Test func learnsHowManyBitsAreNeeded() {
    func bits(penalty: Float) -> Alphabet {
      var method = SemiRelaxed()
      (method.bits, method.learnBits, method.bitsPenalty) = (4, true, penalty)
      let goal = Tensor.random([10, 100], seed: 1)
      var (latent, companions) = (goal, method.companions(for: goal))
      for step in 0..<300 {
        let moment = Moment(phase: .training, progress: Float(step) / 300, seed: UInt64(step), step: step)
        let gap = method.relax(latent, companions: companions, at: moment).zip(goal, -)
        let gradients = method.backward(gap, latent: latent, companions: companions, at: moment)
        let penalties = method.penalty(latent, companions: companions, at: moment)
        for index in 0..<3 {
          guard var gradient = gradients[index + 1] else { continue }
          if index < penalties.count - 1, let penalty = penalties[index + 1] { gradient.add(penalty) }
          companions[index] = companions[index].zip(gradient) { $0 - 0.05 * $1 }
        }
        method.settle(&latent, companions: &companions, at: moment)
      }
      return method.code(latent, companions: companions, at: .inference).alphabet
    }
    #expect(bits(penalty: 0) == .uniform(bits: 4))
    #expect(bits(penalty: 3000) == .uniform(bits: 2))
  }

  @Test func scalesStayInBounds() {
    let method = SemiRelaxed()
    var latent = Tensor.random([4, 9], seed: 1)
    var companions = [Tensor([1], repeating: -50), Tensor([1], repeating: 50), Tensor([2], scalars: [-9, 9])]
    method.settle(&latent, companions: &companions, at: Self.early)
    let (alpha, sigma) = (exp(companions[0].scalars[0]), exp(companions[1].scalars[0]))
    #expect(alpha > 1e-4 && alpha < 1e-3 && abs(sigma / alpha - 2) < 1e-3)
    #expect(agree(companions[2].scalars, [log(0.01), log(100)], within: 1e-5))
    companions[1] = Tensor([1], repeating: -50)
    method.settle(&latent, companions: &companions, at: Self.early)
    #expect(abs(exp(companions[0].scalars[0] - companions[1].scalars[0]) - 20) < 1e-3)
  }

  /// Training that diverged is told by what comes out, not by a program that stops.
  @Test func brokenScalesMakeNoNumbers() {
    let latent = Tensor.random([2, 9], seed: 1)
    for broken in [Float.nan, .infinity] {
      var companions = SemiRelaxed().companions(for: latent)
      companions[0] = Tensor([1], repeating: broken)
      #expect(!SemiRelaxed().relax(latent, companions: companions, at: .inference).isFinite)
      #expect(!SemiRelaxed().relax(latent, companions: companions, at: Self.early).isFinite)
    }
  }

  @Test func refusesWhatCannotBe() {
    func message(_ options: [String: String]) -> String {
      do { return "made \(try makeMethod(named: "semi-relaxed", options: options))" } catch { return "\(error)" }
    }
    #expect(message(["bits": "1"]) == "method 'semi-relaxed': bits must be from 2 to 8")
    #expect(message(["fewest-bits": "5"]) == "method 'semi-relaxed': fewest-bits must be from 2 to bits")
    #expect(message(["drop-rate": "1"]) == "method 'semi-relaxed': drop-rate must be from 0.01 to 0.99")
    #expect(message(["freeze-bits-at": "2"]) == "method 'semi-relaxed': freeze-bits-at must be from 0 to 1")
    #expect(message(["bits-penalty": "-1"]) == "method 'semi-relaxed': bits-penalty must not be below 0")
    #expect(
      message(["learn-bits": "true", "drop-bits": "false"])
        == "method 'semi-relaxed': learn-bits wants drop-bits, and bits above fewest-bits")
    #expect(
      message(["estimator": "sof"])
        == "method 'semi-relaxed': option 'estimator' has no 'sof'; did you mean 'soft'? (known: soft, multi-class)")
  }
}
