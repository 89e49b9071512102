import Compute
import Datasets
import Graphs
import Tensors

/// Measures the statistics of batch norms anew, with the weights as they are.
///
/// Whenever a method changes the scale of a layer, the running statistics of the float network are wrong for it; the
/// first steps of training would then be spent on that alone.
package enum Calibration {
  /// The mean and variance constant of every batch norm, averaged over batches in the training phase.
  ///
  /// - Parameter moment: what weights are coded at; its phase is set to training.
  package static func statistics(
    of graph: Graph, constants: [Graph.Node.ID: Tensor], batches: [[Int]], data: any Dataset,
    normalization: Normalization?,
    at moment: Moment
  ) -> [Graph.Node.ID: Tensor] {
    var moment = moment
    moment.phase = .training
    let norms = graph.nodes.filter { $0.operation is BatchNorm }
    guard !norms.isEmpty else { return [:] }
    var sums: [Graph.Node.ID: Tensor] = [:]
    for indices in batches {
      let images = data.images(indices, normalization: normalization)
      let trace = graph.run(graph.values(for: images), at: moment, keeping: .everything, constants: constants)
      for norm in norms {
        let samples = Float(graph.samples(of: norm, in: trace))
        let unbiased = samples > 1 ? samples / (samples - 1) : 1
        let saved = trace.saved(norm.id)
        for (id, value) in [(norm.inputs[3], saved[0]), (norm.inputs[4], saved[1].map { $0 * unbiased })] {
          sums[id] = sums[id]?.zip(value, +) ?? value
        }
      }
    }
    let share = 1 / Float(batches.count)
    return sums.mapValues { $0.map { $0 * share } }
  }

  /// Gives each named batch norm the statistics that its input really has, and a scale and shift that undo them: the
  /// graph computes what it did before, but weights before it may now change their scale.
  package static func standardize(
    _ graph: Graph, norms names: Set<String>, batches: [[Int]], data: any Dataset, normalization: Normalization?
  ) -> Graph {
    let nodes = graph.nodes.filter { names.contains($0.name) && $0.operation is BatchNorm }
    let measured = inputStatistics(of: nodes, in: graph, batches: batches, data: data, normalization: normalization)
    var values: [Graph.Node.ID: Tensor] = [:]
    for node in nodes {
      guard let norm = node.operation as? BatchNorm, let (mean, variance) = measured[node.id] else { continue }
      let old = node.inputs[1...4].map { graph[$0].constant!.tensor }
      let (factor, offset) = norm.affine(scale: old[0], shift: old[1], mean: old[2], variance: old[3])
      let deviation = variance.map { ($0 + norm.epsilon).squareRoot() }
      values[node.inputs[1]] = factor.zip(deviation, *)
      values[node.inputs[2]] = offset.zip(factor.zip(mean, *), +)
      values[node.inputs[3]] = mean
      values[node.inputs[4]] = variance
    }
    return graph.replacingConstants(values)
  }

  /// The graph with the constants that begin with what the data say, such as the steps of few-bit activations, measured
  /// on a batch drawn by the seed.
  package static func measured(
    _ graph: Graph, seed: UInt64, data: any Dataset, normalization: Normalization?
  ) -> Graph {
    guard graph.nodes.contains(where: { $0.operation is any MeasuredOperator }), data.count > 0,
      let first = data.shuffledBatches(of: min(250, data.count), seed: seed, epoch: -1).first
    else { return graph }
    return graph.measured(on: graph.values(for: data.images(first, normalization: normalization)))
  }

  /// The mean and variance of what each of some nodes reads, in inference, averaged over batches.
  private static func inputStatistics(
    of nodes: [Graph.Node], in graph: Graph, batches: [[Int]], data: any Dataset, normalization: Normalization?
  ) -> [Graph.Node.ID: (mean: Tensor, variance: Tensor)] {
    var sums: [Graph.Node.ID: (mean: Tensor, variance: Tensor)] = [:]
    for indices in batches {
      let images = data.images(indices, normalization: normalization)
      let trace = graph.run(graph.values(for: images), keeping: .only(nodes.map { $0.inputs[0] }))
      for node in nodes {
        let x = trace[node.inputs[0]]
        let (mean, variance) = ChannelAffine.statistics(x.shape.rank == 4 ? x.inLayout(.channelsLast) : x)
        sums[node.id] = sums[node.id].map { ($0.mean.zip(mean, +), $0.variance.zip(variance, +)) } ?? (mean, variance)
      }
    }
    let share = 1 / Float(max(batches.count, 1))
    return sums.mapValues { ($0.mean.map { $0 * share }, $0.variance.map { $0 * share }) }
  }
}

extension Graph {
  /// How many numbers of one channel went into the statistics of a batch norm.
  fileprivate func samples(of norm: Node, in trace: Trace) -> Int {
    let x = trace[norm.inputs[0]]
    return x.count / max(x.shape[1], 1)
  }
}
