import Compute
import Graphs
import Tensors

/// How long training steps take: forward, backward and update, on images drawn at random, with labels alone.
package struct StepTiming: Sendable {
  /// Where the time of a step goes, in milliseconds a step.
  package struct Breakdown: Sendable, Encodable {
    package struct Operation: Sendable, Encodable {
      /// The kind of operator: its name in dumps.
      package var name: String
      package var nodes: Int
      package var forward: Double
      package var backward: Double
    }
    /// The slowest first.
    package var operations: [Operation] = []
    package var loss: Double = 0
    package var optimizer: Double = 0
  }

  /// One a step, in seconds, after those that warmed up.
  package let seconds: [Double]
  /// One a step: seconds of processor time, of all threads together. Beside other work it says more than the clock
  /// does.
  package let processorSeconds: [Double]
  package let batch: Int
  package let breakdown: Breakdown
  /// The most bytes that were resident at once.
  package let peakMemory: Int

  package var bestImagesPerSecond: Double { Double(batch) / (seconds.min() ?? .infinity) }
  package var medianImagesPerSecond: Double { Double(batch) / seconds.sorted()[seconds.count / 2] }

  package var medianProcessorSeconds: Double { processorSeconds.sorted()[processorSeconds.count / 2] }

  /// Trains a graph for some steps. The weights are thrown away.
  ///
  /// The breakdown is measured in a few further steps, so that the clock takes no time from those that count.
  package init(of graph: Graph, batch: Int, steps: Int, warmUp: Int = 3) {
    ResidentMemory.resetPeak()
    var training = TimedTraining(graph, batch: batch)
    var (seconds, processorSeconds): ([Double], [Double]) = ([], [])
    for step in 0..<warmUp + steps {
      let before = Processor.seconds
      let time = training.step().total
      guard step >= warmUp else { continue }
      seconds.append(time)
      processorSeconds.append(Processor.seconds - before)
    }
    self.seconds = seconds
    self.processorSeconds = processorSeconds
    self.batch = batch
    peakMemory = ResidentMemory.peak
    breakdown = training.breakdown(steps: min(steps, 5))
  }
}

/// A training that does the same step again and again.
private struct TimedTraining {
  let graph: Graph
  let images: [String: Tensor]
  let labels: [Int32]
  var parameters: Parameters

  init(_ graph: Graph, batch: Int) {
    self.graph = graph
    var generator = SplitMix64(seed: 2)
    let input = graph.inputs[0]
    let images = Tensor(input.shape.withBatch(batch), bound: 1, from: &generator)
    self.images = [input.name: input.shape.rank == 4 ? images.inLayout(.channelsLast) : images]
    let output = graph[graph.logits].shape
    let classes = max(output.count / max(output[0], 1), 1)
    labels = (0..<batch).map { Int32($0 % classes) }
    parameters = Parameters(of: graph)
  }

  /// Seconds of one step, and of the loss and of the update in it.
  mutating func step(clock: NodeClock? = nil) -> (total: Double, loss: Double, optimizer: Double) {
    let moment = Moment(phase: .training, progress: 0.5)
    let logits = graph.logits
    let start = ContinuousClock.now
    let trace = graph.run(
      images, at: moment, keeping: .forGradients(and: [logits]), constants: parameters.values, clock: clock)
    let forward = ContinuousClock.now
    let shape = trace[logits].shape
    let objective = Objective(distillation: 0, temperature: 1)
    let value = objective(trace[logits].flattenedToRows(), teacher: nil, labels: labels)
    let loss = ContinuousClock.now
    parameters.values.merge(trace.updates) { $1 }
    let gradients = graph.gradients(
      of: logits, seed: value.gradient.reshaped(shape), for: parameters.ids, along: trace, at: moment, clock: clock)
    let backward = ContinuousClock.now
    parameters.step(gradients, rate: 0.02, at: moment)
    let end = ContinuousClock.now
    let second = Duration.seconds(1)
    return (
      start.duration(to: end) / second, forward.duration(to: loss) / second, backward.duration(to: end) / second
    )
  }

  mutating func breakdown(steps: Int) -> StepTiming.Breakdown {
    var breakdown = StepTiming.Breakdown()
    let clock = NodeClock()
    let share = 1000 / Double(steps)
    for _ in 0..<steps {
      let times = step(clock: clock)
      breakdown.loss += times.loss * share
      breakdown.optimizer += times.optimizer * share
    }
    var kinds: [String: StepTiming.Breakdown.Operation] = [:]
    for node in graph.nodes {
      guard let operation = node.operation else { continue }
      let name = type(of: operation).name
      var kind = kinds[name] ?? .init(name: name, nodes: 0, forward: 0, backward: 0)
      kind.nodes += 1
      kind.forward += (clock.forward[node.id] ?? .zero) / .seconds(1) * share
      kind.backward += (clock.backward[node.id] ?? .zero) / .seconds(1) * share
      kinds[name] = kind
    }
    breakdown.operations = kinds.values.sorted {
      ($0.forward + $0.backward, $1.name) > ($1.forward + $1.backward, $0.name)
    }
    return breakdown
  }
}
