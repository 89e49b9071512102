import Compute
import TestSupport
import Tensors
import Testing

/// A 3 x 3 convolution of stride 1.
struct WinogradCase: CustomTestStringConvertible, Sendable {
  var image: Shape
  var channels: Int
  var padding = [1, 1, 1, 1]

  var testDescription: String { "\(image) to \(channels), padding \(padding)" }
  var kernel: Shape { [channels, image[1], 3, 3] }
  var window: Window { Window(size: [3, 3], strides: [1, 1], padding: padding, dilations: [1, 1]) }
}

private let cases: [WinogradCase] = [
  // Whole tiles; parts of tiles; less than a tile; one row of pixels.
  .init(image: [2, 16, 8, 8], channels: 16), .init(image: [3, 16, 9, 7], channels: 32),
  .init(image: [1, 16, 3, 3], channels: 16), .init(image: [2, 32, 1, 6], channels: 16),
  // One, two and several blocks of channels on either side.
  .init(image: [5, 32, 6, 10], channels: 32), .init(image: [2, 48, 5, 5], channels: 80),
  .init(image: [4, 64, 4, 4], channels: 64), .init(image: [1, 16, 13, 12], channels: 64),
  // More tiles than a chunk has, and sums in several groups of channels.
  .init(image: [9, 16, 21, 22], channels: 16), .init(image: [3, 128, 7, 7], channels: 256),
  .init(image: [1, 256, 9, 9], channels: 256), .init(image: [4, 128, 12, 12], channels: 256),
  .init(image: [2, 16, 6, 6], channels: 16, padding: [0, 0, 0, 0]),
  .init(image: [2, 16, 5, 8], channels: 32, padding: [2, 0, 1, 2]),
  .init(image: [2, 32, 4, 5], channels: 16, padding: [2, 2, 2, 2]),
]

/// Transformed convolution against oneDNN's direct one, which `ConvolutionTests` holds to the obvious loops.
@Suite struct WinogradTests {
  @Test(arguments: cases)
  func agreesWithDirect(_ convolution: WinogradCase) {
    let x = Tensor.random(convolution.image, seed: 1, layout: .channelsLast)
    let kernel = Tensor.random(convolution.kernel, seed: 2)
    let bias = Tensor.random([convolution.channels], seed: 3)
    let window = convolution.window
    func forward(_ bias: Tensor?, _ arithmetic: Arithmetic) -> Tensor {
      ConvolutionPrimitive.forward(x, kernel: kernel, bias: bias, window: window, groups: 1, arithmetic: arithmetic)
    }
    let y = forward(nil, .direct)
    expectClose(forward(nil, .transformed), y, within: 3e-5)
    expectClose(forward(bias, .transformed), forward(bias, .direct), within: 3e-5)
    let gradient = Tensor.random(y.shape, seed: 4, layout: .channelsLast)
    func images(_ arithmetic: Arithmetic) -> Tensor {
      ConvolutionPrimitive.backwardImage(
        gradient, kernel: kernel, image: x.shape, window: window, groups: 1, arithmetic: arithmetic)
    }
    func kernels(_ arithmetic: Arithmetic) -> Tensor {
      ConvolutionPrimitive.backwardKernel(
        gradient, x: x, kernel: kernel.shape, bias: false, window: window, groups: 1, arithmetic: arithmetic
      ).kernel
    }
    expectClose(images(.transformed), images(.direct), within: 3e-5)
    expectClose(kernels(.transformed), kernels(.direct), within: 3e-5)
  }

  @Test func whatIsNotFiniteIsSeen() {
    var x = Tensor.random([1, 16, 8, 8], seed: 1, layout: .channelsLast)
    x.withUnsafeMutableFloats { $0[100] = .nan }
    let y = ConvolutionPrimitive.forward(
      x, kernel: .random([16, 16, 3, 3], seed: 2), bias: nil,
      window: Window(size: [3, 3], strides: [1, 1], padding: [1, 1, 1, 1], dilations: [1, 1]), groups: 1,
      arithmetic: .transformed)
    #expect(y.scalars.contains { $0.isNaN })
  }

  /// Everything else is oneDNN's, bit for bit.
  @Test(arguments: [[1, 2], [2, 1]]) func otherWindowsStayDirect(_ strides: [Int]) {
    let x = Tensor.random([2, 16, 8, 8], seed: 1, layout: .channelsLast)
    let kernel = Tensor.random([16, 16, 3, 3], seed: 2)
    let window = Window(size: [3, 3], strides: strides, padding: [1, 1, 1, 1], dilations: [1, 1])
    let results = [Arithmetic.direct, .transformed].map {
      ConvolutionPrimitive.forward(x, kernel: kernel, bias: nil, window: window, groups: 1, arithmetic: $0)
    }
    #expect(results[0] == results[1])
  }
}
