import Compute
import TestSupport
import Tensors
import Testing

/// What a body computes on a number of threads. OpenMP keeps that number for each thread that calls it, so a test that
/// never suspends changes it for nobody else.
private func on<R>(threads: Int, _ body: () -> R) -> R {
  let before = Processor.threadCount
  Processor.threadCount = threads
  defer { Processor.threadCount = before }
  return body()
}

/// The same bits from our own loops on any number of threads. oneDNN does not promise as much.
@Suite(.serialized) struct ThreadTests {
  let shapes: [Shape] = [[7, 19, 13, 11], [3, 5], [130, 33], [1, 3, 1, 1], [2, 300, 9, 9]]

  private func expectSame(_ body: () -> [Tensor], at location: SourceLocation = #_sourceLocation) {
    let alone = on(threads: 1, body).map { $0.scalars.map(\.bitPattern) }
    for threads in [2, 3, 7] {
      #expect(on(threads: threads, body).map { $0.scalars.map(\.bitPattern) } == alone, sourceLocation: location)
    }
  }

  @Test func theNumberIsSetAndRestored() {
    let before = Processor.threadCount
    #expect(on(threads: 1) { Processor.threadCount } == 1 && on(threads: 3) { Processor.threadCount } == 3)
    #expect(Processor.threadCount == before && before >= 1)
  }

  @Test func optimizersAndLosses() {
    let shape: Shape = [3, 41_000]
    let gradient = Tensor.random(shape, seed: 1)
    let teacher = Tensor.random(shape, seed: 2)
    let rule = AdamRule(
      rate: 0.1, firstMomentum: 0.9, secondMomentum: 0.99, epsilon: 1e-8, decay: 0.1, isDecoupled: true)
    expectSame {
      var (weight, first, second) = (teacher, gradient, gradient.map(abs))
      adamStep(weight: &weight, first: &first, second: &second, gradient: gradient, updates: 3, rule: rule)
      var average = teacher
      average.move(towards: gradient, by: 0.3)
      average.scale(by: 0.7)
      var wanted = Wanted(teacher: teacher, labels: [1, 2, 3])
      wanted.teacherShare = 0.5
      let loss = gradient.loss(against: wanted)
      let matches = [false, true].map { attention in
        gradient.reshaped([3, 41, 10, 100]).mismatch(
          to: teacher.reshaped([3, 41, 10, 100]), attention: attention, weight: 1)
      }
      let numbers = [gradient.squareSum, loss.loss] + matches.map(\.loss)
      return [weight, first, second, average, loss.gradient] + matches.map(\.gradient)
        + [Tensor([4], scalars: numbers.map(Float.init))]
    }
    let exact = gradient.scalars.reduce(0.0) { $0 + Double($1) * Double($1) }
    #expect(abs(gradient.squareSum - exact) < 1e-9 * exact)
  }

  @Test func rowsAndProducts() {
    let x = Tensor.random([6, 5, 131], seed: 1)
    let (scale, shift) = (Tensor.random([131], seed: 2), Tensor.random([131], seed: 3))
    let (mean, inverse) = (Tensor.random([30], seed: 4), Tensor.random([30], seed: 5))
    expectSame {
      let slopes = LayerNormPrimitive.backward(x, x: x, scale: scale, mean: mean, inverse: inverse)
      return [
        LayerNormPrimitive.forward(x, scale: scale, shift: shift, epsilon: 1e-5).y, slopes.x, slopes.scale,
        slopes.shift, SoftmaxPrimitive.forward(x, axis: 2), SoftmaxPrimitive.forward(x, axis: 1),
        MatrixProduct.batched(x, x, transposingB: true), MatrixProduct.batched(x, x, transposingA: true),
        x.applying(.gelu), x.combined(.times, with: scale), x.summed(to: [131]), x.summed(to: [6, 1, 131]),
      ]
    }
  }

  @Test func sums() {
    for shape in shapes {
      let layout: Tensor.Layout = shape.rank == 4 ? .channelsLast : .rowMajor
      let x = Tensor.random(shape, seed: 1).inLayout(layout)
      let gradient = Tensor.random(shape, seed: 2).inLayout(layout)
      let mean = Tensor.random([shape[1]], seed: 3)
      let y = x.map { max(0, $0) }
      expectSame {
        let statistics = ChannelAffine.statistics(x)
        let plain = ChannelAffine.backwardSums(gradient, x: x, y: nil, mean: mean)
        let masked = ChannelAffine.backwardSums(gradient, x: x, y: y, mean: mean)
        return [
          statistics.mean, statistics.variance, plain.sums, plain.products, masked.masked, masked.sums, masked.products,
        ]
      }
    }
    let matrix = Tensor.random([1000, 33], seed: 4)
    expectSame { [MatrixProduct.columnSums(matrix)] }
  }

  @Test func elements() {
    let x = Tensor.random([3, 7, 61, 50], seed: 5, layout: .channelsLast)
    let other = Tensor.random([3, 7, 61, 50], seed: 6)
    let channel = Tensor.random([7], seed: 7)
    let window = Window(size: [3, 3], strides: [2, 2], padding: [1, 1, 1, 1], dilations: [1, 1])
    expectSame {
      let pooled = Pooling.maximum(x, window: window, keepsPlaces: true)
      return [
        x.adding(other), x.clipped(-0.5, 0.5), x.masked(where: other, isBetween: 0, and: 1),
        other.transposed([2, 0, 3, 1]),
        ChannelAffine.forward(x, factor: channel, offset: channel, skip: other.inLayout(.channelsLast), relu: true),
        ChannelAffine.backwardSource(x, x: other.inLayout(.channelsLast), a: channel, b: channel, d: channel),
        pooled.y, Pooling.maximumBackward(pooled.y, x: x, window: window),
        Pooling.average(x, window: window, countsPadding: false),
        Pooling.averageBackward(pooled.y, image: x.shape, window: window, countsPadding: true),
      ]
    }
  }

  @Test func kernelsOverFewChannels() {
    let window = Window(size: [5, 5], strides: [1, 1], padding: [2, 2, 2, 2], dilations: [1, 1])
    let (x, gradient) = (Tensor.random([67, 1, 12, 12], seed: 1), Tensor.random([67, 20, 12, 12], seed: 2))
    expectSame {
      let parts = ConvolutionPrimitive.backwardKernel(
        gradient, x: x, kernel: [20, 1, 5, 5], bias: true, window: window, groups: 1)
      return [parts.kernel, parts.bias!]
    }
  }

  @Test func convolutionsOfChannelsAlone() {
    let window = Window(size: [3, 3], strides: [2, 2], padding: [1, 1, 1, 1], dilations: [1, 1])
    let (x, gradient) = (Tensor.random([67, 48, 13, 12], seed: 1), Tensor.random([67, 48, 7, 6], seed: 2))
    let kernel = Tensor.random([48, 1, 3, 3], seed: 3)
    expectSame {
      [
        ConvolutionPrimitive.forward(
          x, kernel: kernel, bias: nil, window: window, groups: 48, arithmetic: .transformed),
        ConvolutionPrimitive.backwardImage(
          gradient, kernel: kernel, image: x.shape, window: window, groups: 48, arithmetic: .transformed),
        ConvolutionPrimitive.backwardKernel(
          gradient, x: x, kernel: kernel.shape, bias: false, window: window, groups: 48, arithmetic: .transformed
        ).kernel,
      ]
    }
  }

  @Test func transformedConvolutions() {
    let window = Window(size: [3, 3], strides: [1, 1], padding: [1, 1, 1, 1], dilations: [1, 1])
    for (shape, channels) in [([9, 16, 13, 11] as Shape, 16), ([3, 64, 14, 14], 128)] {
      let x = Tensor.random(shape, seed: 1, layout: .channelsLast)
      let kernel = Tensor.random([channels, shape[1], 3, 3], seed: 2)
      let gradient = Tensor.random([shape[0], channels, shape[2], shape[3]], seed: 3, layout: .channelsLast)
      expectSame {
        [
          ConvolutionPrimitive.forward(
            x, kernel: kernel, bias: nil, window: window, groups: 1, arithmetic: .transformed),
          ConvolutionPrimitive.backwardImage(
            gradient, kernel: kernel, image: shape, window: window, groups: 1, arithmetic: .transformed),
          ConvolutionPrimitive.backwardKernel(
            gradient, x: x, kernel: kernel.shape, bias: false, window: window, groups: 1, arithmetic: .transformed
          ).kernel,
        ]
      }
    }
  }

  @Test func pointwiseConvolutions() {
    for (shape, channels) in [([9, 16, 33, 21] as Shape, 24), ([3, 64, 7, 7], 320)] {
      let convolution = OwnCase.pointwise(shape, to: channels)
      let x = Tensor.random(shape, seed: 1, layout: .channelsLast)
      let kernel = Tensor.random(convolution.kernel, seed: 2)
      expectSame {
        let y = convolution.forward(x, kernel: kernel)
        return [y] + convolution.backward(y, x: x, kernel: kernel)
      }
    }
  }

  @Test func everyIndexOnce() {
    for count in [0, 1, 2, 5, 100] {
      for threads in [1, 3] {
        var seen = [Int](repeating: 0, count: count)
        seen.withUnsafeMutableBufferPointer { seen in
          on(threads: threads) { Pool.forEach(count) { seen[$0] += 1 } }
        }
        #expect(seen == Array(repeating: 1, count: count))
      }
    }
  }
}
