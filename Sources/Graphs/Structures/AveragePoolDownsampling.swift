import Tensors

/// Lets shortcuts that skip pixels take their mean instead: a strided convolution with a kernel of one pixel becomes an
/// average pool and the same kernel without stride, and a slice of every second pixel an average pool.
///
///     conv 1 x 1, stride s   becomes   average pool s x s, stride s → conv 1 x 1, stride 1
///
/// For the convolution, Liu et al., Bi-Real Net, 2018, https://arxiv.org/abs/1808.00278; for the slice ours.
package struct AveragePoolDownsampling: Structure {
  package static let name = "average-pool-downsampling"
  package static let summary = "shortcuts that skip pixels take their mean instead; their convolutions stay float"
  package static let paper = "Liu et al. 2018, arXiv 1808.00278"
  package init() {}

  package func rewrite(_ graph: Graph, around layers: CodedLayers) throws(ShapeError) -> Restructured {
    let onShortcuts = Set(graph.residualBlocks.flatMap(\.shortcut))
    var (convolutions, slices) = (0, 0)
    let changed = try graph.rewriting { (node, inputs, new) throws(ShapeError) in
      guard onShortcuts.contains(node.id), node.shape.rank == 4 else { return nil }
      let image = graph[node.inputs[0]].shape
      switch node.operation {
      case var convolution as Convolution:
        guard let pool = pool(for: convolution, kernel: graph[node.inputs[1]].shape, image) else { return nil }
        convolutions += 1
        convolution.strides = [1, 1]
        let mean = try new.add("\(node.name).pool", pool, [inputs[0]])
        return try new.add(node.name, convolution, [mean] + inputs.dropFirst())
      case let slice as Slice:
        guard let pool = pool(for: slice, image) else { return nil }
        slices += 1
        return try new.add(node.name, pool, inputs)
      default: return nil
      }
    }
    return Restructured(
      changed, notes: ["\(Self.name): for \(convolutions) convolutions and \(slices) slices on shortcuts"])
  }

  package func floatLayers(of graph: Graph) -> Set<String> { graph.shortcutConvolutions }

  private func pool(for convolution: Convolution, kernel: Shape, _ image: Shape) -> AveragePool? {
    guard kernel.dimensions[2...] == [1, 1], convolution.padding.allSatisfy({ $0 == 0 }),
      convolution.strides.contains(where: { $0 > 1 })
    else { return nil }
    return AveragePool(over: convolution.strides, of: image)
  }

  /// For a slice that takes every so many pixels of whole images, from the first one on.
  private func pool(for slice: Slice, _ image: Shape) -> AveragePool? {
    let steps = (0..<4).map { slice.counts[$0] == -1 ? 1 : slice.steps[$0] }
    let isWhole = (0..<4).allSatisfy { axis in
      slice.counts[axis] == -1
        || (slice.starts[axis] == 0 && steps[axis] > 0
          && slice.counts[axis] == (image[axis] + steps[axis] - 1) / steps[axis])
    }
    guard isWhole, steps[..<2].allSatisfy({ $0 == 1 }), steps[2...].contains(where: { $0 > 1 }) else { return nil }
    return AveragePool(over: Array(steps[2...]), of: image)
  }
}

extension AveragePool {
  /// The mean of each patch of so many pixels; those at the edge may be smaller.
  init(over strides: [Int], of image: Shape) {
    let fits = image[2] % strides[0] == 0 && image[3] % strides[1] == 0
    self.init(size: strides, strides: strides, roundsUp: !fits)
  }
}
