import Compute
import TestSupport
import Tensors
import Testing

/// A convolution, and the same by the obvious loops.
struct ConvolutionCase: CustomTestStringConvertible, Sendable {
  var what: String
  var image: Shape
  var kernel: Shape
  var strides = [1, 1]
  var padding = [0, 0, 0, 0]
  var dilations = [1, 1]
  var groups = 1

  var testDescription: String { what }

  var window: Window {
    Window(size: [kernel[2], kernel[3]], strides: strides, padding: padding, dilations: dilations)
  }
  var output: Shape { Shape([image[0], kernel[0]] + window.output(of: [image[2], image[3]])!) }

  /// Calls the body for every product of the sum: places in the output, the kernel and the image.
  func forEachProduct(_ body: (_ y: Int, _ kernel: Int, _ x: Int) -> Void) {
    let output = output
    let (inside, outside) = (kernel[1], kernel[0] / groups)
    forEachIndex(output) { n, o, i, j in
      for c in 0..<inside {
        for u in 0..<kernel[2] {
          for v in 0..<kernel[3] {
            let row = i * strides[0] + u * dilations[0] - padding[0]
            let column = j * strides[1] + v * dilations[1] - padding[1]
            guard row >= 0, column >= 0, row < image[2], column < image[3] else { continue }
            body(
              place(output, n, o, i, j), place(kernel, o, c, u, v),
              place(image, n, o / outside * inside + c, row, column))
          }
        }
      }
    }
  }
}

let convolutionCases: [ConvolutionCase] = [
  .init(what: "plain", image: [1, 3, 6, 7], kernel: [4, 3, 3, 3]),
  .init(what: "grey", image: [70, 1, 9, 8], kernel: [20, 1, 5, 5], padding: [2, 2, 2, 2]),
  .init(
    what: "grey, strides", image: [2, 1, 11, 12], kernel: [17, 1, 3, 9], strides: [2, 3], padding: [1, 4, 0, 2]),
  .init(what: "grey, rows left over", image: [2, 1, 10, 12], kernel: [16, 1, 2, 3], strides: [4, 5]),
  .init(what: "two channels", image: [3, 2, 7, 6], kernel: [33, 2, 3, 3], padding: [1, 0, 0, 1]),
  .init(what: "batch of 5", image: [5, 3, 6, 7], kernel: [4, 3, 3, 3], padding: [1, 1, 1, 1]),
  .init(what: "strides", image: [2, 4, 9, 11], kernel: [5, 4, 3, 3], strides: [2, 3], padding: [1, 1, 1, 1]),
  .init(what: "rows left over", image: [2, 3, 8, 10], kernel: [4, 3, 3, 3], strides: [2, 4]),
  .init(
    what: "padding left over", image: [1, 2, 6, 6], kernel: [3, 2, 3, 3], strides: [3, 3], padding: [0, 0, 2, 2]),
  .init(what: "1x1 with stride", image: [2, 8, 5, 6], kernel: [3, 8, 1, 1], strides: [2, 2]),
  .init(what: "asymmetric padding", image: [2, 3, 5, 6], kernel: [4, 3, 3, 2], padding: [2, 0, 1, 1]),
  .init(
    what: "only padded below", image: [1, 3, 5, 5], kernel: [2, 3, 2, 2], strides: [2, 2], padding: [0, 0, 1, 1]),
  .init(what: "dilation", image: [1, 3, 9, 8], kernel: [4, 3, 3, 2], padding: [2, 1, 2, 1], dilations: [2, 3]),
  .init(what: "two groups", image: [2, 6, 5, 5], kernel: [4, 3, 3, 3], padding: [1, 1, 1, 1], groups: 2),
  .init(what: "depthwise", image: [2, 7, 6, 6], kernel: [7, 1, 3, 3], padding: [1, 1, 1, 1], groups: 7),
  .init(what: "depthwise, strides", image: [1, 16, 7, 7], kernel: [16, 1, 3, 3], strides: [2, 2], groups: 16),
  .init(what: "depthwise, two each", image: [1, 3, 5, 5], kernel: [6, 1, 3, 3], groups: 3),
  .init(what: "pointwise", image: [3, 8, 4, 5], kernel: [6, 8, 1, 1]),
  .init(what: "sixteen channels", image: [2, 16, 6, 6], kernel: [32, 16, 3, 3], padding: [1, 1, 1, 1]),
  .init(what: "odd channels", image: [2, 17, 5, 4], kernel: [13, 17, 3, 3], padding: [1, 1, 1, 1]),
  .init(what: "one channel", image: [2, 1, 7, 7], kernel: [1, 1, 5, 5], padding: [2, 2, 2, 2]),
  .init(what: "kernel as large as the image", image: [3, 2, 4, 5], kernel: [6, 2, 4, 5]),
  .init(what: "padding above the kernel", image: [1, 2, 3, 3], kernel: [3, 2, 2, 2], padding: [3, 4, 5, 3]),
  .init(
    what: "groups and dilation", image: [1, 4, 7, 7], kernel: [6, 2, 3, 3], strides: [2, 1], dilations: [2, 2],
    groups: 2),
]

@Suite struct ConvolutionTests {
  @Test(arguments: convolutionCases)
  func forward(_ convolution: ConvolutionCase) {
    let x = Tensor.random(convolution.image, seed: 1)
    let kernel = Tensor.random(convolution.kernel, seed: 2)
    let bias = Tensor.random([convolution.kernel[0]], seed: 3)
    let (image, weights) = (x.scalars, kernel.scalars)
    var wanted = [Double](repeating: 0, count: convolution.output.count)
    convolution.forEachProduct { wanted[$0] += Double(weights[$1]) * Double(image[$2]) }
    let plain = ConvolutionPrimitive.forward(
      x, kernel: kernel, bias: nil, window: convolution.window, groups: convolution.groups)
    expectClose(plain, tensor(convolution.output, wanted))
    let biased = ConvolutionPrimitive.forward(
      x.inLayout(.channelsLast), kernel: kernel.inLayout(.channelsLast), bias: bias, window: convolution.window,
      groups: convolution.groups)
    let plane = convolution.output[2] * convolution.output[3]
    for i in wanted.indices { wanted[i] += Double(bias.scalars[i / plane % convolution.output[1]]) }
    expectClose(biased, tensor(convolution.output, wanted))
  }

  @Test(arguments: convolutionCases)
  func backwardImage(_ convolution: ConvolutionCase) {
    let gradient = Tensor.random(convolution.output, seed: 4)
    let kernel = Tensor.random(convolution.kernel, seed: 5)
    let (slopes, weights) = (gradient.scalars, kernel.scalars)
    var wanted = [Double](repeating: 0, count: convolution.image.count)
    convolution.forEachProduct { wanted[$2] += Double(weights[$1]) * Double(slopes[$0]) }
    let result = ConvolutionPrimitive.backwardImage(
      gradient, kernel: kernel, image: convolution.image, window: convolution.window, groups: convolution.groups)
    expectClose(result, tensor(convolution.image, wanted))
  }

  @Test(arguments: convolutionCases)
  func backwardKernel(_ convolution: ConvolutionCase) throws {
    let gradient = Tensor.random(convolution.output, seed: 6)
    let x = Tensor.random(convolution.image, seed: 7)
    let (slopes, image) = (gradient.scalars, x.scalars)
    var wanted = [Double](repeating: 0, count: convolution.kernel.count)
    convolution.forEachProduct { wanted[$1] += Double(slopes[$0]) * Double(image[$2]) }
    var sums = [Double](repeating: 0, count: convolution.kernel[0])
    let plane = convolution.output[2] * convolution.output[3]
    for i in slopes.indices { sums[i / plane % sums.count] += Double(slopes[i]) }
    let (window, groups) = (convolution.window, convolution.groups)
    let both = ConvolutionPrimitive.backwardKernel(
      gradient, x: x, kernel: convolution.kernel, bias: true, window: window, groups: groups)
    expectClose(both.kernel, tensor(convolution.kernel, wanted))
    expectClose(try #require(both.bias), tensor([sums.count], sums))
    let alone = ConvolutionPrimitive.backwardKernel(
      gradient, x: x, kernel: convolution.kernel, bias: false, window: window, groups: groups)
    expectClose(alone.kernel, tensor(convolution.kernel, wanted))
    #expect(alone.bias == nil)
  }

  @Test func aCachedPrimitiveReadsTheNewKernel() {
    let convolution = convolutionCases[0]
    let x = Tensor.random(convolution.image, seed: 1)
    func result(_ seed: UInt64) -> Tensor {
      ConvolutionPrimitive.forward(
        x, kernel: .random(convolution.kernel, seed: seed), bias: nil, window: convolution.window, groups: 1)
    }
    let (first, second) = (result(1), result(2))
    #expect(first != second && result(1) == first && result(2) == second)
  }

  @Test func moreShapesThanAreCached() {
    let kernel = Tensor([1, 1, 1, 1], repeating: 2)
    let window = Window(size: [1, 1], strides: [1, 1], padding: [0, 0, 0, 0], dilations: [1, 1])
    for width in 1...1030 {
      let x = Tensor([1, 1, 1, width], repeating: Float(width))
      let y = ConvolutionPrimitive.forward(x, kernel: kernel, bias: nil, window: window, groups: 1)
      #expect(y == x.map { $0 * 2 })
    }
  }
}

struct WindowTests {
  @Test func outputs() {
    func output(_ image: Int, size: Int, stride: Int = 1, padding: Int = 0, dilation: Int = 1, up: Bool = false) -> Int?
    {
      let window = Window(
        size: [size, 1], strides: [stride, 1], padding: [padding, 0, padding, 0], dilations: [dilation, 1], roundsUp: up
      )
      return window.output(of: [image, 1])?[0]
    }
    #expect(output(32, size: 3, padding: 1) == 32 && output(32, size: 3, stride: 2, padding: 1) == 16)
    #expect(output(7, size: 2, stride: 2) == 3 && output(7, size: 2, stride: 2, up: true) == 4)
    // The fourth window of this would start in the padding after the image.
    #expect(output(5, size: 2, stride: 2, padding: 1, up: true) == 3)
    #expect(output(5, size: 3, dilation: 2) == 1 && output(4, size: 3, dilation: 2) == nil)
    #expect(output(2, size: 3) == nil && output(0, size: 1) == nil)
  }
}
