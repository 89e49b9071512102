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

  private func type(named name: String) throws -> any Method.Type {
    guard let type = methods.first(where: { $0.name == name }) else { throw MethodError.unknownMethod(name) }
    return type
  }

  @Test(arguments: methods.map { $0.name }) func codesAndTrains(_ name: String) throws {
    func check<M: Method>(_ type: M.Type) {
      let method = type.init()
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
    check(try type(named: name))
  }

  @Test(arguments: methods.map { $0.name }) func survivesDegenerateWeights(_ name: String) throws {
    func check<M: Method>(_ type: M.Type) {
      let method = type.init()
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
        }
      }
    }
    check(try type(named: name))
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
  @Test(arguments: methods.map { $0.name }) func aCodedWeightLearns(_ name: String) throws {
    func check<M: Method>(_ type: M.Type) {
      let method = type.init()
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
    check(try type(named: name))
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
