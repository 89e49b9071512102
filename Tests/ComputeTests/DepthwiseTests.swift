import Compute
import TestSupport
import Tensors
import Testing

/// A convolution of each channel alone.
struct DepthwiseCase: CustomTestStringConvertible, Sendable {
  var image: Shape
  var size = [3, 3]
  var strides = [1, 1]
  var padding = [1, 1, 1, 1]

  var testDescription: String { "\(image), \(size), strides \(strides), padding \(padding)" }
  var kernel: Shape { [image[1], 1, size[0], size[1]] }
  var window: Window { Window(size: size, strides: strides, padding: padding, dilations: [1, 1]) }
}

private let cases: [DepthwiseCase] = [
  .init(image: [2, 16, 8, 8]), .init(image: [3, 48, 9, 7]), .init(image: [1, 64, 1, 1]), .init(image: [2, 80, 1, 6]),
  // More rows of outputs than sums have pieces, and more blocks of channels than one.
  .init(image: [9, 144, 11, 5]), .init(image: [70, 16, 3, 3]),
  .init(image: [2, 16, 8, 8], strides: [2, 2]), .init(image: [3, 32, 7, 9], strides: [2, 2]),
  .init(image: [2, 96, 6, 7], strides: [2, 1]), .init(image: [2, 16, 9, 10], strides: [3, 4], padding: [0, 0, 0, 0]),
  .init(image: [2, 16, 8, 8], strides: [2, 2], padding: [0, 0, 1, 1]),
  .init(image: [2, 32, 8, 9], size: [5, 5], padding: [2, 2, 2, 2]),
  .init(image: [2, 32, 9, 9], size: [5, 5], strides: [2, 2], padding: [2, 2, 2, 2]),
  .init(image: [1, 16, 4, 4], size: [7, 7], padding: [3, 3, 3, 3]),
  .init(image: [1, 16, 5, 6], size: [1, 2], padding: [0, 1, 0, 0]),
  .init(image: [1, 16, 12, 3], size: [9, 1], padding: [4, 0, 4, 0]),
  .init(image: [2, 16, 6, 6], size: [2, 3], strides: [3, 2], padding: [1, 2, 1, 2]),
]

/// Our loops against oneDNN's, which `ConvolutionTests` holds to the obvious ones.
@Suite struct DepthwiseTests {
  @Test(arguments: cases)
  func agreesWithDirect(_ convolution: DepthwiseCase) {
    let (window, groups) = (convolution.window, convolution.image[1])
    let x = Tensor.random(convolution.image, seed: 1, layout: .channelsLast)
    let kernel = Tensor.random(convolution.kernel, seed: 2)
    let bias = Tensor.random([groups], seed: 3)
    func forward(_ bias: Tensor?, _ arithmetic: Arithmetic) -> Tensor {
      ConvolutionPrimitive.forward(
        x, kernel: kernel, bias: bias, window: window, groups: groups, arithmetic: arithmetic)
    }
    let y = forward(nil, .direct)
    expectClose(forward(nil, .transformed), y, within: 1e-6)
    expectClose(forward(bias, .transformed), forward(bias, .direct), within: 1e-6)
    let gradient = Tensor.random(y.shape, seed: 4, layout: .channelsLast)
    func images(_ arithmetic: Arithmetic) -> Tensor {
      ConvolutionPrimitive.backwardImage(
        gradient, kernel: kernel, image: x.shape, window: window, groups: groups, arithmetic: arithmetic)
    }
    func kernels(_ arithmetic: Arithmetic, bias: Bool) -> (kernel: Tensor, bias: Tensor?) {
      ConvolutionPrimitive.backwardKernel(
        gradient, x: x, kernel: kernel.shape, bias: bias, window: window, groups: groups, arithmetic: arithmetic)
    }
    expectClose(images(.transformed), images(.direct), within: 1e-6)
    let direct = kernels(.direct, bias: true)
    expectClose(kernels(.transformed, bias: false).kernel, direct.kernel, within: 1e-5)
    let both = kernels(.transformed, bias: true)
    #expect(both.bias == direct.bias)
    expectClose(both.kernel, direct.kernel, within: 1e-5)
  }

  @Test func isWhatRuns() {
    func names(_ image: Shape, _ groups: Int, dilation: Int = 1) -> [String] {
      ConvolutionPrimitive.implementations(
        image, kernel: [image[1], image[1] / groups, 3, 3], bias: false,
        window: Window(size: [3, 3], strides: [2, 2], padding: [1, 1, 1, 1], dilations: [dilation, dilation]),
        groups: groups
      ).map(\.value)
    }
    #expect(names([1, 32, 8, 8], 32) == ["depthwise", "depthwise", "depthwise"])
    #expect(!names([1, 24, 8, 8], 24).contains("depthwise") && !names([1, 32, 8, 8], 16).contains("depthwise"))
    #expect(!names([1, 32, 9, 9], 32, dilation: 2).contains("depthwise"))
  }
}
