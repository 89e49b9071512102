import Graphs
import Methods
import Tensors
import TestSupport
import Testing

struct TernaryWeightsTests {
  /// The level is the least-squares best for the symbols: <T, w> / <T, T>.
  @Test func levelIsLeastSquares() {
    let latent = Tensor.random([3, 40], seed: 1)
    let coded = TernaryWeights().code(latent, companions: [], at: .inference)
    let symbols = coded.symbols.map { Float($0) }
    let along = zip(symbols, latent.scalars).reduce(Float(0)) { $0 + $1.0 * $1.1 }
    let size = symbols.reduce(0) { $0 + $1 * $1 }
    #expect(coded.levels.allSatisfy { abs($0 - along / size) < 1e-6 })
    #expect(Set(coded.symbols) == [-1, 0, 1])
  }

  /// 42 % of normal weights lie below 0.7 of their mean magnitude.
  @Test func zerosOfNormalWeights() {
    let coded = TernaryWeights().code(.normal([8, 512], seed: 2), companions: [], at: .inference)
    #expect(abs(coded.zeroShare - 0.42) < 0.02)
  }

  @Test func channelsOfTheirOwn() throws {
    let latent = Tensor([2, 4], scalars: [1, -1, 0.1, 2, 100, -100, 10, 200])
    let layer = TernaryWeights().code(latent, companions: [], at: .inference)
    #expect(layer.symbols == [0, 0, 0, 0, 1, -1, 0, 1] && layer.levels[0] == layer.levels[1])
    let method = try makeMethod(named: "ternary-weights", options: ["per-channel": "true"])
    let channels = method.code(latent, companions: [], at: .inference)
    #expect(channels.symbols == [1, -1, 0, 1, 1, -1, 0, 1])
    #expect(abs(channels.levels[0] - 4 / 3) < 1e-6 && abs(channels.levels[1] - 400 / 3) < 1e-4)
  }
}

struct AbsoluteMeanTests {
  /// 31 % of normal weights lie below half of their mean magnitude.
  @Test func zerosOfNormalWeights() {
    let latent = Tensor.normal([8, 512], seed: 3)
    let coded = AbsoluteMean().code(latent, companions: [], at: .inference)
    #expect(abs(coded.zeroShare - 0.31) < 0.02)
    #expect(abs(coded.levels[0] - 0.798) < 0.02)
  }

  @Test func halvesGoToZeroAndTinyLayersKeepALevel() {
    let coded = AbsoluteMean().code(Tensor([1, 4], scalars: [1, -1, 2, 4]), companions: [], at: .inference)
    #expect(coded.levels == [2] && coded.symbols == [0, 0, 1, 1])
    #expect(AbsoluteMean().code(Tensor([2, 2], repeating: 0), companions: [], at: .inference).levels == [1e-5, 1e-5])
  }
}

struct TrainedTernaryTests {
  private let method = TrainedTernary()

  /// Weights beyond 0.05 of the largest magnitude are not 0, and each side begins at its own mean magnitude.
  @Test func beginsAtTheMeansOfTheSides() {
    let latent = Tensor([1, 6], scalars: [10, 0.4, -0.6, -3, 2, -0.5])
    let coded = method.code(latent, companions: method.companions(for: latent), at: .inference)
    #expect(coded.symbols == [1, 0, -1, -1, 1, 0])
    #expect(abs(coded.levels[0] - 6) < 1e-5 && abs(coded.negativeLevels![0] - 1.8) < 1e-5)
  }

  /// Σ g · code(w) has this slope for each level: central differences over the companions.
  @Test func gradientsOfTheLevels() {
    let latent = Tensor.random([4, 30], seed: 4)
    let outer = Tensor.random([4, 30], seed: 5).map { $0 + 0.5 }
    let companions = method.companions(for: latent)
    let found = method.backward(outer, latent: latent, companions: companions, at: .inference)
    for side in 0..<2 {
      func loss(_ change: Float) -> Float {
        var companions = companions
        companions[side] = companions[side].map { $0 + change }
        let decoded = method.code(latent, companions: companions, at: .inference).decoded()
        return zip(decoded.scalars, outer.scalars).reduce(0) { $0 + $1.0 * $1.1 }
      }
      let expected = (loss(0.25) - loss(-0.25)) / 0.5
      #expect(abs(expected) > 0.1 && abs(found[side + 1]!.scalars[0] - expected) < 1e-3 * abs(expected))
    }
    #expect(found[3] == nil)
  }

  @Test(arguments: [Float(0.25), 0.5, 0.9]) func asksForAShareOfZeros(_ share: Float) throws {
    let method = try makeMethod(named: "trained-ternary", options: ["zeros": "\(share)"])
    let latent = Tensor.normal([4, 100], seed: 6)
    let coded = method.code(latent, companions: method.companions(for: latent), at: .inference)
    #expect(coded.symbols.count { $0 == 0 } == Int((share * 400).rounded()))
  }

  @Test func levelsStayAboveZero() {
    var latent = Tensor.random([2, 9], seed: 7)
    var companions = [-3, 0, 2].map { Tensor([1], scalars: [$0]) }
    method.settle(&latent, companions: &companions, at: .inference)
    #expect(companions.map { $0.scalars[0] } == [0.01, 0.01, 2])
  }

  @Test func refusesOptionsThatMakeNoSense() {
    for options in [["threshold": "1"], ["threshold": "-0.1"], ["zeros": "1"], ["zeros": "-1"]] {
      #expect(throws: MethodError.self) { try makeMethod(named: "trained-ternary", options: options) }
    }
  }
}

extension Tensor {
  /// Nearly normal numbers of mean 0 and deviation 1: sums of twelve.
  static func normal(_ shape: Shape, seed: UInt64) -> Tensor {
    var generator = SplitMix64(seed: seed)
    return Tensor(shape) { target in
      for i in target.indices { target[i] = (0..<12).reduce(Float(-6)) { sum, _ in sum + generator.uniform() } }
    }
  }
}

extension CodedTensor {
  /// The share of symbols that are 0.
  var zeroShare: Float { Float(symbols.count { $0 == 0 }) / Float(symbols.count) }
}
