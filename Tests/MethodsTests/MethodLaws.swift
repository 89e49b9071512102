import Foundation
import Graphs
import Methods
import Tensors
import TestSupport
import Testing

/// What holds for every method. A new method is held to these the moment it is on the list.
struct MethodLaws {
  static let shapes: [(seed: UInt64, shape: Shape)] = [
    (1, [1, 1]), (2, [3, 5]), (3, [4, 3, 3, 3]), (4, [2, 64, 1, 1]),
  ]
  static let moments = [0, 0.3, 0.7, 1].map { Moment(phase: .training, progress: $0, seed: 9) }

  /// Every method with its defaults, and some with options that make another method of them.
  static let cases =
    methods.map { $0.name } + [
      "binary-connect:stochastic=true", "binary-connect:scale=mean", "binary-connect:scale=one", "dorefa:bits=2",
      "dorefa:bits=3", "dorefa:bits=8", "learned-step:bits=2", "learned-step:bits=8", "learned-step:per-channel=true",
      "round:bits=1", "round:bits=2", "round:bits=8", "round:ternary=true",
      "semi-relaxed:drop-bits=false", "semi-relaxed:learn-bits=true", "sub-bit:bits=8", "sub-bit:kernels=random",
      "sub-bit:refine=false", "target-sparsity:zeros=0.3", "ternary-weights:per-channel=true",
      "trained-ternary:zeros=0.5",
    ]

  private func type(named name: String) throws -> any Method.Type {
    guard let type = methods.first(where: { $0.name == name }) else { throw MethodError.unknownMethod(name) }
    return type
  }

  /// `name:option=value`
  private func method(_ text: String) throws -> any Method {
    let parts = text.split(separator: ":")
    let options = parts.dropFirst().map { $0.split(separator: "=").map(String.init) }
    return try makeMethod(
      named: String(parts[0]), options: Dictionary(uniqueKeysWithValues: options.map { ($0[0], $0[1]) }))
  }

  @Test(arguments: MethodLaws.cases) func codesAndTrains(_ name: String) throws {
    func check(_ method: some Method) {
      for (seed, shape) in Self.shapes {
        let latent = Tensor.random(shape, seed: seed)
        let companions = method.companions(for: latent)
        let coded = method.code(latent, companions: companions, at: .inference)
        #expect(coded.shape == shape)
        #expect(isWithin(coded.alphabet, method.alphabet))
        #expect(coded.levels.allSatisfy { $0.isFinite && $0 >= 0 })
        #expect(coded == method.code(latent, companions: companions, at: .inference), "coding is deterministic")
        #expect(
          method.relax(latent, companions: companions, at: .inference) == coded.decoded(),
          "what is trained is what is shipped")
        #expect(
          method.relax(latent, companions: companions, at: Self.moments[3]) == coded.decoded(),
          "the last steps train what is shipped")
        for moment in Self.moments {
          let gradients = method.backward(
            .random(shape, seed: 7), latent: latent, companions: companions, at: moment)
          #expect(gradients.count == 1 + companions.count && gradients[0] != nil)
          for (gradient, value) in zip(gradients, [latent] + companions) {
            #expect(gradient.map { $0.shape == value.shape && $0.isFinite } ?? true)
          }
        }
      }
    }
    check(try method(name))
  }

  @Test(arguments: MethodLaws.cases) func survivesDegenerateWeights(_ name: String) throws {
    func check(_ method: some Method) {
      let weights = [
        Tensor([3, 8], repeating: 0), Tensor([3, 8], repeating: 0.25), Tensor([1, 1], repeating: -2),
        Tensor([2, 4], repeating: 1e-30), Tensor([2, 4], repeating: 1e18),
      ]
      for latent in weights {
        let companions = method.companions(for: latent)
        let coded = method.code(latent, companions: companions, at: .inference)
        #expect(coded.decoded().scalars.allSatisfy { $0.isFinite })
        for moment in Self.moments {
          let gradients = method.backward(
            Tensor(latent.shape, repeating: 1), latent: latent, companions: companions, at: moment)
          #expect(gradients.allSatisfy { $0?.isFinite ?? true })
          // A step along them leaves a layer that can be coded.
          var (next, kept) = (latent, companions)
          for (index, gradient) in gradients.dropFirst().enumerated() {
            guard let gradient else { continue }
            let moved = zip(kept[index].scalars, gradient.scalars).map { $0 - 0.01 * $1 }
            kept[index] = Tensor(kept[index].shape, scalars: moved)
          }
          method.settle(&next, companions: &kept, at: moment)
          #expect(method.code(next, companions: kept, at: moment).decoded().isFinite)
        }
      }
    }
    check(try method(name))
  }

  /// A weight of 0 has the symbol of +0 whatever its sign, and the same one while training and when it is shipped.
  @Test(arguments: MethodLaws.cases) func zeroHasOneSymbol(_ name: String) throws {
    func check(_ method: some Method) {
      func coded(_ zero: Float) -> CodedTensor {
        let scalars = Tensor.random([4, 18], seed: 5).scalars.enumerated().map { $0 % 3 == 0 ? zero : $1 }
        let latent = Tensor([4, 18], scalars: scalars)
        let companions = method.companions(for: latent)
        let coded = method.code(latent, companions: companions, at: .inference)
        #expect(method.relax(latent, companions: companions, at: Self.moments[3]) == coded.decoded())
        return coded
      }
      #expect(coded(0) == coded(-0.0))
    }
    check(try method(name))
  }

  /// Training that diverges says so itself; until then nothing may stop the program.
  @Test(arguments: MethodLaws.cases) func passesOnWhatIsNoNumber(_ name: String) throws {
    func check(_ method: some Method) {
      for value in [Float.nan, .infinity, -.infinity, 3e38] {
        var scalars = Tensor.random([3, 9], seed: 6).scalars
        let companions = method.companions(for: Tensor([3, 9], scalars: scalars))
        scalars[4] = value
        var latent = Tensor([3, 9], scalars: scalars)
        var settled = companions
        _ = method.companions(for: latent)
        _ = method.code(latent, companions: companions, at: .inference)
        for moment in Self.moments {
          _ = method.relax(latent, companions: companions, at: moment)
          _ = method.backward(.random([3, 9], seed: 7), latent: latent, companions: companions, at: moment)
          method.settle(&latent, companions: &settled, at: moment)
        }
      }
    }
    check(try method(name))
  }

  @Test(arguments: methods.map { $0.name }) func optionsRoundTrip(_ name: String) throws {
    func check<M: Method>(_ type: M.Type) throws {
      let method = type.init()
      #expect(try JSONDecoder().decode(M.self, from: JSONEncoder().encode(method)) == method)
      #expect(method.problem == nil)
      #expect(try makeMethod(named: name, options: defaultOptions(of: type)) as? M == method)
      #expect(M.learningRate > 0)
      #expect(!M.summary.isEmpty)
    }
    try check(try type(named: name))
  }

  /// Descends on Σ (decoded − target)², where the target is itself coded, with the companions to begin with: the
  /// decoded weight must come near it.
  @Test(arguments: MethodLaws.cases) func aCodedWeightLearns(_ name: String) throws {
    func check(_ method: some Method) {
      let shape: Shape = [4, 36]
      let goal = Tensor.random(shape, seed: 1)
      let weight = Tensor.random(shape, seed: 2)
      var companions = method.companions(for: weight, seed: 3)
      let target = method.code(
        method.latent(for: goal, companions: companions) ?? goal, companions: companions, at: .inference
      ).decoded()
      var latent = method.latent(for: weight, companions: companions) ?? weight
      func error() -> Double {
        method.code(latent, companions: companions, at: .inference).decoded().zip(target, -).squareSum
      }
      let before = error()
      for step in 0..<400 {
        let moment = Moment(phase: .training, progress: min(1, Float(step) / 300), seed: UInt64(step), step: step)
        let gap = method.relax(latent, companions: companions, at: moment).zip(target, -)
        let gradients = method.backward(gap, latent: latent, companions: companions, at: moment)
        let penalties = method.penalty(latent, companions: companions, at: moment)
        for (index, gradient) in gradients.enumerated() {
          guard var gradient else { continue }
          if index < penalties.count, let penalty = penalties[index] { gradient.add(penalty) }
          if index == 0 {
            latent = latent.zip(gradient) { $0 - 0.1 * $1 }
          } else {
            companions[index - 1] = companions[index - 1].zip(gradient) { $0 - 0.01 * $1 }
          }
        }
        method.settle(&latent, companions: &companions, at: moment)
      }
      let after = error()
      #expect(after < 0.2 * before, "the squared error fell from \(before) to \(after)")
    }
    check(try method(name))
  }

  /// Whether an alphabet is another one, or the same with fewer bits.
  private func isWithin(_ alphabet: Alphabet, _ widest: Alphabet) -> Bool {
    switch (alphabet, widest) {
    case (.uniform(let bits), .uniform(let most)), (.symmetric(let bits), .symmetric(let most)): bits <= most
    default: alphabet == widest
    }
  }

  @Test func namesAreUniqueAndSorted() {
    #expect(methods.map { $0.name } == Set(methods.map { $0.name }).sorted())
  }
}
