import Packed
import TestSupport
import Testing
import Tensors

@Suite struct RunnerTests {
  @Test(arguments: goldenModels.map(\.name))
  func everyLayerComputesItsFormula(name: String) throws {
    let model = goldenModels.first { $0.name == name }!.model
    let input = Tensor.random(Shape([3] + model.input.shape), seed: 30)
    for set in InstructionSet.available {
      let runner = try PackedRunner(model, instructionSet: set)
      let expected = plainValues(model, shapes: runner.shapes, input)
      var seen: [Int] = []
      let output = try runner.run(input) { layer, value in
        seen.append(layer)
        #expect(value.shape.dimensions == expected[layer + 1].shape, "\(model.layers[layer].name)")
        let wanted = Tensor(value.shape, scalars: expected[layer + 1].numbers.map(Float.init))
        #expect(
          value.largestDifference(to: wanted) < 1e-4 * max(1, wanted.largestMagnitude / 10),
          "\(model.layers[layer].name), \(set)")
      }
      #expect(seen == Array(model.layers.indices))
      #expect(try runner.run(input) == output)
    }
  }

  @Test(arguments: goldenModels.map(\.name))
  func threadsAndInstructionSetsChangeNoBit(name: String) throws {
    let model = goldenModels.first { $0.name == name }!.model
    let input = Tensor.random(Shape([37] + model.input.shape), seed: 31)
    let expected = try PackedRunner(model, instructionSet: .reference, threads: 1).run(input).scalars.map(\.bitPattern)
    for set in InstructionSet.available {
      for threads in [1, 2, 5] {
        let output = try PackedRunner(model, instructionSet: set, threads: threads).run(input)
        #expect(output.scalars.map(\.bitPattern) == expected, "\(set) on \(threads) threads")
      }
    }
  }

  @Test func theOrderOfTheInputInMemoryDoesNotMatter() throws {
    let model = goldenModels[0].model
    let input = Tensor.random(Shape([3] + model.input.shape), seed: 32)
    let runner = try PackedRunner(model)
    #expect(try runner.run(input) == runner.run(input.inLayout(.channelsLast)))
  }

  @Test func anEmptyBatchGivesAnEmptyOutput() throws {
    for (_, model) in goldenModels {
      let runner = try PackedRunner(model)
      let output = try runner.run(Tensor(Shape([0] + model.input.shape), repeating: 0))
      #expect(output.shape.dimensions == [0] + runner.shapes.values[runner.shapes.values.count - 1])
    }
  }

  @Test func whatCannotBeRunIsRefused() throws {
    let model = goldenModels[0].model
    #expect(throws: PackedRunnerError.invalidThreadCount("0")) { try PackedRunner(model, threads: 0) }
    let runner = try PackedRunner(model)
    #expect(throws: PackedRunnerError.wrongInputShape(found: [1, 3], expected: [2, 5, 4])) {
      try runner.run(Tensor([1, 3], repeating: 0))
    }
    var broken = model
    broken.layers[1].inputs = [2]
    #expect(throws: PackedFileError.invalidInput(layer: "conv2", 2)) { try PackedRunner(broken) }
  }

  @Test func notANumberRunsThrough() throws {
    for (_, model) in goldenModels {
      for set in InstructionSet.available {
        let runner = try PackedRunner(model, instructionSet: set)
        _ = try runner.run(Tensor(Shape([1] + model.input.shape), repeating: .nan))
        _ = try runner.run(Tensor(Shape([1] + model.input.shape), repeating: -.infinity))
      }
    }
  }
}
