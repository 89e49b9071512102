import COneDNN
import Tensors

extension ConvolutionPrimitive {
  /// What oneDNN runs for a convolution, by direction: the names that it gives its implementations.
  ///
  /// Names with `jit` or `brg` are made for the processor, `gemm` copies the image for a matrix product, `ref` is a
  /// plain loop. Empty where oneDNN has nothing, and `winograd`, `pointwise`, `depthwise`, `turned` or `few-channels`
  /// where training takes a way of our own.
  package static func implementations(
    _ image: Shape, kernel: Shape, bias: Bool, window: Window, groups: Int
  ) -> [(direction: String, value: String)] {
    let output = Shape([image[0], kernel[0]] + window.output(of: [image[2], image[3]])!)
    var description = od_convolution(image, output, window: window, groups: groups)
    let directions = [
      ("forward", OD_FORWARD), ("for the image's gradient", OD_BACKWARD_SOURCE),
      ("for the kernel's gradient", OD_BACKWARD_KERNEL),
    ]
    func own(bias: Bool) -> String? {
      OwnConvolution(image, output, window: window, groups: groups, bias: bias, .transformed)?.name
    }
    return directions.map { name, direction in
      let isKernel = direction == OD_BACKWARD_KERNEL
      if isKernel, FewChannels.serves(image, window: window, groups: groups) { return (name, "few-channels") }
      // The gradient of a bias is a sum of its own, which oneDNN takes together with that of the kernel.
      let isImage = direction == OD_BACKWARD_SOURCE
      if isImage, Turned(image, output, window: window, groups: groups) != nil { return (name, "turned") }
      if let own = own(bias: bias && !isImage), !(isKernel && bias) { return (name, own) }
      var buffer = [CChar](repeating: 0, count: 64)
      _ = od_convolution_implementation(&description, direction, &buffer)
      return (name, String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self))
    }
  }
}
