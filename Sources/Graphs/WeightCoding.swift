import Tensors

/// What the house may know of the node between a latent weight and its reader without knowing the method.
package protocol WeightCoding: Operator {
  /// The deployed form of a latent weight, given with its companions.
  func code(_ inputs: [Tensor]) -> CodedTensor
  /// Brings the latent weight back where the method wants it after a training step.
  func settle(_ latent: inout Tensor, at moment: Moment)
  /// The gradient of a penalty on the latent weight, or nil where the method has none.
  func penalty(_ latent: Tensor, at moment: Moment) -> Tensor?
}
