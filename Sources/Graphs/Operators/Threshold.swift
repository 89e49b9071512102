import Tensors

/// A batch norm and the sign after it, on integers: +1 where the input reaches the threshold of its channel, else −1.
///
///     y = +1 where x ≥ threshold[c], or x ≤ threshold[c] where flipped[c]; else −1
///
/// Input `[batch, channels, …]` of whole numbers, thresholds `[channels]`. For inference only: it has no slope.
package struct Threshold: Operator {
  package static let name = "threshold"
  package var flipped: [Bool]
  package init(flipped: [Bool]) { self.flipped = flipped }

  package func shape(of inputs: [Shape]) throws(ShapeError) -> Shape {
    try require(inputs, count: 2...2)
    try require(inputs[0].rank >= 2, "the input must have a batch and channels")
    try require(inputs[1] == [inputs[0][1]] && flipped.count == inputs[0][1], "a threshold is wanted for each channel")
    return inputs[0]
  }

  package func forward(_ inputs: [Tensor], at moment: Moment) -> Evaluation {
    let x = inputs[0].inLayout(.rowMajor)
    let thresholds = inputs[1].scalars
    let plane = x.shape.dimensions.dropFirst(2).reduce(1, *)
    return Evaluation(
      Tensor(x.shape) { y in
        x.withUnsafeFloats { x in
          for i in x.indices {
            let channel = i / plane % thresholds.count
            let reached = flipped[channel] ? x[i] <= thresholds[channel] : x[i] >= thresholds[channel]
            y[i] = reached ? 1 : -1
          }
        }
      })
  }

  package func backwardReads(input: Int) -> Bool { false }
  package var backwardReadsOutput: Bool { false }

  package func backward(
    _ gradient: Tensor, from evaluation: Evaluation, inputs: [Tensor], needed: [Bool], at moment: Moment
  ) -> [Tensor?] { [nil, nil] }

  package func path(for inputs: [Shape]) -> TrainingPath { .plain("a loop on one thread; it is made for inference") }
}
