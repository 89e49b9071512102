/// Every pass over graphs that needs no options, as `signum list passes` shows them and the pass laws test them.
package let passes: [any Pass] = [
  FoldConstants(),
  RemoveIdentities(),
  FoldBias(),
  FuseLayerNorm(),
  FuseActivations(),
  FuseBatchNorm(),
  RestoreBatchNorm(),
  SplitCeilings(),
  MakeThresholds(),
  FoldBatchNorm(),
]

extension Graph {
  /// Passes one after the other.
  package func applying(_ passes: [any Pass]) throws(ShapeError) -> Graph {
    var graph = self
    for pass in passes { graph = try pass.rewrite(graph) }
    return graph
  }
}
