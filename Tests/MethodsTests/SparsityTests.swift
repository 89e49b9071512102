import Foundation
import Graphs
import Methods
import Tensors
import TestSupport
import Testing

/// Ternary weights by a penalty, with alpha given or found.
struct SparsityTests {
  private func moment(_ progress: Float) -> Moment { Moment(phase: .training, progress: progress) }

  /// Trains towards a weight that is not ternary, and gives the symbols and what was trained last.
  private func trained(
    _ method: some Method, from weight: Tensor, steps: Int = 300, rate: Float = 0.02
  ) -> (coded: CodedTensor, soft: Tensor) {
    let target = Tensor.normal(weight.shape, seed: 99)
    var companions = method.companions(for: weight)
    var latent = method.latent(for: weight, companions: companions)!
    var soft = weight
    for step in 0...steps {
      let now = moment(Float(step) / Float(steps))
      if step < steps { soft = method.relax(latent, companions: companions, at: now) }
      let gap = method.relax(latent, companions: companions, at: now).zip(target, -)
      let slope = method.backward(gap, latent: latent, companions: companions, at: now)[0]!
      latent = latent.zip(slope) { $0 - rate * $1 }
      method.settle(&latent, companions: &companions, at: now)
    }
    return (method.code(latent, companions: companions, at: .inference), soft)
  }

  @Test func beginsAtTheWeight() {
    let weight = Tensor.normal([4, 3, 3, 3], seed: 1).map { $0 * 0.1 }
    let method = SparsityControl()
    let companions = method.companions(for: weight)
    let latent = method.latent(for: weight, companions: companions)!
    #expect(method.relax(latent, companions: companions, at: moment(0)).largestDifference(to: weight) < 1e-6)
    // Three fifths of normal weights begin inside the barrier.
    #expect(abs(method.code(latent, companions: companions, at: .inference).zeroShare - 0.6) < 0.08)
  }

  /// The gradient is that of the function itself, nothing goes straight through.
  @Test(arguments: [Float(0), 0.4, 0.9]) func gradientIsExact(_ progress: Float) {
    let weight = Tensor.normal([3, 12], seed: 2)
    let outer = Tensor.random([3, 12], seed: 3)
    for method in [SparsityControl() as any Method, TargetSparsity()] {
      let companions = method.companions(for: weight)
      let latent = method.latent(for: weight, companions: companions)!
      let found = method.backward(outer, latent: latent, companions: companions, at: moment(progress))[0]!.scalars
      let (start, end) = (Double(companions[0].scalars[0]), Double(companions[1].scalars[0]))
      let scale = start + (end - start) * Double(progress)
      for (index, value) in latent.scalars.enumerated() {
        let (up, down) = (tanh((Double(value) + 1e-5) / start), tanh((Double(value) - 1e-5) / start))
        let expected = Double(outer.scalars[index]) * scale * (up - down) / 2e-5
        #expect(abs(Double(found[index]) - expected) < 1e-5)
      }
      #expect(method.backward(outer, latent: latent, companions: companions, at: moment(1))[0]!.largestMagnitude == 0)
    }
  }

  /// Before rounding begins, training has brought nearly all weights into their basins: rounding loses little.
  @Test func weightsComeIntoTheBasins() {
    let (coded, soft) = trained(SparsityControl(), from: .normal([4, 64], seed: 4))
    let gap = soft.zip(coded.decoded(), -)
    #expect((gap.squareSum / coded.decoded().squareSum).squareRoot() < 0.1)
    #expect(Set(coded.symbols) == [-1, 0, 1])
  }

  /// Five alphas, five rising shares of zeros, on one task.
  @Test func zerosRiseWithAlpha() throws {
    let shares = try ["0.02", "0.05", "0.1", "0.2", "0.4"].map { alpha in
      let method = try #require(makeMethod(named: "sparsity-control", options: ["alpha": alpha]) as? SparsityControl)
      return trained(method, from: .normal([8, 64], seed: 5)).coded.zeroShare
    }
    #expect(zip(shares, shares.dropFirst()).allSatisfy { $0 < $1 }, "\(shares)")
  }

  /// The same pull brings the same symbols for 100 steps and for 1000.
  @Test func thePullDoesNotDependOnTheNumberOfSteps() {
    let weight = Tensor.normal([8, 64], seed: 6)
    let few = trained(SparsityControl(), from: weight, steps: 100, rate: 0).coded
    let many = trained(SparsityControl(), from: weight, steps: 1000, rate: 0).coded
    #expect(zip(few.symbols, many.symbols).count { $0 != $1 } <= 3)
  }

  @Test(arguments: [Float(0.2), 0.4, 0.6, 0.8, 0.95]) func findsTheAskedShareOfZeros(_ share: Float) throws {
    let method = try #require(
      makeMethod(named: "target-sparsity", options: ["zeros": "\(share)"]) as? TargetSparsity)
    let coded = trained(method, from: .normal([8, 64], seed: 7)).coded
    #expect(abs(coded.zeroShare - share) < 0.02, "\(coded.zeroShare)")
  }

  /// From progress 1 on the symbols stand still, whatever decays or drifts.
  @Test func standsStillAtTheEnd() {
    let method = SparsityControl()
    let weight = Tensor.normal([4, 16], seed: 8)
    var companions = method.companions(for: weight)
    var latent = method.latent(for: weight, companions: companions)!
    method.settle(&latent, companions: &companions, at: moment(1))
    let before = method.code(latent, companions: companions, at: .inference)
    for _ in 0..<50 {
      latent = latent.map { $0 * 0.97 + 0.01 }
      method.settle(&latent, companions: &companions, at: moment(1))
    }
    #expect(method.code(latent, companions: companions, at: .inference) == before)
  }

  @Test func refusesOptionsThatMakeNoSense() {
    for (name, option, value) in [
      ("sparsity-control", "alpha", "0"), ("sparsity-control", "alpha", "0.6"), ("sparsity-control", "pull", "-1"),
      ("sparsity-control", "spread", "0.5"), ("target-sparsity", "zeros", "0"), ("target-sparsity", "zeros", "1"),
    ] {
      #expect(throws: MethodError.self) { try makeMethod(named: name, options: [option: value]) }
    }
  }
}
