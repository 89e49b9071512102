import Graphs
import Methods
import Tensors
import TestSupport
import Testing

struct BinaryConnectTests {
  private func method(_ options: [String: String] = [:]) throws -> BinaryConnect {
    try #require(makeMethod(named: "binary-connect", options: options) as? BinaryConnect)
  }

  private func moment(_ progress: Float, seed: UInt64 = 1) -> Moment {
    Moment(phase: .training, progress: progress, seed: seed)
  }

  /// √(1.5 / (16 · 9 + 32 · 9)) for a kernel of 3 × 3 from 16 to 32 channels.
  @Test func levels() throws {
    let kernel = Tensor.random([32, 16, 3, 3], seed: 1)
    #expect(abs(try method().companions(for: kernel)[0].scalars[0] - 0.058_925_565) < 1e-7)
    #expect(try method(["scale": "one"]).companions(for: kernel)[0].scalars == [1])
    let mean = try method(["scale": "mean"]).companions(for: Tensor([2, 2], scalars: [1, -2, 3, 0]))
    #expect(mean[0].scalars == [1.5])
    #expect(abs(try method().companions(for: Tensor.random([5, 25], seed: 1))[0].scalars[0] - 0.223_606_8) < 1e-6)
  }

  /// +H comes with probability (w / H + 1) / 2: surely at H and beyond, never at −H.
  @Test func drawsByTheProbability() throws {
    let method = try method(["stochastic": "true", "scale": "one"])
    let companions = [Tensor([1], scalars: [1])]
    let row = 20_000
    let weights: [Float] = [0, 0.5, -0.8, 1, -1, 3]
    let latent = Tensor([weights.count, row], scalars: weights.flatMap { Array(repeating: $0, count: row) })
    let drawn = method.relax(latent, companions: companions, at: moment(0.5)).scalars
    for (index, weight) in weights.enumerated() {
      let part = drawn[index * row..<(index + 1) * row]
      let share = Float(part.count { $0 == 1 }) / Float(row)
      #expect(part.allSatisfy { abs($0) == 1 })
      #expect(abs(share - max(0, min(1, (weight + 1) / 2))) < (abs(weight) >= 1 ? 1e-6 : 0.015))
    }
  }

  @Test func drawsAnewInEachStepOnly() throws {
    let method = try method(["stochastic": "true"])
    let latent = Tensor.random([4, 3, 3, 3], seed: 2).map { $0 * 0.05 }
    let companions = method.companions(for: latent)
    let first = method.relax(latent, companions: companions, at: moment(0.5))
    #expect(method.relax(latent, companions: companions, at: moment(0.5)) == first)
    #expect(method.relax(latent, companions: companions, at: moment(0.5, seed: 2)) != first)
    let decoded = method.code(latent, companions: companions, at: .inference).decoded()
    #expect(method.relax(latent, companions: companions, at: Moment(phase: .inference, progress: 0.5)) == decoded)
    #expect(first != decoded)
  }

  @Test func theWeightIsClippedAndTheGradientIsNot() throws {
    let method = try method(["scale": "one"])
    var latent = Tensor([1, 4], scalars: [3, -0.5, -7, 1])
    var companions = method.companions(for: latent)
    let gradient = Tensor.random([1, 4], seed: 3)
    #expect(method.backward(gradient, latent: latent, companions: companions, at: moment(0))[0] == gradient)
    method.settle(&latent, companions: &companions, at: moment(0))
    #expect(latent.scalars == [1, -0.5, -1, 1])
  }

  @Test func refusesAnotherScale() {
    #expect(
      throws: MethodError.badOptions(
        method: "binary-connect",
        problem: "option 'scale' has no 'meen'; did you mean 'mean'? (known: glorot, one, mean)")
    ) { try makeMethod(named: "binary-connect", options: ["scale": "meen"]) }
  }
}
