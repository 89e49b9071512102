import Compute
import Tensors

/// Layer normalisation over the last axes, in one pass over memory.
///
///     y = scale · (x − mean) / √(variance + ε) + shift
///
/// Inputs: x `[batch, …]`, scale and shift of the shape of the last axes, over which mean and variance are taken.
///
/// Ba, Kiros and Hinton, 2016, https://arxiv.org/abs/1607.06450
package struct LayerNorm: Operator {
  package static let name = "layer-norm"
  package var epsilon: Float
  package init(epsilon: Float = 1e-5) { self.epsilon = epsilon }

  package func shape(of inputs: [Shape]) throws(ShapeError) -> Shape {
    try require(inputs, count: 3...3)
    let (x, scale) = (inputs[0], inputs[1])
    try require(scale.rank >= 1 && scale.rank <= x.rank, "the scale is \(scale), the input \(x)")
    try require(
      Array(x.dimensions.suffix(scale.rank)) == scale.dimensions, "the scale \(scale) is not the end of \(x)")
    try require(inputs[2] == scale, "the shift is \(inputs[2]), not \(scale)")
    try require(scale.count > 0, "the scale \(scale) is empty")
    try require(epsilon >= 0 && epsilon.isFinite, "epsilon must not be below 0")
    return x
  }

  package func forward(_ inputs: [Tensor], at moment: Moment) -> Evaluation {
    let (y, mean, inverse) = LayerNormPrimitive.forward(
      inputs[0], scale: inputs[1], shift: inputs[2], epsilon: epsilon)
    return Evaluation(y, saving: [mean, inverse])
  }

  package var backwardReadsOutput: Bool { false }

  package func backward(
    _ gradient: Tensor, from evaluation: Evaluation, inputs: [Tensor], needed: [Bool], at moment: Moment
  ) -> [Tensor?] {
    let (x, scale, shift) = LayerNormPrimitive.backward(
      gradient, x: inputs[0], scale: inputs[1], mean: evaluation.saved[0], inverse: evaluation.saved[1])
    return [x, scale, shift]
  }

  package var parameterInputs: [Int] { [1, 2] }

  package func path(for inputs: [Shape]) -> TrainingPath { .fused }
}
