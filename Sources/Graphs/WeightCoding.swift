import Tensors

/// What the house may know of the node between a latent weight and its reader without knowing the method.
package protocol WeightCoding: Operator {
  /// The deployed form of a latent weight, given with its companions.
  func code(_ inputs: [Tensor]) -> CodedTensor
  /// Brings the latent weight and its companions back where the method wants them after a training step.
  func settle(_ inputs: inout [Tensor], at moment: Moment)
  /// Whether `settle` makes the weight and its companions anew after this step, because the next one is the first with
  /// symbols.
  func begins(after moment: Moment) -> Bool
  /// The gradient of a penalty for the latent weight and each companion, nil for what has none. Empty without any.
  func penalty(_ inputs: [Tensor], at moment: Moment) -> [Tensor?]
}
