import Compute
import Foundation
import Graphs
import TestSupport
import Tensors
import Testing

private let training = Moment(phase: .training, progress: 0.5)

/// The operator after a journey through text.
private func decoded<O: Operator>(_ operation: O) throws -> (same: Bool, label: String) {
  let copy = try JSONDecoder().decode(O.self, from: JSONEncoder().encode(operation))
  return (copy == operation && copy.hashValue == operation.hashValue, copy.label)
}

private func expectClose(
  _ result: Tensor, _ wanted: Tensor, within tolerance: Float = 1e-5, at location: SourceLocation = #_sourceLocation
) {
  #expect(result.shape == wanted.shape, sourceLocation: location)
  guard result.shape == wanted.shape else { return }
  #expect(result.largestDifference(to: wanted) <= tolerance * max(wanted.largestMagnitude, 1), sourceLocation: location)
}

/// What must hold for every operator on the list.
struct OperatorLaws {
  @Test func everyOperatorHasACase() {
    let tried = Set(operatorCases.map { type(of: $0.operation).name })
    for operation in operators { #expect(tried.contains(operation.name), "\(operation.name) has no case") }
    #expect(tried.count == operators.count)
  }

  @Test func namesDiffer() {
    #expect(Set(operators.map { $0.name }).count == operators.count)
  }

  @Test(arguments: operatorCases)
  func shapeRuleAgreesWithForward(_ example: OperatorCase) throws {
    let shape = try example.operation.shape(of: example.inputs.map(\.shape))
    for moment in [Moment.inference, training] {
      #expect(example.operation.forward(example.inputs, at: moment).output.shape == shape)
    }
  }

  @Test(arguments: operatorCases)
  func theLayoutOfTheInputsDoesNotMatter(_ example: OperatorCase) {
    let turned = example.inputs.map { $0.shape.rank == 4 ? $0.inLayout(.channelsLast) : $0 }
    let mixed = turned.enumerated().map { $0.offset == 0 ? $0.element.inLayout(.rowMajor) : $0.element }
    let operation = example.operation
    let needed = example.inputs.map { _ in true }
    for moment in [Moment.inference, training] {
      let plain = operation.forward(example.inputs, at: moment)
      let gradient = Tensor.random(plain.output.shape, seed: 9)
      let slopes = operation.backward(gradient, from: plain, inputs: example.inputs, needed: needed, at: moment)
      for inputs in [turned, mixed] {
        let other = operation.forward(inputs, at: moment)
        #expect(other.output == plain.output)
        let upstream = gradient.shape.rank == 4 ? gradient.inLayout(.channelsLast) : gradient
        #expect(operation.backward(upstream, from: other, inputs: inputs, needed: needed, at: moment) == slopes)
      }
    }
  }

  @Test(arguments: operatorCases.filter { !$0.batched.isEmpty })
  func anyBatch(_ example: OperatorCase) throws {
    func first(_ tensor: Tensor) -> Tensor {
      var box = Box(tensor.shape)
      box.counts[0] = 1
      return tensor.extracting(box)
    }
    let three = example.operation.forward(example.inputs, at: .inference).output
    let inputs = example.inputs.enumerated().map {
      example.batched.contains($0.offset) ? first($0.element) : $0.element
    }
    let one = example.operation.forward(inputs, at: .inference).output
    #expect(three.shape[0] == 3 * one.shape[0])
    #expect(try example.operation.shape(of: inputs.map(\.shape)) == one.shape)
    var box = Box(three.shape)
    box.counts[0] = one.shape[0]
    expectClose(one, three.extracting(box), within: 1e-6)
  }

  @Test(arguments: operatorCases)
  func gradientsHaveTheShapesOfTheInputs(_ example: OperatorCase) {
    for moment in [Moment.inference, training] {
      let evaluation = example.operation.forward(example.inputs, at: moment)
      let gradient = Tensor.random(evaluation.output.shape, seed: 3)
      func slopes(_ needed: [Bool]) -> [Tensor?] {
        example.operation.backward(gradient, from: evaluation, inputs: example.inputs, needed: needed, at: moment)
      }
      let all = slopes(example.inputs.map { _ in true })
      #expect(all.count == example.inputs.count)
      for (slope, input) in zip(all, example.inputs) { #expect(slope == nil || slope?.shape == input.shape) }
      for index in example.sloped {
        // What nobody needs may be left out; the rest stays as it is.
        let alone = slopes(example.inputs.indices.map { $0 == index })
        #expect(all[index] != nil && alone[index] == all[index] && alone.count == all.count)
      }
    }
  }

  @Test(arguments: operatorCases.filter { !$0.sloped.isEmpty })
  func gradientsAgreeWithFiniteDifferences(_ example: OperatorCase) throws {
    for moment in [Moment.inference, training] {
      let evaluation = example.operation.forward(example.inputs, at: moment)
      let weights = Tensor.random(evaluation.output.shape, seed: 4)
      let slopes = example.operation.backward(
        weights, from: evaluation, inputs: example.inputs, needed: example.inputs.map { _ in true }, at: moment)
      for index in example.sloped {
        let wanted = finiteDifferences(of: example.inputs[index]) { changed in
          var inputs = example.inputs
          inputs[index] = changed
          return product(weights, example.operation.forward(inputs, at: moment).output)
        }
        expectClose(try #require(slopes[index]), wanted, within: 3e-3)
      }
    }
  }

  @Test(arguments: operatorCases)
  func optionsSurviveText(_ example: OperatorCase) throws {
    let copy = try decoded(example.operation)
    #expect(copy.same && copy.label == example.operation.label)
  }

  @Test(arguments: operatorCases)
  func parametersAreInputs(_ example: OperatorCase) throws {
    // A layer without a bias still names its place.
    #expect(example.operation.parameterInputs.allSatisfy { (0...2).contains($0) })
    let present = example.operation.parameterInputs.filter { $0 < example.inputs.count }
    #expect(Set(present).isSubset(of: Set(example.sloped + example.estimated)))
  }

  @Test(arguments: operatorCases)
  func everyOperatorSaysHowItRuns(_ example: OperatorCase) {
    let path = example.operation.path(for: example.inputs.map(\.shape))
    #expect(path != .unknown)
    #expect(path.kind != .plain || path.reason?.isEmpty == false)
  }
}
