import Compute
import TestSupport
import Tensors
import Testing

/// More than one block of elements, and not a whole number of them.
private let shape: Shape = [2, 3, 71, 90]

struct ElementwiseTests {
  @Test func adding() {
    let (a, b) = (Tensor.random(shape, seed: 1), Tensor.random(shape, seed: 2))
    let wanted = Tensor(shape, scalars: zip(a.scalars, b.scalars).map { $0 + $1 })
    #expect(a.adding(b) == wanted)
    #expect(a.inLayout(.channelsLast).adding(b) == wanted)
  }

  @Test func clipping() {
    let x = Tensor.random(shape, seed: 3, layout: .channelsLast)
    let wanted = Tensor(shape, scalars: x.scalars.map { min(max($0, -0.25), 0.5) })
    #expect(x.clipped(-0.25, 0.5) == wanted)
    #expect(Tensor([3], scalars: [-.infinity, 2, .infinity]).clipped(0, .infinity).scalars == [0, 2, .infinity])
    #expect(Tensor(scalar: .nan).clipped(0, 1).scalars[0].isNaN)
  }

  @Test func masking() {
    let (x, gradient) = (Tensor.random(shape, seed: 4, layout: .channelsLast), Tensor.random(shape, seed: 5))
    let wanted = zip(x.scalars, gradient.scalars).map { $0 > -0.25 && $0 < 0.5 ? $1 : 0 }
    #expect(gradient.masked(where: x, isBetween: -0.25, and: 0.5) == Tensor(shape, scalars: wanted))
    let edges = Tensor([4], scalars: [-1, 1, 0, .nan])
    #expect(Tensor([4], repeating: 3).masked(where: edges, isBetween: -1, and: 1).scalars == [0, 0, 3, 0])
  }

  @Test(arguments: [false, true])
  func momentum(_ nesterov: Bool) {
    let (start, gradient) = (Tensor.random([20_000], seed: 6), Tensor.random([20_000], seed: 7))
    var (weight, velocity) = (start, Tensor([20_000], repeating: 0))
    var (wanted, speed) = (start.scalars.map(Double.init), [Double](repeating: 0, count: 20_000))
    let slopes = gradient.scalars
    for _ in 0..<3 {
      momentumStep(
        weight: &weight, velocity: &velocity, gradient: gradient, rate: 0.1, momentum: 0.9, decay: 0.01,
        nesterov: nesterov)
      for i in wanted.indices {
        let slope = Double(slopes[i]) + 0.01 * wanted[i]
        speed[i] = 0.9 * speed[i] + slope
        wanted[i] -= 0.1 * (nesterov ? slope + 0.9 * speed[i] : speed[i])
      }
    }
    expectClose(weight, tensor([20_000], wanted))
    expectClose(velocity, tensor([20_000], speed))
  }
}
