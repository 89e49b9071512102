import Foundation
import Graphs
import Methods
import Tensors
import TestSupport
import Testing

/// What PyTorch's autograd says of the same equations.
struct MethodFixtureTests {
  private struct Fixture: Decodable {
    struct Case: Decodable {
      var method: String
      var companions: [Float]?
      var decoded: [Float]
      var gradient: [Float]
      var companionGradients: [Float]?
    }
    struct Penalty: Decodable {
      var alpha: Float
      var slope: [Float]
      var bent: [Float]
    }
    /// What training reads at a moment.
    struct Momentary: Decodable {
      var method: String
      var progress: Float
      var companions: [Float]
      var relaxed: [Float]
      var gradient: [Float]
    }
    struct Kernels: Decodable {
      var kernels: [Float]
      var decoded: [Float]
      var gradient: [Float]
      var kernelGradient: [Float]
    }
    var weight: [Float]
    var gradient: [Float]
    var cases: [Case]
    var penalties: [Penalty]
    var moments: [Momentary]
    var subBit: Kernels
  }

  private func fixture() throws -> Fixture {
    let data = try Data(contentsOf: URL(fileURLWithPath: Project.path("fixtures/methods/methods.json")))
    return try JSONDecoder().decode(Fixture.self, from: data)
  }

  private func isNear(_ found: [Float], _ expected: [Float], within tolerance: Float = 2e-6) -> Bool {
    found.count == expected.count && zip(found, expected).allSatisfy { abs($0 - $1) <= tolerance * max(1, abs($1)) }
  }

  @Test func decodeAndDescendAsPyTorchDoes() throws {
    let fixture = try fixture()
    #expect(fixture.cases.count == 8)
    let shape: Shape = [4, 3, 3, 3]
    let latent = Tensor(shape, scalars: fixture.weight)
    for expected in fixture.cases {
      let parts = expected.method.split(separator: ":")
      let options = parts.dropFirst().map { $0.split(separator: "=").map(String.init) }
      let method = try makeMethod(
        named: String(parts[0]), options: Dictionary(uniqueKeysWithValues: options.map { ($0[0], $0[1]) }))
      let companions = expected.companions?.map { Tensor([1], scalars: [$0]) } ?? method.companions(for: latent)
      let decoded = method.code(latent, companions: companions, at: .inference).decoded()
      #expect(isNear(decoded.scalars, expected.decoded), "\(expected.method)")
      let gradients = method.backward(
        Tensor(shape, scalars: fixture.gradient), latent: latent, companions: companions, at: .inference)
      #expect(isNear(gradients[0]!.scalars, expected.gradient, within: 1e-5), "\(expected.method)")
      for (found, expected) in zip(gradients.dropFirst(), expected.companionGradients ?? []) {
        #expect(isNear(found!.scalars, [expected], within: 1e-5))
      }
    }
  }

  @Test func relaxAndDescendAsPyTorchDoes() throws {
    let fixture = try fixture()
    #expect(Set(fixture.moments.map(\.method)).count == 4)
    let shape: Shape = [4, 3, 3, 3]
    let latent = Tensor(shape, scalars: fixture.weight)
    for expected in fixture.moments {
      let method = try makeMethod(named: expected.method)
      let given = expected.companions.map { Tensor([1], scalars: [$0]) }
      let companions = given.isEmpty ? method.companions(for: latent) : given
      let moment = Moment(phase: .training, progress: expected.progress)
      let relaxed = method.relax(latent, companions: companions, at: moment)
      #expect(isNear(relaxed.scalars, expected.relaxed, within: 1e-5), "\(expected.method) at \(expected.progress)")
      let gradient = method.backward(
        Tensor(shape, scalars: fixture.gradient), latent: latent, companions: companions, at: moment)[0]
      #expect(
        isNear(try #require(gradient).scalars, expected.gradient, within: 2e-4),
        "\(expected.method) at \(expected.progress)")
    }
  }

  @Test func kernelsOfNineAsPyTorchHasThem() throws {
    let fixture = try fixture()
    let expected = fixture.subBit
    let shape: Shape = [4, 3, 3, 3]
    let (latent, signs) = (Tensor(shape, scalars: fixture.weight), Tensor([16, 9], scalars: expected.kernels))
    var method = SubBit()
    method.bits = 4
    let companions = [signs, signs.map { $0 * 0.1 }]
    #expect(isNear(method.code(latent, companions: companions, at: .inference).decoded().scalars, expected.decoded))
    // In the 25th step kernels have a gradient.
    let moment = Moment(phase: .training, progress: 0.5, step: 24)
    let gradients = method.backward(
      Tensor(shape, scalars: fixture.gradient), latent: latent, companions: companions, at: moment)
    #expect(isNear(gradients[0]!.scalars, expected.gradient))
    let size = (expected.kernelGradient.reduce(0) { $0 + $1 * $1 } / 144).squareRoot()
    #expect(
      isNear(gradients[2]!.scalars.map { $0 * size / method.refinementRate }, expected.kernelGradient, within: 1e-5))
  }

  /// The pull of sparsity control, seen through what one step of it does to a weight.
  @Test func thePenaltyPullsAlongItsGradient() throws {
    let fixture = try fixture()
    for penalty in fixture.penalties {
      let method = try makeMethod(named: "sparsity-control", options: ["alpha": "\(penalty.alpha)", "pull": "1"])
      // c₀ = 1, so that the latent weight is θ.
      var companions = [1, 1, 0.48].map { Tensor([1], scalars: [$0]) }
      let theta = fixture.weight.map { $0 * 3 }
      var latent = Tensor([4, 27], scalars: theta)
      method.settle(&latent, companions: &companions, at: Moment(phase: .training, progress: 0.5))
      let step: Float = 2 * 0.5 * (0.5 - 0.48)
      let moved = zip(theta, latent.scalars).map { ($0 - $1) / step }
      #expect(zip(theta, zip(moved, penalty.slope)).allSatisfy { abs($0) >= 3 || abs($1.0 - $1.1) < 1e-4 })
      #expect(companions[2].scalars == [0.5])
    }
  }
}
