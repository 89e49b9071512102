import Compute
import Tensors

/// Two-dimensional convolution: image, kernel, and a bias if there is a third input.
///
///     y[n, o, i, j] = bias[o] + Σ kernel[o, c, u, v] · x[n, c, a, b]
///     a = i · stride + u · dilation − top,  b = j · stride + v · dilation − left
///
/// Image `[batch, in, height, width]`, kernel `[out, in / groups, height, width]`, bias `[out]`. Padding counts as 0.
package struct Convolution: Operator {
  package static let name = "convolution"
  package var strides: [Int]
  /// Top, left, bottom, right.
  package var padding: [Int]
  package var dilations: [Int]
  package var groups: Int

  package init(strides: [Int] = [1, 1], padding: [Int] = [0, 0, 0, 0], dilations: [Int] = [1, 1], groups: Int = 1) {
    self.strides = strides
    self.padding = padding
    self.dilations = dilations
    self.groups = groups
  }

  package func window(of kernel: Shape) -> Window {
    Window(size: [kernel[2], kernel[3]], strides: strides, padding: padding, dilations: dilations)
  }

  package func shape(of inputs: [Shape]) throws(ShapeError) -> Shape {
    try require(inputs, count: 2...3)
    let (x, kernel) = (inputs[0], inputs[1])
    try require(x.rank == 4, "the image must have 4 axes, not \(x.rank): only two-dimensional convolution is supported")
    try require(kernel.rank == 4, "the kernel must have 4 axes, not \(kernel.rank)")
    try require(!x.dimensions[1...].contains(0), "the image \(x) is empty")
    try require(x.dimensions.allSatisfy { $0 <= 1 << 48 }, "the image \(x) is too large")
    try require(kernel.count > 0, "the kernel \(kernel) is empty")
    try require(
      groups >= 1 && kernel[0] % groups == 0, "\(kernel[0]) output channels do not divide into \(groups) groups")
    try require(
      kernel[1].multipliedReportingOverflow(by: groups) == (x[1], false),
      "the image has \(x[1]) channels, the kernel wants \(groups) groups of \(kernel[1])")
    if inputs.count == 3 { try require(inputs[2] == [kernel[0]], "the bias is \(inputs[2]), not [\(kernel[0])]") }
    let window = window(of: kernel)
    if let problem = window.problem { throw ShapeError(Self.name, problem) }
    guard let output = window.output(of: [x[2], x[3]]) else {
      throw ShapeError(Self.name, "the kernel \(kernel) does not fit into the padded image \(x)")
    }
    try require(Shape.count(of: [x[0], kernel[0]] + output) != nil, "the output is too large")
    return Shape([x[0], kernel[0]] + output)
  }

  package func forward(_ inputs: [Tensor], at moment: Moment) -> Evaluation {
    let bias = inputs.count == 3 ? inputs[2] : nil
    return Evaluation(
      ConvolutionPrimitive.forward(
        inputs[0], kernel: inputs[1], bias: bias, window: window(of: inputs[1].shape), groups: groups,
        arithmetic: moment.arithmetic))
  }

  package var backwardReadsOutput: Bool { false }

  package func backward(
    _ gradient: Tensor, from evaluation: Evaluation, inputs: [Tensor], needed: [Bool], at moment: Moment
  ) -> [Tensor?] {
    let (x, kernel, window) = (inputs[0], inputs[1], window(of: inputs[1].shape))
    var result = [Tensor?](repeating: nil, count: inputs.count)
    let wantsBias = inputs.count == 3 && needed[2]
    if needed[0], needed[1], !wantsBias {
      let parts = ConvolutionPrimitive.backward(
        gradient, x: x, kernel: kernel, window: window, groups: groups, arithmetic: moment.arithmetic)
      (result[0], result[1]) = (parts.image, parts.kernel)
      return result
    }
    if needed[0] {
      result[0] = ConvolutionPrimitive.backwardImage(
        gradient, kernel: kernel, image: x.shape, window: window, groups: groups, arithmetic: moment.arithmetic)
    }
    if needed[1] || wantsBias {
      let parts = ConvolutionPrimitive.backwardKernel(
        gradient, x: x, kernel: kernel.shape, bias: wantsBias, window: window, groups: groups,
        arithmetic: moment.arithmetic)
      result[1] = parts.kernel
      if wantsBias { result[2] = parts.bias }
    }
    return result
  }

  package var parameterInputs: [Int] { [1, 2] }

  package func path(for inputs: [Shape]) -> TrainingPath {
    let names = ConvolutionPrimitive.implementations(
      inputs[0], kernel: inputs[1], bias: inputs.count == 3, window: window(of: inputs[1]), groups: groups)
    if names.allSatisfy({ ["winograd", "pointwise", "depthwise"].contains($0.value) }) { return .fused }
    let slow = names.filter { $0.value.hasPrefix("ref") || $0.value.isEmpty }.map(\.direction)
    if !slow.isEmpty {
      let channels = groups > 1 ? "groups \(groups) with \(inputs[1][1]) channels each" : "\(inputs[0][1]) channels"
      return .plain("\(channels): oneDNN reference path \(slow.joined(separator: ", "))")
    }
    let copied = names.filter { $0.value.hasPrefix("gemm") }.map(\.direction)
    guard !copied.isEmpty else { return .oneDNN }
    return TrainingPath(
      kind: .oneDNN, reason: "a copy of the image for a matrix product \(copied.joined(separator: ", "))")
  }
}
