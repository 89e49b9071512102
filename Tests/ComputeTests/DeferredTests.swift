import Compute
import TestSupport
import Tensors
import Testing

/// A convolution of ours, which works out the pixels that it reads.
struct OwnCase: CustomTestStringConvertible, Sendable {
  var image: Shape
  var kernel: Shape
  var strides = [1, 1]
  var padding: [Int]
  var groups = 1

  static func winograd(_ image: Shape, to channels: Int, padding: [Int] = [1, 1, 1, 1]) -> OwnCase {
    OwnCase(image: image, kernel: [channels, image[1], 3, 3], padding: padding)
  }
  static func pointwise(_ image: Shape, to channels: Int) -> OwnCase {
    OwnCase(image: image, kernel: [channels, image[1], 1, 1], padding: [0, 0, 0, 0])
  }
  static func depthwise(
    _ image: Shape, size: [Int] = [3, 3], strides: [Int] = [1, 1], padding: [Int] = [1, 1, 1, 1]
  ) -> OwnCase {
    OwnCase(image: image, kernel: Shape([image[1], 1] + size), strides: strides, padding: padding, groups: image[1])
  }

  var testDescription: String { "\(image) by \(kernel), strides \(strides), padding \(padding)" }
  var window: Window {
    Window(size: [kernel[2], kernel[3]], strides: strides, padding: padding, dilations: [1, 1])
  }

  /// Whether this processor has it.
  var isOurs: Bool {
    ConvolutionPrimitive.implementations(image, kernel: kernel, bias: false, window: window, groups: groups)
      .allSatisfy { ["winograd", "pointwise", "depthwise"].contains($0.value) }
  }

  func forward(_ x: Tensor, kernel: Tensor, _ arithmetic: Arithmetic = .transformed) -> Tensor {
    ConvolutionPrimitive.forward(
      x, kernel: kernel, bias: nil, window: window, groups: groups, arithmetic: arithmetic)
  }

  /// The gradients for the image and for the kernel.
  func backward(_ gradient: Tensor, x: Tensor, kernel: Tensor, _ arithmetic: Arithmetic = .transformed) -> [Tensor] {
    let images = ConvolutionPrimitive.backwardImage(
      gradient, kernel: kernel, image: image, window: window, groups: groups, arithmetic: arithmetic)
    let kernels = ConvolutionPrimitive.backwardKernel(
      gradient, x: x, kernel: self.kernel, bias: false, window: window, groups: groups, arithmetic: arithmetic)
    return [images, kernels.kernel]
  }
}

private let cases: [OwnCase] = [
  .winograd([2, 16, 8, 8], to: 16), .winograd([3, 16, 9, 7], to: 32), .winograd([2, 32, 1, 6], to: 16),
  .winograd([9, 16, 21, 22], to: 16), .winograd([3, 128, 7, 7], to: 256),
  .winograd([2, 16, 5, 8], to: 32, padding: [2, 0, 1, 2]), .winograd([2, 32, 4, 5], to: 16, padding: [2, 2, 2, 2]),
  .pointwise([2, 16, 5, 7], to: 16), .pointwise([3, 32, 9, 8], to: 24), .pointwise([1, 48, 1, 3], to: 72),
  .pointwise([9, 144, 13, 12], to: 40), .pointwise([5, 64, 30, 30], to: 96), .pointwise([2, 96, 3, 3], to: 320),
  .depthwise([3, 48, 9, 7]), .depthwise([1, 64, 1, 1]), .depthwise([9, 144, 11, 5]),
  .depthwise([3, 32, 7, 9], strides: [2, 2]), .depthwise([2, 16, 9, 10], strides: [3, 4], padding: [0, 0, 0, 0]),
  .depthwise([2, 32, 9, 9], size: [5, 5], strides: [2, 2], padding: [2, 2, 2, 2]),
  .depthwise([1, 16, 5, 6], size: [1, 2], padding: [0, 1, 0, 0]),
]

/// Numbers that a convolution works out while it reads them, against the same numbers in memory: bit for bit.
@Suite struct DeferredTests {
  private func affine(_ channels: Int, ceiling: Float) -> RectifiedAffine {
    RectifiedAffine(
      factor: .random([channels], seed: 5), offset: .random([channels], seed: 6), ceiling: ceiling)
  }

  @Test(arguments: cases, [Float.infinity, 0.3])
  func images(_ convolution: OwnCase, _ ceiling: Float) {
    let x = Tensor.random(convolution.image, seed: 1, layout: .channelsLast)
    let kernel = Tensor.random(convolution.kernel, seed: 2)
    let affine = affine(x.shape[1], ceiling: ceiling)
    for relu in [false, true] {
      let plain = ChannelAffine.forward(
        x, factor: affine.factor, offset: affine.offset, skip: nil, relu: relu, ceiling: ceiling)
      func results(_ image: Tensor) -> [Tensor] {
        let y = convolution.forward(image, kernel: kernel)
        let gradient = Tensor.random(y.shape, seed: 3, layout: .channelsLast)
        return [y] + convolution.backward(gradient, x: image, kernel: kernel)
      }
      let deferred = ChannelAffine.deferred(x, affine: affine, relu: relu)
      #expect(deferred.deferred != nil)
      #expect(results(deferred) == results(plain))
      if convolution.isOurs { #expect(deferred.deferred != nil) }
      #expect(deferred == plain && deferred.deferred == nil)
    }
  }

  @Test(arguments: cases, [Float.infinity, 0.3])
  func gradients(_ convolution: OwnCase, _ ceiling: Float) {
    let image = Tensor.random(convolution.image, seed: 1, layout: .channelsLast)
    let kernel = Tensor.random(convolution.kernel, seed: 2)
    let x = convolution.forward(image, kernel: kernel)
    let gradient = Tensor.random(x.shape, seed: 3, layout: .channelsLast)
    let parts = (7...9).map { Tensor.random([x.shape[1]], seed: $0) }
    for rectified in [nil, affine(x.shape[1], ceiling: ceiling)] {
      func deferred() -> Tensor {
        ChannelAffine.deferredSource(gradient, x: x, rectified: rectified, a: parts[0], b: parts[1], d: parts[2])
      }
      let plain =
        rectified?.backwardSource(gradient, x: x, a: parts[0], b: parts[1], d: parts[2])
        ?? ChannelAffine.backwardSource(gradient, x: x, a: parts[0], b: parts[1], d: parts[2])
      #expect(
        convolution.backward(deferred(), x: image, kernel: kernel)
          == convolution.backward(plain, x: image, kernel: kernel))
      #expect(deferred() == plain)
    }
    #expect(gradient == .random(x.shape, seed: 3, layout: .channelsLast))
  }

  @Test func anotherShapeIsWorkedOut() {
    let x = Tensor.random([4, 64, 1, 1], seed: 1, layout: .channelsLast)
    let kernel = Tensor.random([16, 32, 1, 1], seed: 2)
    let affine = affine(64, ceiling: .infinity)
    let plain = ChannelAffine.forward(x, factor: affine.factor, offset: affine.offset, skip: nil, relu: true)
    let convolution = OwnCase.pointwise([8, 32, 1, 1], to: 16)
    let results = [ChannelAffine.deferred(x, affine: affine, relu: true), plain].map {
      convolution.forward($0.reshaped([8, 32, 1, 1]), kernel: kernel)
    }
    #expect(results[0] == results[1])
  }

  /// Whoever changes such numbers, changes his own.
  @Test func aChangeChangesNobodyElse() {
    let x = Tensor.random([2, 16, 3, 3], seed: 1, layout: .channelsLast)
    let first = ChannelAffine.deferred(x, affine: affine(16, ceiling: .infinity), relu: true)
    var second = first
    second.withUnsafeMutableFloats { $0[0] = 7 }
    #expect(second.withUnsafeFloats { $0[0] } == 7 && first.withUnsafeFloats { $0[0] } != 7)
  }
}

/// Our product of matrices against oneDNN's convolution, which `ConvolutionTests` holds to the obvious loops.
@Suite struct PointwiseTests {
  @Test(arguments: cases.filter { $0.kernel[2] == 1 && $0.groups == 1 })
  func agreesWithDirect(_ convolution: OwnCase) {
    let x = Tensor.random(convolution.image, seed: 1, layout: .channelsLast)
    let kernel = Tensor.random(convolution.kernel, seed: 2)
    let y = convolution.forward(x, kernel: kernel, .direct)
    expectClose(convolution.forward(x, kernel: kernel), y, within: 2e-6)
    let gradient = Tensor.random(y.shape, seed: 4, layout: .channelsLast)
    let (found, wanted) = (
      convolution.backward(gradient, x: x, kernel: kernel),
      convolution.backward(gradient, x: x, kernel: kernel, .direct)
    )
    for (found, wanted) in zip(found, wanted) { expectClose(found, wanted, within: 1e-5) }
    let both = ConvolutionPrimitive.backward(
      gradient, x: x, kernel: kernel, window: convolution.window, groups: 1, arithmetic: .transformed)
    #expect([both.image, both.kernel] == found)
  }

  @Test(.enabled(if: OwnCase.pointwise([1, 16, 1, 1], to: 16).isOurs)) func isWhatRuns() {
    func names(_ channels: Int, to outputs: Int, bias: Bool = false, stride: Int = 1) -> [String] {
      ConvolutionPrimitive.implementations(
        [1, channels, 8, 8], kernel: [outputs, channels, 1, 1], bias: bias,
        window: Window(size: [1, 1], strides: [stride, stride], padding: [0, 0, 0, 0], dilations: [1, 1]), groups: 1
      ).map(\.value)
    }
    #expect(names(32, to: 24) == ["pointwise", "pointwise", "pointwise"])
    #expect(names(32, to: 24, bias: true)[1] == "pointwise" && names(32, to: 24, bias: true)[0] != "pointwise")
    #expect(!names(32, to: 32, stride: 2).contains("pointwise") && !names(20, to: 32).contains("pointwise"))
  }
}
