import Graphs
import Tensors

extension Workload {
  /// LeNet with rectifiers and largest pixels, as it is trained today.
  ///
  /// LeCun et al., Gradient-Based Learning Applied to Document Recognition, 1998, https://doi.org/10.1109/5.726791
  static let leNet = Workload("lenet", batch: 128, "LeNet, images 28 x 28, ten classes") {
    (builder) throws(ShapeError) in
    var x = builder.input([1, 1, 28, 28])
    for (index, channels) in [6, 16].enumerated() {
      let padding = index == 0 ? 2 : 0
      x = try builder.convolution("conv\(index + 1)", x, to: channels, size: 5, padding: padding, bias: true)
      x = try builder.relu("relu\(index + 1)", x)
      x = try builder.add("pool\(index + 1)", MaxPool(size: [2, 2], strides: [2, 2]), x)
    }
    x = try builder.add("flatten", Flatten(), x)
    for (index, features) in [120, 84].enumerated() {
      x = try builder.relu("relu\(index + 3)", builder.dense("fc\(index + 1)", x, to: features))
    }
    return try builder.dense("fc3", x, to: 10)
  }

  /// Three dense layers over the pixels.
  static let perceptron = Workload("mlp", batch: 128, "a perceptron 784-1024-1024-10") {
    (builder) throws(ShapeError) in
    var x = builder.input([1, 784])
    for index in 1...2 { x = try builder.relu("relu\(index)", builder.dense("fc\(index)", x, to: 1024)) }
    return try builder.dense("fc3", x, to: 10)
  }
}
