import Compute
import Tensors

/// The largest number under a window, for each channel. Padding counts as −∞.
package struct MaxPool: Operator {
  package static let name = "max-pool"
  package var window: Window

  package init(
    size: [Int], strides: [Int] = [1, 1], padding: [Int] = [0, 0, 0, 0], dilations: [Int] = [1, 1],
    roundsUp: Bool = false
  ) {
    window = Window(size: size, strides: strides, padding: padding, dilations: dilations, roundsUp: roundsUp)
  }

  package init(window: Window) { self.window = window }

  package func shape(of inputs: [Shape]) throws(ShapeError) -> Shape { try pooledShape(inputs, window) }

  package func forward(_ inputs: [Tensor], at moment: Moment) -> Evaluation {
    Evaluation(Pooling.maximum(inputs[0], window: window, keepsPlaces: false).y)
  }

  package var backwardReadsOutput: Bool { false }

  package func backward(
    _ gradient: Tensor, from evaluation: Evaluation, inputs: [Tensor], needed: [Bool], at moment: Moment
  ) -> [Tensor?] {
    [Pooling.maximumBackward(gradient, x: inputs[0], window: window)]
  }

  package func path(for inputs: [Shape]) -> TrainingPath { .fused }
}

/// The mean of the numbers under a window, for each channel.
package struct AveragePool: Operator {
  package static let name = "average-pool"
  package var window: Window
  /// Whether padding is counted in the number that the sum is divided by.
  package var countsPadding: Bool

  package init(
    size: [Int], strides: [Int] = [1, 1], padding: [Int] = [0, 0, 0, 0], countsPadding: Bool = false,
    roundsUp: Bool = false
  ) {
    window = Window(size: size, strides: strides, padding: padding, dilations: [1, 1], roundsUp: roundsUp)
    self.countsPadding = countsPadding
  }

  package init(window: Window, countsPadding: Bool) {
    self.window = window
    self.countsPadding = countsPadding
  }

  package func shape(of inputs: [Shape]) throws(ShapeError) -> Shape { try pooledShape(inputs, window) }

  package func forward(_ inputs: [Tensor], at moment: Moment) -> Evaluation {
    Evaluation(Pooling.average(inputs[0], window: window, countsPadding: countsPadding))
  }

  package func backwardReads(input: Int) -> Bool { false }
  package var backwardReadsOutput: Bool { false }

  package func backward(
    _ gradient: Tensor, from evaluation: Evaluation, inputs: [Tensor], needed: [Bool], at moment: Moment
  ) -> [Tensor?] {
    [Pooling.averageBackward(gradient, image: inputs[0].shape, window: window, countsPadding: countsPadding)]
  }

  package func path(for inputs: [Shape]) -> TrainingPath { .fused }
}

/// The mean of each channel over the whole image: `[batch, channels, height, width]` to `[batch, channels, 1, 1]`.
package struct GlobalAveragePool: Operator {
  package static let name = "global-average-pool"
  package init() {}

  package func shape(of inputs: [Shape]) throws(ShapeError) -> Shape {
    try require(inputs, count: 1...1)
    let x = inputs[0]
    try require(x.rank == 4, "the image must have 4 axes, not \(x.rank)")
    try require(!x.dimensions[1...].contains(0), "the image \(x) is empty")
    return [x[0], x[1], 1, 1]
  }

  package func forward(_ inputs: [Tensor], at moment: Moment) -> Evaluation {
    Evaluation(Pooling.average(inputs[0], window: whole(inputs[0].shape), countsPadding: false))
  }

  package func backwardReads(input: Int) -> Bool { false }
  package var backwardReadsOutput: Bool { false }

  package func backward(
    _ gradient: Tensor, from evaluation: Evaluation, inputs: [Tensor], needed: [Bool], at moment: Moment
  ) -> [Tensor?] {
    let image = inputs[0].shape
    return [Pooling.averageBackward(gradient, image: image, window: whole(image), countsPadding: false)]
  }

  private func whole(_ image: Shape) -> Window {
    Window(size: [image[2], image[3]], strides: [1, 1], padding: [0, 0, 0, 0], dilations: [1, 1])
  }

  package func path(for inputs: [Shape]) -> TrainingPath { .fused }
}

extension Operator {
  fileprivate func pooledShape(_ inputs: [Shape], _ window: Window) throws(ShapeError) -> Shape {
    try require(inputs, count: 1...1)
    let x = inputs[0]
    try require(x.rank == 4, "the image must have 4 axes, not \(x.rank)")
    try require(!x.dimensions[1...].contains(0), "the image \(x) is empty")
    try require(x.dimensions.allSatisfy { $0 <= 1 << 48 }, "the image \(x) is too large")
    if let problem = window.problem { throw ShapeError(Self.name, problem) }
    guard let output = window.output(of: [x[2], x[3]]) else {
      throw ShapeError(Self.name, "the window \(window.size) does not fit into the padded image \(x)")
    }
    let reach = (0..<2).map { window.dilations[$0] * (window.size[$0] - 1) + 1 }
    for axis in 0..<2 {
      try require(
        window.padding[axis] < reach[axis] && window.padding[axis + 2] < reach[axis],
        "padding \(window.padding) leaves windows that see nothing of the image")
    }
    try require(Shape.count(of: [x[0], x[1]] + output) != nil, "the output is too large")
    return Shape([x[0], x[1]] + output)
  }
}
