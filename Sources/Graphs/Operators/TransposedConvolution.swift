import Compute
import Tensors

/// The reverse of a convolution, which makes images larger: image, kernel, and a bias if there is a third input.
///
///     y[n, o, i · stride + u · dilation − top, j · stride + v · dilation − left] += x[n, c, i, j] · kernel[c, o, u, v]
///
/// Image `[batch, in, height, width]`, kernel `[in, out / groups, height, width]`, bias `[out]`; y has height
/// `stride · (height − 1) + dilation · (kernel − 1) + 1 − top − bottom + extra`.
package struct TransposedConvolution: Operator {
  package static let name = "transposed-convolution"
  package var strides: [Int]
  /// Top, left, bottom, right: what is cut off.
  package var padding: [Int]
  package var dilations: [Int]
  package var groups: Int
  /// Rows and columns more at the bottom and at the right.
  package var extra: [Int]

  package init(
    strides: [Int] = [1, 1], padding: [Int] = [0, 0, 0, 0], dilations: [Int] = [1, 1], groups: Int = 1,
    extra: [Int] = [0, 0]
  ) {
    self.strides = strides
    self.padding = padding
    self.dilations = dilations
    self.groups = groups
    self.extra = extra
  }

  private func window(_ kernel: Shape) -> Window {
    Window(size: [kernel[2], kernel[3]], strides: strides, padding: padding, dilations: dilations)
  }

  package func shape(of inputs: [Shape]) throws(ShapeError) -> Shape {
    try require(inputs, count: 2...3)
    let (x, kernel) = (inputs[0], inputs[1])
    try require(x.rank == 4 && kernel.rank == 4, "an image and a kernel of 4 axes are wanted, not \(x) and \(kernel)")
    try require(!x.dimensions[1...].contains(0) && kernel.count > 0, "\(x) or \(kernel) is empty")
    try require((x.dimensions + kernel.dimensions).allSatisfy { $0 <= 1 << 20 }, "\(x) or \(kernel) is too large")
    try require(
      groups >= 1 && groups <= x[1] && x[1] % groups == 0, "\(x[1]) channels do not divide into \(groups) groups")
    try require(kernel[0] == x[1], "the image has \(x[1]) channels, the kernel wants \(kernel[0])")
    if let problem = window(kernel).problem { throw ShapeError(Self.name, problem) }
    try require(
      extra.count == 2 && (0..<2).allSatisfy { extra[$0] >= 0 && extra[$0] < max(strides[$0], dilations[$0]) },
      "\(extra) rows and columns more are not below the stride")
    let channels = kernel[1] * groups
    if inputs.count == 3 { try require(inputs[2] == [channels], "the bias is \(inputs[2]), not [\(channels)]") }
    let sizes = (0..<2).map { size($0, x, kernel) }
    try require(sizes.allSatisfy { $0 > 0 }, "padding \(padding) leaves nothing")
    try require(
      window(kernel).output(of: sizes) == [x[2], x[3]], "the padding, the strides and \(extra) do not go together")
    try require(Shape.count(of: [x[0], channels] + sizes) != nil, "the output is too large")
    return Shape([x[0], channels] + sizes)
  }

  private func size(_ axis: Int, _ x: Shape, _ kernel: Shape) -> Int {
    strides[axis] * (x[axis + 2] - 1) + dilations[axis] * (kernel[axis + 2] - 1) + 1 - padding[axis]
      - padding[axis + 2] + extra[axis]
  }

  package func forward(_ inputs: [Tensor], at moment: Moment) -> Evaluation {
    let (x, kernel) = (inputs[0], inputs[1])
    let image = Shape(
      [x.shape[0], kernel.shape[1] * groups] + (0..<2).map { size($0, x.shape, kernel.shape) })
    let y = ConvolutionPrimitive.backwardImage(
      x, kernel: kernel, image: image, window: window(kernel.shape), groups: groups, arithmetic: moment.arithmetic)
    guard inputs.count == 3 else { return Evaluation(y) }
    return Evaluation(y.combined(.plus, with: inputs[2].reshaped([image[1], 1, 1])))
  }

  package var backwardReadsOutput: Bool { false }

  package func backward(
    _ gradient: Tensor, from evaluation: Evaluation, inputs: [Tensor], needed: [Bool], at moment: Moment
  ) -> [Tensor?] {
    let (x, kernel, window) = (inputs[0], inputs[1], window(inputs[1].shape))
    var result = [Tensor?](repeating: nil, count: inputs.count)
    if needed[0] {
      result[0] = ConvolutionPrimitive.forward(
        gradient, kernel: kernel, bias: nil, window: window, groups: groups, arithmetic: moment.arithmetic)
    }
    if needed[1] {
      result[1] =
        ConvolutionPrimitive.backwardKernel(
          x, x: gradient, kernel: kernel.shape, bias: false, window: window, groups: groups,
          arithmetic: moment.arithmetic
        ).kernel
    }
    if inputs.count == 3, needed[2] {
      result[2] = gradient.summed(to: [gradient.shape[1], 1, 1]).reshaped(inputs[2].shape)
    }
    return result
  }

  package var parameterInputs: [Int] { [1, 2] }

  package func path(for inputs: [Shape]) -> TrainingPath { .oneDNN }
}
