import Compute
import TestSupport
import Tensors
import Testing

/// The gradient for images of few channels by a turned kernel, against oneDNN's, which `ConvolutionTests` holds to the
/// obvious loops.
@Suite struct TurnedTests {
  struct Case: CustomTestStringConvertible, Sendable {
    var image: Shape
    var channels: Int
    var size: [Int]
    var padding: [Int]
    var testDescription: String { "\(image) to \(channels), \(size), padding \(padding)" }
    var window: Window { Window(size: size, strides: [1, 1], padding: padding, dilations: [1, 1]) }
  }

  @Test(arguments: [
    Case(image: [3, 6, 14, 14], channels: 16, size: [5, 5], padding: [0, 0, 0, 0]),
    Case(image: [2, 3, 9, 7], channels: 5, size: [3, 3], padding: [1, 1, 1, 1]),
    Case(image: [2, 1, 6, 8], channels: 1, size: [2, 3], padding: [1, 2, 0, 1]),
    Case(image: [1, 15, 4, 4], channels: 20, size: [1, 1], padding: [0, 0, 0, 0]),
    Case(image: [1, 4, 3, 5], channels: 7, size: [3, 1], padding: [2, 0, 2, 0]),
  ])
  func agreesWithDirect(_ convolution: Case) {
    let kernel = Tensor.random(
      Shape([convolution.channels, convolution.image[1]] + convolution.size), seed: 2)
    let output = convolution.window.output(of: [convolution.image[2], convolution.image[3]])!
    let gradient = Tensor.random(
      Shape([convolution.image[0], convolution.channels] + output), seed: 3, layout: .channelsLast)
    func images(_ arithmetic: Arithmetic) -> Tensor {
      ConvolutionPrimitive.backwardImage(
        gradient, kernel: kernel, image: convolution.image, window: convolution.window, groups: 1,
        arithmetic: arithmetic)
    }
    expectClose(images(.transformed), images(.direct), within: 1e-6)
    let names = ConvolutionPrimitive.implementations(
      convolution.image, kernel: kernel.shape, bias: false, window: convolution.window, groups: 1)
    #expect(names[1].value == "turned")
  }

  @Test(arguments: [[5, 0, 0, 0], [0, 0, 5, 0]])
  func moreThanTheKernelAroundTheImageIsOneDNNs(_ padding: [Int]) {
    let names = ConvolutionPrimitive.implementations(
      [1, 3, 9, 9], kernel: [4, 3, 3, 3], bias: false,
      window: Window(size: [3, 3], strides: [1, 1], padding: padding, dilations: [1, 1]), groups: 1)
    #expect(names[1].value != "turned")
  }
}
