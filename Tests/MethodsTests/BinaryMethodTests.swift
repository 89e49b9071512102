import Foundation
import Graphs
import Methods
import Tensors
import TestSupport
import Testing

struct ScaledSignTests {
  @Test func levelIsTheMeanMagnitudeAndZeroIsPlus() {
    let coded = ScaledSign().code(
      Tensor([2, 4], scalars: [1, -2, 3, 0, -1, -1, -1, -5]), companions: [], at: .inference)
    #expect(coded.levels == [1.5, 2])
    #expect(coded.symbols == [1, -1, 1, 1, -1, -1, -1, -1])
  }

  /// No other level of the same signs is nearer to the weight.
  @Test func levelIsLeastSquares() {
    let latent = Tensor.random([1, 50], seed: 3)
    let coded = ScaledSign().code(latent, companions: [], at: .inference)
    func error(_ level: Float) -> Float {
      zip(latent.scalars, coded.symbols).reduce(0) { $0 + ($1.0 - Float($1.1) * level) * ($1.0 - Float($1.1) * level) }
    }
    #expect(error(coded.levels[0]) < error(coded.levels[0] * 1.02))
    #expect(error(coded.levels[0]) < error(coded.levels[0] * 0.98))
  }

  /// 144 times 0.1 has the mean 0.10000013 in single precision.
  @Test func equalWeightsSignPlusOneHoweverTheirMeanRounds() {
    for value in [Float(0.1), 0.3, -0.7, 1e-8] {
      for count in [9, 144, 576] {
        let coded = InformationRetention().code(Tensor([2, count], repeating: value), companions: [], at: .inference)
        #expect(coded.decoded().scalars.allSatisfy { $0 == 1 }, "\(count) times \(value)")
      }
    }
  }

  @Test func gradientPassesStraightThrough() {
    let gradient = Tensor.random([3, 4], seed: 1)
    let result = ScaledSign().backward(gradient, latent: .random([3, 4], seed: 2), companions: [], at: .inference)
    #expect(result == [gradient])
  }
}

struct InformationRetentionTests {
  let method = InformationRetention()

  @Test func signsAreOfTheCentredWeight() {
    let latent = Tensor([1, 4], scalars: [1, 2, 3, 10])
    let coded = method.code(latent, companions: [], at: .inference)
    #expect(coded.symbols == [-1, -1, -1, 1])
  }

  /// methods.md: E|x| of a standardised Gaussian is 0.798, so its level is 2⁰; a heavy tail gives 2⁻¹.
  @Test func levelsArePowersOfTwo() {
    var generator = SplitMix64(seed: 5)
    let gaussian = (0..<4 * 288).map { _ in (0..<12).reduce(Float(-6)) { sum, _ in sum + generator.uniform() } }
    #expect(method.code(Tensor([4, 288], scalars: gaussian), companions: [], at: .inference).levels == [1, 1, 1, 1])
    let spike: [Float] = [100] + (0..<63).map { Float($0 % 2) }
    #expect(method.code(Tensor([1, 64], scalars: spike), companions: [], at: .inference).levels[0] <= 0.5)
    for level in method.code(.random([8, 9], seed: 6), companions: [], at: .inference).levels {
      #expect(exp2(log2(level).rounded()) == level)
    }
  }

  /// The filter's mean and norm get no gradient: it is orthogonal to ones and to the centred weight.
  @Test(arguments: [Float(0), 0.5, 1]) func gradientIsOrthogonal(_ progress: Float) {
    let (shape, row): (Shape, Int) = ([3, 4, 3, 3], 36)
    let latent = Tensor.random(shape, seed: 1)
    let gradient = method.backward(
      .random(shape, seed: 2), latent: latent, companions: [], at: Moment(phase: .training, progress: progress))[0]!
      .scalars
    for channel in 0..<3 {
      let span = channel * row..<(channel + 1) * row
      let weights = Array(latent.scalars[span])
      let mean = weights.reduce(0, +) / Float(row)
      let part = Array(gradient[span])
      let size = part.map { abs($0) }.reduce(0, +)
      #expect(abs(part.reduce(0, +)) < 1e-5 * max(size, 1))
      #expect(abs(zip(part, weights).reduce(0) { $0 + $1.0 * ($1.1 - mean) }) < 1e-5 * max(size, 1))
    }
  }

  /// The estimator is the exact gradient of Σ g · 2^s · k · tanh(t · ŵ), the level held fixed.
  @Test(arguments: [Float(0), 0.3, 0.7, 0.95]) func gradientIsThatOfTheSurrogate(_ progress: Float) {
    let t = Double(0.1) * pow(100, Double(progress))
    let weights = Tensor.random([1, 10], seed: 3).scalars.map(Double.init)
    let outer = Tensor.random([1, 10], seed: 4)
    let level = Double(
      method.code(Tensor([1, 10], scalars: weights.map { Float($0) }), companions: [], at: .inference).levels[0])
    func surrogate(_ w: [Double]) -> Double {
      let mean = w.reduce(0, +) / 10
      let deviation = (w.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 9).squareRoot()
      return zip(w, outer.scalars).reduce(0) { sum, pair in
        sum + Double(pair.1) * level * max(1 / t, 1) * tanh(t * (pair.0 - mean) / deviation)
      }
    }
    let found = method.backward(
      outer, latent: Tensor([1, 10], scalars: weights.map { Float($0) }), companions: [],
      at: Moment(phase: .training, progress: progress))[0]!.scalars
    for i in 0..<10 {
      var (up, down) = (weights, weights)
      up[i] += 1e-5
      down[i] -= 1e-5
      let expected = (surrogate(up) - surrogate(down)) / 2e-5
      #expect(abs(Double(found[i]) - expected) < 1e-4 * max(1, abs(expected)))
    }
  }

  /// The slope of the surrogate where the weight is the mean: t · max(1, 1 / t) is 1 until half of training, then t.
  @Test func theSlopeHardensAsTrainingGoes() {
    let latent = Tensor([1, 3], scalars: [-1, 0, 1])
    var slopes: [Float] = []
    for progress in [Float(0), 0.25, 0.5, 0.75, 0.99] {
      let gradient = method.backward(
        Tensor([1, 3], scalars: [0, 1, 0]), latent: latent, companions: [],
        at: Moment(phase: .training, progress: progress))[0]!.scalars
      // Without its mean and its part along the weight, which is 0 here, two thirds of the slope are left.
      slopes.append(gradient[1] * 1.5 / method.code(latent, companions: [], at: .inference).levels[0])
    }
    for (found, expected) in zip(slopes, [Float(1), 1, 1, 3.162_28, 9.549_93]) {
      #expect(abs(found - expected) < 1e-4 * expected)
    }
  }

  @Test func aConstantChannelGetsNoGradientAndSignsPlus() {
    let latent = Tensor([2, 3], scalars: [0.5, 0.5, 0.5, 1, 2, 3])
    let gradient = method.backward(Tensor([2, 3], repeating: 1), latent: latent, companions: [], at: .inference)[0]!
    #expect(Array(gradient.scalars[..<3]) == [0, 0, 0])
    #expect(Array(method.code(latent, companions: [], at: .inference).symbols[..<3]) == [1, 1, 1])
  }
}

struct MethodOptionTests {
  private func message(_ name: String, _ options: [String: String] = [:]) -> String {
    do { return "made \(try makeMethod(named: name, options: options))" } catch { return "\(error)" }
  }

  @Test func refusesWithTheNearestName() {
    let known = methods.map { $0.name }.joined(separator: ", ")
    #expect(
      message("information-retentoin")
        == "method 'information-retentoin': there is no such method; did you mean 'information-retention'? (known: \(known))"
    )
    #expect(message("zzz") == "method 'zzz': there is no such method (known: \(known))")
    #expect(
      message("information-retention", ["sharpness-at-ende": "3"])
        == "method 'information-retention': there is no option 'sharpness-at-ende'; did you mean 'sharpness-at-end'? (known: sharpness-at-end, sharpness-at-start)"
    )
    #expect(message("xnor", ["a": "1"]) == "method 'xnor': there is no option 'a'; it has no options")
    #expect(
      message("information-retention", ["sharpness-at-end": "high"])
        == "method 'information-retention': option 'sharpness-at-end' wants a number, not 'high'")
    #expect(
      message("information-retention", ["sharpness-at-end": "0.01"])
        == "method 'information-retention': sharpness must be from 1e-6 to 1e6 and not fall from start to end")
  }

  @Test func setsWhatIsNamedAndKeepsTheRest() throws {
    let method = try makeMethod(named: "information-retention", options: ["sharpness-at-end": "20"])
    let retention = try #require(method as? InformationRetention)
    #expect(retention.sharpnessAtEnd == 20 && retention.sharpnessAtStart == 0.1)
  }
}
