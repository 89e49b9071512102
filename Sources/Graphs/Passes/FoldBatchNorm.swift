import Compute
import Tensors

/// Folds the batch norm after a layer into its weights and its bias, where nothing is lost by it.
///
///     factor · (Σ level · ±x) + offset   becomes   Σ (factor · level) · ±x + offset
///
/// A coded weight has a level of its own for each output channel, so its symbols stay what they were; of a float kernel
/// each weight is multiplied. Three kinds are left. One that also adds a skip is one pass over memory as it is. One
/// that a sign or a staircase reads, at once or behind what moves or bounds numbers: a sum that is rounded elsewhere
/// could fall on the other side of 0, or on another step. One with a rectifier in it after levels that are powers of
/// two (IR-Net's bit shifts) or one for the whole layer: these take a byte a channel or less, and folded would be a
/// float each, while the rectifier would be a pass of its own.
package struct FoldBatchNorm: Pass {
  package static let name = "fold-batch-norm"
  package static let summary = "folds a batch norm into the weights and the bias before it"
  package init() {}

  package func rewrite(_ graph: Graph) throws(ShapeError) -> Graph {
    let readers = graph.consumers()
    return try graph.rewriting { (node, inputs, new) throws(ShapeError) in
      guard let norm = node.operation as? BatchNorm, !norm.addsSkip, norm.ceiling == nil,
        readers[node.inputs[0]]?.count == 1, !graph.outputs.contains(node.inputs[0]),
        !isSigned(node.id, readers)
      else { return nil }
      let layer = new[inputs[0]]
      guard let operation = layer.operation, isFoldable(operation, layer.shape),
        case .constant(let weight) = new[layer.inputs[1]].content, !(norm.relu && weight.hasShortLevels)
      else { return nil }
      let parts = inputs[1...4].compactMap { new[$0].constant?.tensor }
      let bias = layer.inputs.count == 3 ? new[layer.inputs[2]].constant?.tensor : nil
      guard parts.count == 4, layer.inputs.count == 2 || bias != nil else { return nil }
      let (factor, offset) = norm.affine(scale: parts[0], shift: parts[1], mean: parts[2], variance: parts[3])
      let shift = bias.map { $0.zip(factor, *).zip(offset, +) } ?? offset
      let constants = [
        new.addConstant(new[layer.inputs[1]].name + ".folded", Self.scaled(weight, by: factor.scalars)),
        new.addConstant(node.name + ".bias", shift),
      ]
      let folded = try new.add(layer.name, operation, [layer.inputs[0]] + constants)
      return norm.relu ? try new.add(node.name, Relu(), [folded]) : folded
    }
  }

  /// Whether a sign or a staircase asks on which side of something a value lies.
  private func isSigned(_ id: Graph.Node.ID, _ readers: [Graph.Node.ID: [Graph.Node]]) -> Bool {
    (readers[id] ?? []).contains { reader in
      switch reader.operation {
      case is SignActivation, is Sign, is Quantize: true
      case is MaxPool, is Flatten, is Reshape, is Transpose, is Slice, is Pad, is Concat, is Clip, is Identity,
        is LearnedLeak, is LearnedShift:
        isSigned(reader.id, readers)
      default: false
      }
    }
  }

  /// Whether the output channels of a layer are what a batch norm takes for channels.
  private func isFoldable(_ operation: any Operator, _ shape: Shape) -> Bool {
    operation is Convolution || (operation is Dense && shape.rank == 2)
  }

  private static func scaled(_ weight: Graph.Constant, by factor: [Float]) -> Graph.Constant {
    switch weight {
    case .coded(let coded):
      return .coded(coded.scaled(by: factor))
    case .dense(let kernel):
      let row = kernel.count / kernel.shape[0]
      let scaled = kernel.inLayout(.rowMajor).scalars.enumerated().map { $1 * factor[$0 / row] }
      return .dense(Tensor(kernel.shape, scalars: scaled))
    }
  }
}

extension Graph.Constant {
  /// Whether the levels of a coded weight are written shorter than as a float a channel.
  fileprivate var hasShortLevels: Bool {
    guard case .coded(let coded) = self, coded.levels.count > 1 else { return false }
    return [coded.levels, coded.negativeLevels ?? []].allSatisfy { levels in
      levels.allSatisfy { $0 == levels[0] } || levels.allSatisfy { $0 > 0 && $0.significandBitPattern == 0 }
    }
  }
}
