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
        #expect(coded.alphabet == M.alphabet)
        #expect(coded.levels.allSatisfy { $0.isFinite && $0 > 0 })
        #expect(coded == method.code(latent, companions: companions, at: .inference), "coding is deterministic")
        #expect(
          method.relax(latent, companions: companions, at: .inference) == coded.decoded(),
          "what is trained is what is shipped")
        for moment in Self.moments {
          let gradients = method.backward(
            .random(shape, seed: 7), latent: latent, companions: companions, at: moment)
          #expect(gradients.map(\.shape) == [shape] + companions.map(\.shape))
          #expect(gradients.allSatisfy { $0.scalars.allSatisfy { $0.isFinite } })
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
          #expect(gradients.allSatisfy { $0.scalars.allSatisfy { $0.isFinite } })
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

  /// Descends on Σ (decoded − target)², where the target is itself coded: the bits must come to agree with it.
  @Test(arguments: methods.map { $0.name }) func aCodedWeightLearns(_ name: String) throws {
    func check<M: Method>(_ type: M.Type) {
      let method = type.init()
      let shape: Shape = [4, 32]
      let target = method.code(.random(shape, seed: 1), companions: [], at: .inference)
      var latent = Tensor.random(shape, seed: 2)
      let before = agreement(method.code(latent, companions: [], at: .inference), target)
      for step in 0..<200 {
        let moment = Moment(phase: .training, progress: Float(step) / 200)
        let error = method.relax(latent, companions: [], at: moment).zip(target.decoded(), -)
        let gradient = method.backward(error, latent: latent, companions: [], at: moment)[0]
        latent = latent.zip(gradient) { $0 - 0.1 * $1 }
        method.settle(&latent, at: moment)
      }
      let after = agreement(method.code(latent, companions: [], at: .inference), target)
      #expect(after > 0.97 && after > before + 0.2, "agreement rose from \(before) to \(after)")
    }
    check(try type(named: name))
  }

  private func agreement(_ a: CodedTensor, _ b: CodedTensor) -> Double {
    Double(zip(a.symbols, b.symbols).count { $0 == $1 }) / Double(a.symbols.count)
  }

  @Test func namesAreUniqueAndSorted() {
    #expect(methods.map { $0.name } == Set(methods.map { $0.name }).sorted())
  }
}
