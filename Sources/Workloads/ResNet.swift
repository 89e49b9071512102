import Graphs
import Tensors

extension Workload {
  /// ResNet-20 for images of 32 x 32, with shortcuts that have no weights (option A).
  ///
  /// He et al., Deep Residual Learning for Image Recognition, 2016, https://arxiv.org/abs/1512.03385, section 4.2
  static let resNet20 = Workload("resnet20", batch: 128, "ResNet-20, images 32 x 32, ten classes") {
    (builder) throws(ShapeError) in
    var x = try builder.convolution("conv1", builder.input([1, 3, 32, 32]), to: 16, size: 3)
    x = try builder.relu("relu", builder.norm("bn1", x, around: 3))
    for (stage, channels) in [16, 32, 64].enumerated() {
      for block in 0..<3 {
        let stride = stage > 0 && block == 0 ? 2 : 1
        x = try builder.residualBlock("layer\(stage + 1).\(block)", x, to: channels, stride: stride, projects: false)
      }
    }
    return try builder.classifier("linear", x, classes: 10)
  }

  /// ResNet-18 for images of 224 x 224, with projections where the shape changes (option B).
  static let resNet18 = Workload("resnet18", batch: 16, "ResNet-18, images 224 x 224, a thousand classes") {
    (builder) throws(ShapeError) in
    var x = try builder.convolution("conv1", builder.input([1, 3, 224, 224]), to: 64, size: 7, stride: 2)
    x = try builder.relu("relu", builder.norm("bn1", x, around: 3))
    x = try builder.add("maxpool", MaxPool(size: [3, 3], strides: [2, 2], padding: [1, 1, 1, 1]), x)
    for (stage, channels) in [64, 128, 256, 512].enumerated() {
      for block in 0..<2 {
        let stride = stage > 0 && block == 0 ? 2 : 1
        x = try builder.residualBlock("layer\(stage + 1).\(block)", x, to: channels, stride: stride, projects: true)
      }
    }
    return try builder.classifier("fc", x, classes: 1000)
  }
}

extension LayerBuilder {
  /// Two 3 x 3 convolutions and what came in; where the number of channels grows, what came in is projected by a 1 x 1
  /// convolution, or every second pixel of it is taken and channels of zeros are added on both sides.
  fileprivate mutating func residualBlock(_ name: String, _ x: Value, to channels: Int, stride: Int, projects: Bool)
    throws(ShapeError) -> Value
  {
    var y = try convolution("\(name).conv1", x, to: channels, size: 3, stride: stride)
    y = try relu("\(name).relu1", norm("\(name).bn1", y, around: 3))
    y = try norm("\(name).bn2", convolution("\(name).conv2", y, to: channels, size: 3))
    var shortcut = x
    if shape(x)[1] != channels {
      let image = shape(x)
      let side = (channels - image[1]) / 2
      if projects {
        let projection = try convolution("\(name).downsample.0", x, to: channels, size: 1, stride: stride)
        shortcut = try norm("\(name).downsample.1", projection)
      } else {
        let every = Slice(
          starts: [0, 0, 0, 0], steps: [1, 1, stride, stride],
          counts: [-1, -1, image[2] / stride, image[3] / stride])
        let pad = Pad(before: [0, side, 0, 0], after: [0, side, 0, 0])
        shortcut = try add("\(name).pad", pad, add("\(name).slice", every, x))
      }
    }
    return try relu("\(name).relu2", add("\(name).add", Add(), y, shortcut))
  }
}
