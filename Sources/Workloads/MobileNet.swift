import Graphs
import Tensors

extension Workload {
  /// MobileNetV2 of width 1, without the dropout before its classifier.
  ///
  /// Sandler et al., Inverted Residuals and Linear Bottlenecks, 2018, https://arxiv.org/abs/1801.04381
  static let mobileNetV2 = Workload("mobilenetv2", batch: 32, "MobileNetV2, images 96 x 96, a thousand classes") {
    (builder) throws(ShapeError) in
    // Expansion, channels, blocks, stride of the first block: table 2 of the paper.
    let stages = [
      (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1),
    ]
    var x = try builder.rectified("features.0", builder.input([1, 3, 96, 96]), to: 32, size: 3, stride: 2)
    var index = 1
    for (expansion, channels, blocks, firstStride) in stages {
      for block in 0..<blocks {
        x = try builder.invertedResidual(
          "features.\(index)", x, to: channels, stride: block == 0 ? firstStride : 1, expansion: expansion)
        index += 1
      }
    }
    x = try builder.rectified("features.\(index)", x, to: 1280, size: 1)
    return try builder.classifier("classifier", x, classes: 1000)
  }
}

extension LayerBuilder {
  /// Convolution, batch norm and a rectifier that ends at 6.
  fileprivate mutating func rectified(
    _ name: String, _ x: Value, to channels: Int, size: Int, stride: Int = 1, groups: Int = 1
  ) throws(ShapeError) -> Value {
    let y = try convolution("\(name).0", x, to: channels, size: size, stride: stride, groups: groups)
    return try add("\(name).2", Clip(minimum: 0, maximum: 6), norm("\(name).1", y, around: 3))
  }

  /// More channels, a convolution of each channel alone, fewer channels; and what came in where the shape is the same.
  fileprivate mutating func invertedResidual(_ name: String, _ x: Value, to channels: Int, stride: Int, expansion: Int)
    throws(ShapeError) -> Value
  {
    let inputs = shape(x)[1]
    let hidden = inputs * expansion
    var y = x
    if expansion > 1 { y = try rectified("\(name).expand", y, to: hidden, size: 1) }
    y = try rectified("\(name).depthwise", y, to: hidden, size: 3, stride: stride, groups: hidden)
    y = try norm("\(name).project.1", convolution("\(name).project.0", y, to: channels, size: 1))
    return stride == 1 && inputs == channels ? try add("\(name).add", Add(), x, y) : y
  }
}
