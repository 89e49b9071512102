import Tensors

/// Puts a shortcut around each coded convolution, so that what bits cannot carry passes beside them.
///
///     conv → batch norm → activation   becomes   conv → batch norm → + shortcut → activation
///
/// Where a block has one shortcut around several convolutions, it goes to the first of them, whose batch norm has the
/// shape of it, and each later one gets what it reads itself. A shortcut that has to fit another shape takes the mean
/// of each patch of pixels that a stride makes one of, and zeros for channels that there were not, half before and half
/// behind; where channels or pixels get fewer in any other way there is none, and the layer is left.
///
/// The shortcut after the batch norm and before the activation, around each convolution, is the paper's; the zero
/// channels, as in CIFAR ResNets, are ours where the paper has a convolution, for the network may have none to take.
///
/// Liu et al., Bi-Real Net, 2018, https://arxiv.org/abs/1808.00278
package struct BiReal: Structure {
  package static let name = "bi-real"
  package static let summary = "a shortcut around each coded convolution; convolutions on shortcuts stay float"
  package static let paper = "Liu et al. 2018, arXiv 1808.00278"
  package init() {}

  package func floatLayers(of graph: Graph) -> Set<String> { graph.shortcutConvolutions }

  package func rewrite(_ graph: Graph, around layers: CodedLayers) throws(ShapeError) -> Restructured {
    let plan = Plan(graph, layers.coded)
    let others = plan.added.mapValues { [$0] }.merging(plan.swapped.mapValues { [$0.layer.inputs[0]] }) { $0 + $1 }
    let changed = try graph.rewriting(readingToo: others) { (node, inputs, new) throws(ShapeError) in
      if let swap = plan.swapped[node.id] {
        var sides = Array(inputs.prefix(2))
        sides[swap.side] = try new.addShortcut(around: swap.layer, from: inputs[2], to: node.shape)
        return try new.add(node.name, Add(), sides)
      }
      guard plan.added[node.id] != nil, let operation = node.operation, let other = inputs.last else { return nil }
      let norm = try new.add(node.name, operation, Array(inputs.dropLast()))
      let layer = graph[node.inputs[0]]
      let shortcut = try new.addShortcut(around: layer, from: other, to: node.shape)
      return try new.add("\(layer.name).shortcut", Add(), [norm, shortcut])
    }
    return Restructured(changed, notes: plan.notes)
  }

  /// Which shortcuts are added, which are moved, and which layers are left.
  private struct Plan {
    /// What is added behind a batch norm, by the batch norm.
    var added: [Graph.Node.ID: Graph.Node.ID] = [:]
    /// Additions that get another shortcut on one side.
    var swapped: [Graph.Node.ID: (side: Int, layer: Graph.Node)] = [:]
    private var count = 0
    private var left: [String] = []

    var notes: [String] {
      ["\(BiReal.name): a shortcut around each of \(count) convolutions"]
        + left.map { "\(BiReal.name): left \($0)" }
    }

    init(_ graph: Graph, _ layers: Set<String>) {
      let readers = graph.consumers()
      let blocks = graph.residualBlocks
      // A block whose shortcut went to its first layer, by its addition.
      var moved: Set<Graph.Node.ID> = []
      for layer in graph.nodes where layers.contains(layer.name) && layer.operation is Convolution {
        guard let norm = readers[layer.id]?.first, readers[layer.id]?.count == 1, !graph.outputs.contains(layer.id),
          let operation = norm.operation as? BatchNorm, !operation.addsSkip, !operation.relu
        else {
          left.append("'\(layer.name)': a batch norm alone must read it")
          continue
        }
        let holding = blocks.filter { $0.main.contains(layer.id) }
        // The innermost block is the one with the fewest layers.
        let block = holding.min { graph.layers(of: $0).count < graph.layers(of: $1).count }
        let path = block.map { graph.layers(of: $0) } ?? []
        count += 1
        if path.count == 1 { continue }
        guard let block else {
          add(graph, layer, norm, readers)
          continue
        }
        let (shortcut, last) = (graph[block.addition].inputs[1 - block.side], graph[block.addition].inputs[block.side])
        if layer.id == path.first, graph[shortcut].shape == norm.shape {
          added[norm.id] = shortcut
          moved.insert(block.addition)
        } else if last == norm.id {
          guard moved.contains(block.addition), graph.fitting(layer, graph[layer.inputs[0]].shape) != nil else {
            continue
          }
          swapped[block.addition] = (1 - block.side, layer)
        } else {
          add(graph, layer, norm, readers)
        }
      }
    }

    /// A shortcut of its own for a layer, from what it reads.
    private mutating func add(
      _ graph: Graph, _ layer: Graph.Node, _ norm: Graph.Node, _ readers: [Graph.Node.ID: [Graph.Node]]
    ) {
      // What is added to something already has a way around.
      if readers[norm.id]?.contains(where: { $0.operation is Add }) ?? false { return }
      guard graph.fitting(layer, graph[layer.inputs[0]].shape) != nil else {
        count -= 1
        let (from, to) = (graph[layer.inputs[0]].shape.withBatch(1), norm.shape.withBatch(1))
        left.append("'\(layer.name)': no shortcut makes \(to) of \(from)")
        return
      }
      added[norm.id] = layer.inputs[0]
    }
  }
}

extension Graph {
  fileprivate func layers(of block: ResidualBlock) -> [Node.ID] { block.main.filter(isLayer) }

  /// How many channels an image gains by a convolution that makes it no smaller than its strides do; nil where that is
  /// not so, and a mean and zeros cannot do the same.
  fileprivate func fitting(_ layer: Node, _ image: Shape) -> (strides: [Int], channels: Int)? {
    guard let strides = (layer.operation as? Convolution)?.strides, image.rank == 4, layer.shape[1] >= image[1] else {
      return nil
    }
    let isFitting = [2, 3].allSatisfy { (image[$0] + strides[$0 - 2] - 1) / strides[$0 - 2] == layer.shape[$0] }
    return isFitting ? (strides, layer.shape[1] - image[1]) : nil
  }

  /// A value as it passes beside a layer, brought to a shape without a weight.
  fileprivate mutating func addShortcut(
    around layer: Node, from id: Node.ID, to shape: Shape
  ) throws(ShapeError) -> Node.ID {
    let image = self[id].shape
    guard image != shape, let (strides, channels) = fitting(layer, image) else { return id }
    var place = id
    let name = "\(layer.name).shortcut"
    if strides != [1, 1] { place = try add("\(name).pool", AveragePool(over: strides, of: image), [place]) }
    guard channels > 0 else { return place }
    let before = [0, channels / 2, 0, 0]
    return try add("\(name).pad", Pad(before: before, after: [0, channels - channels / 2, 0, 0]), [place])
  }
}
