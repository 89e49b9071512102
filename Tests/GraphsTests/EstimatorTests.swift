import Graphs
import Tensors
import Testing

/// Operators without a slope of their own: by their stated formulas.
struct EstimatorTests {
  let x = Tensor([9], scalars: [-3, -1, -0.5, -0.0, 0, 0.5, 1, 3, .infinity])

  private func gradient(_ operation: some Operator) -> [Float?] {
    let evaluation = operation.forward([x], at: .inference)
    let upstream = Tensor([9], scalars: (1...9).map(Float.init))
    return operation.backward(upstream, from: evaluation, inputs: [x], needed: [true], at: .inference)[0]!.scalars
  }

  @Test func signActivationHasNoZero() {
    let y = SignActivation().forward([x], at: .inference).output
    #expect(y.scalars == [-1, -1, -1, 1, 1, 1, 1, 1, 1])
    #expect(SignActivation().forward([Tensor(scalar: .nan)], at: .inference).output.scalars == [-1])
  }

  @Test func signHasZero() {
    #expect(Sign().forward([x], at: .inference).output.scalars == [-1, -1, -1, 0, 0, 1, 1, 1, 1])
    #expect(Sign().forward([Tensor(scalar: .nan)], at: .inference).output.scalars[0].isNaN)
  }

  @Test func bothPassTheGradientBetweenMinusOneAndOne() {
    #expect(gradient(SignActivation()) == [0, 0, 3, 4, 5, 6, 0, 0, 0])
    #expect(gradient(Sign()) == [0, 0, 3, 4, 5, 6, 0, 0, 0])
  }

  @Test func thresholdsAreReachedFromEitherSide() {
    let x = Tensor([2, 2, 1, 3], scalars: [-1, 0, 1, -1, 0, 1, 5, -5, 0, 5, -5, 0])
    let evaluation = Threshold(flipped: [false, true]).forward([x, Tensor([2], repeating: 0)], at: .inference)
    #expect(evaluation.output.scalars == [-1, 1, 1, 1, 1, -1, 1, -1, 1, -1, 1, 1])
    let slopes = Threshold(flipped: [false, true]).backward(
      x, from: evaluation, inputs: [x, Tensor([2], repeating: 0)], needed: [true, true], at: .inference)
    #expect(slopes == [nil, nil])
    let rows = Threshold(flipped: [true, false]).forward(
      [Tensor([2, 2], scalars: [3, 3, 4, 2]), Tensor([2], repeating: 3)], at: .inference)
    #expect(rows.output.scalars == [1, 1, -1, -1])
  }
}
