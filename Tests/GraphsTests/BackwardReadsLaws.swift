import Graphs
import TestSupport
import Tensors
import Testing

/// What a backward rule says it does not read may be freed, and what it is handed over may be written to.
struct BackwardReadsLaws {
  private let moments = [Moment.inference, Moment(phase: .training, progress: 0.5)]

  @Test(arguments: operatorCases)
  func whatIsNotReadDoesNotMatter(_ example: OperatorCase) {
    let (operation, inputs) = (example.operation, example.inputs)
    let needed = inputs.map { _ in true }
    for moment in moments {
      let evaluation = operation.forward(inputs, at: moment)
      let gradient = Tensor.random(evaluation.output.shape, seed: 9)
      let wanted = operation.backward(gradient, from: evaluation, inputs: inputs, needed: needed, at: moment)
      // Reading a tensor without numbers stops the test.
      let kept = inputs.enumerated().map { operation.backwardReads(input: $0) ? $1 : $1.withoutNumbers }
      var freed = evaluation
      if !operation.backwardReadsOutput { freed.output = freed.output.withoutNumbers }
      #expect(operation.backward(gradient, from: freed, inputs: kept, needed: needed, at: moment) == wanted)
    }
  }

  @Test(arguments: operatorCases)
  func aSharedGradientStaysAsItWas(_ example: OperatorCase) {
    let (operation, inputs) = (example.operation, example.inputs)
    let needed = inputs.map { _ in true }
    for moment in moments {
      let evaluation = operation.forward(inputs, at: moment)
      func gradient() -> Tensor {
        let plain = Tensor.random(evaluation.output.shape, seed: 9)
        return plain.shape.rank == 4 ? plain.inLayout(.channelsLast) : plain
      }
      let shared = gradient()
      let wanted = operation.backward(shared, from: evaluation, inputs: inputs, needed: needed, at: moment)
      #expect(shared == gradient())
      // Nobody else holds this one, so it may be overwritten; the slopes are the same.
      #expect(operation.backward(gradient(), from: evaluation, inputs: inputs, needed: needed, at: moment) == wanted)
    }
  }
}
