import Datasets
import Graphs
import Tensors

/// How long training steps take: forward, backward and update, on images drawn at random.
package struct StepTiming: Sendable {
  /// One a step, in seconds, after those that warmed up.
  package let seconds: [Double]
  package let batch: Int

  package var bestImagesPerSecond: Double { Double(batch) / (seconds.min() ?? .infinity) }
  package var medianImagesPerSecond: Double { Double(batch) / seconds.sorted()[seconds.count / 2] }

  /// Trains a graph for some steps with labels alone. The weights are thrown away.
  package init(of graph: Graph, batch: Int, steps: Int, warmUp: Int = 3) {
    let output = graph[graph.outputs[0]].shape
    let data = RandomImages(
      count: batch * 2, imageShape: Shape(Array(graph.inputs[0].shape.dimensions.dropFirst())),
      classes: max(output.count / max(output[0], 1), 1))
    var settings = FineTuning.Settings()
    settings.batch = batch
    settings.epochs = 1
    let tuning = FineTuning(
      student: graph, teacher: nil, training: data, validation: data.first(0), normalization: nil, settings: settings)
    var parameters = Parameters(of: graph, rule: settings.update)
    var seconds: [Double] = []
    for step in 0..<warmUp + steps {
      let start = ContinuousClock.now
      // Weights that diverge on noise take as long.
      let images = data.batch(step % 2 * batch..<(step % 2 + 1) * batch)
      _ = try? tuning.step(&parameters, images, epoch: 0, step: step, of: warmUp + steps)
      if step >= warmUp { seconds.append(start.duration(to: .now) / .seconds(1)) }
    }
    self.seconds = seconds
    self.batch = batch
  }
}

/// Noise with labels, for timing.
private struct RandomImages: Dataset {
  let name = "random images"
  let count: Int
  let imageShape: Shape
  let classes: Int
  var classCount: Int? { classes }
  var labels: [Int32]? { (0..<count).map { Int32($0 % classes) } }

  func copyImage(
    _ index: Int, placement: Placement, pixels: PixelTransform, into target: UnsafeMutableBufferPointer<Float>
  ) {
    var generator = SplitMix64(seed: UInt64(index))
    for i in target.indices { target[i] = generator.uniform() * 2 - 1 }
  }
}
