import Compute
import Foundation
import TestSupport
import Tensors
import Testing

private let shapes: [Shape] = [[1, 1, 1, 1], [2, 3, 5, 4], [5, 17, 3, 3], [9, 6], [1, 4], [300, 3]]

private func ordered(_ x: Tensor) -> Tensor { x.shape.rank == 4 ? x.inLayout(.channelsLast) : x }

/// The channel of each element in row-major order.
private func channels(_ shape: Shape) -> [Int] {
  let plane = shape.dimensions.dropFirst(2).reduce(1, *)
  return (0..<shape.count).map { $0 / plane % shape[1] }
}

/// Mean and biased variance by two passes in double precision.
private func plainStatistics(_ x: Tensor) -> (mean: [Double], variance: [Double]) {
  let (channel, numbers, samples) = (channels(x.shape), x.scalars, Double(x.count / x.shape[1]))
  var mean = [Double](repeating: 0, count: x.shape[1])
  var variance = mean
  for i in numbers.indices { mean[channel[i]] += Double(numbers[i]) / samples }
  for i in numbers.indices { variance[channel[i]] += pow(Double(numbers[i]) - mean[channel[i]], 2) / samples }
  return (mean, variance)
}

struct NormalizingTests {
  @Test(arguments: shapes)
  func statistics(_ shape: Shape) {
    let x = Tensor.random(shape, seed: 1)
    let (mean, variance) = ChannelAffine.statistics(ordered(x))
    let wanted = plainStatistics(x)
    expectClose(mean, tensor([shape[1]], wanted.mean))
    expectClose(variance, tensor([shape[1]], wanted.variance))
  }

  @Test(arguments: [1000, -30_000, 250_000] as [Float])
  func aLargeMeanCancelsNothing(_ mean: Float) {
    // Steps that a float of this size can hold.
    let step = mean.ulp * 16
    let x = Tensor.random([8, 5, 8, 8], seed: 2).map { mean + ($0 * 20).rounded() * step }
    let result = ChannelAffine.statistics(ordered(x))
    let wanted = plainStatistics(x)
    expectClose(result.variance, tensor([5], wanted.variance), within: 1e-4)
    expectClose(result.mean, tensor([5], wanted.mean), within: 1e-6)
  }

  @Test func aConstantHasNoVariance() {
    let result = ChannelAffine.statistics(Tensor([3, 4], repeating: 0.1))
    #expect(result.variance.scalars == [0, 0, 0, 0] && result.mean.scalars == [0.1, 0.1, 0.1, 0.1])
  }

  @Test(arguments: shapes, [0, 1, 2, 3])
  func forward(_ shape: Shape, _ form: Int) {
    let (relu, adds) = (form & 1 == 1, form & 2 == 2)
    let x = Tensor.random(shape, seed: 1)
    let (factor, offset) = (Tensor.random([shape[1]], seed: 2), Tensor.random([shape[1]], seed: 3))
    let skip = adds ? Tensor.random(shape, seed: 4) : nil
    let channel = channels(shape)
    let wanted = x.scalars.indices.map { i -> Double in
      let affine = Double(factor.scalars[channel[i]]) * Double(x.scalars[i]) + Double(offset.scalars[channel[i]])
      let sum = affine + Double(skip?.scalars[i] ?? 0)
      return relu ? max(0, sum) : sum
    }
    let result = ChannelAffine.forward(ordered(x), factor: factor, offset: offset, skip: skip.map(ordered), relu: relu)
    expectClose(result, tensor(shape, wanted))
  }

  @Test(arguments: shapes, [false, true])
  func backwardSums(_ shape: Shape, _ relu: Bool) {
    let (gradient, x) = (Tensor.random(shape, seed: 1), Tensor.random(shape, seed: 2))
    let y = relu ? Tensor.random(shape, seed: 3).map { max(0, $0) } : nil
    let mean = Tensor.random([shape[1]], seed: 4)
    let channel = channels(shape)
    let masked = gradient.scalars.indices.map { y.map { $0.scalars }?[$0] == 0 ? 0 : gradient.scalars[$0] }
    var sums = [Double](repeating: 0, count: shape[1])
    var products = sums
    for i in masked.indices {
      sums[channel[i]] += Double(masked[i])
      products[channel[i]] += Double(masked[i]) * Double(x.scalars[i] - mean.scalars[channel[i]])
    }
    let result = ChannelAffine.backwardSums(ordered(gradient), x: ordered(x), y: y.map(ordered), mean: mean)
    #expect(result.masked == Tensor(shape, scalars: masked))
    expectClose(result.sums, tensor([shape[1]], sums))
    expectClose(result.products, tensor([shape[1]], products))
  }

  @Test(arguments: shapes)
  func backwardSource(_ shape: Shape) {
    let (gradient, x) = (Tensor.random(shape, seed: 1), Tensor.random(shape, seed: 2))
    let parts = (3...5).map { Tensor.random([shape[1]], seed: UInt64($0)) }
    let channel = channels(shape)
    let wanted = x.scalars.indices.map { i -> Double in
      let (a, b, d) = (parts[0].scalars[channel[i]], parts[1].scalars[channel[i]], parts[2].scalars[channel[i]])
      return Double(a) * Double(gradient.scalars[i]) + Double(b) * Double(x.scalars[i]) + Double(d)
    }
    let result = ChannelAffine.backwardSource(ordered(gradient), x: ordered(x), a: parts[0], b: parts[1], d: parts[2])
    expectClose(result, tensor(shape, wanted))
  }

  /// The same sums and sources, to the last bit, as from the rectified output.
  @Test(arguments: shapes, [Float.infinity, 0.3])
  func rectifiedBackward(_ shape: Shape, _ ceiling: Float) {
    let (gradient, x) = (ordered(.random(shape, seed: 1)), ordered(.random(shape, seed: 2)))
    let parts = (3...8).map { Tensor.random([shape[1]], seed: UInt64($0)) }
    let (factor, offset, mean) = (parts[0], parts[1], parts[2])
    let y = ChannelAffine.forward(x, factor: factor, offset: offset, skip: nil, relu: true, ceiling: ceiling)
    let wanted = ChannelAffine.backwardSums(gradient, x: x, y: y, ceiling: ceiling, mean: mean)
    let rectified = RectifiedAffine(factor: factor, offset: offset, ceiling: ceiling)
    let found = rectified.backwardSums(gradient, x: x, mean: mean)
    #expect(found.sums == wanted.sums && found.products == wanted.products)
    let source = ChannelAffine.backwardSource(wanted.masked, x: x, a: parts[3], b: parts[4], d: parts[5])
    #expect(rectified.backwardSource(gradient, x: x, a: parts[3], b: parts[4], d: parts[5]) == source)
    #expect(gradient == ordered(.random(shape, seed: 1)))
  }
}
