import Foundation
import Graphs
import Importers
import Tensors

/// A model with inputs, and the outputs that another framework made of them.
struct ConformanceCase {
  /// Its folder below that of all cases, as `node/test_abs`.
  var name: String
  var operators: [String]

  enum Outcome: Equatable {
    /// The outputs agree; of which inputs the values had to be given while importing, or how well they agree.
    case passed(note: String)
    /// The importer says why it cannot take it.
    case refused(String)
    /// The outputs differ.
    case wrong(String)
  }

  /// The cases that a list names, a line each: folder, a space, operators with commas between. Lines that begin with #
  /// are comments.
  static func list(_ text: String) -> [ConformanceCase] {
    text.split(separator: "\n").filter { !$0.hasPrefix("#") }.map { line in
      let parts = line.split(separator: " ", maxSplits: 1)
      let operators = parts.count > 1 ? parts[1].split(separator: ",").map(String.init) : []
      return ConformanceCase(name: String(parts[0]), operators: operators)
    }
  }

  /// Imports the model and compares, for every set of data beside it. With `asModel` as a user's model, which shall
  /// hold for every batch.
  func run(in folder: String, asModel: Bool) -> Outcome {
    let place = "\(folder)/\(name)"
    var note = ""
    var sets = 0
    while FileManager.default.fileExists(atPath: "\(place)/test_data_set_\(sets)") {
      do {
        let (model, data) = ("\(place)/model.onnx", "\(place)/test_data_set_\(sets)")
        let inputs = try Self.inputs(of: model, data)
        switch try asModel ? runModel(model, inputs, data) : run(model, inputs, data) {
        case .passed(let last): note = last
        case let other: return other
        }
      } catch {
        return .refused("\(error)")
      }
      sets += 1
    }
    return sets == 0 ? .refused("has no data") : .passed(note: note)
  }

  private static func inputs(of model: String, _ data: String) throws(ImportError) -> [String: ONNXValues] {
    var inputs: [String: ONNXValues] = [:]
    for (index, name) in try ONNXImporter.inputNames(of: model).enumerated() {
      let path = "\(data)/input_\(index).pb"
      guard FileManager.default.fileExists(atPath: path) else { break }
      inputs[name] = try ONNXValues(from: path)
    }
    return inputs
  }

  private func run(
    _ model: String, _ inputs: [String: ONNXValues], _ data: String
  ) throws(ImportError) -> Outcome {
    let (graph, known) = try importing(model, inputs)
    var values: [String: Tensor] = [:]
    for input in graph.inputs {
      guard let given = inputs[input.name] else { return .refused("input '\(input.name)' has no value") }
      guard let tensor = given.tensor else {
        return .refused("input '\(input.name)' holds whole numbers above 2^24 that no Float is")
      }
      values[input.name] = tensor
    }
    let trace = graph.run(values)
    for (index, output) in graph.outputs.enumerated() {
      let path = "\(data)/output_\(index).pb"
      guard FileManager.default.fileExists(atPath: path) else { return .wrong("output \(index) has no expected value") }
      let expected = try ONNXValues(from: path)
      if let difference = Difference(found: trace[output], expected: expected) {
        return .wrong("output \(index): \(difference)")
      }
    }
    let beyond = FileManager.default.fileExists(atPath: "\(data)/output_\(graph.outputs.count).pb")
    return beyond
      ? .wrong("has more outputs than the graph")
      : .passed(note: known.isEmpty ? "" : "with \(known.joined(separator: ", ")) known")
  }

  /// The graph; where its shapes depend on the numbers of inputs, with these known, and their names.
  private func importing(
    _ model: String, _ inputs: [String: ONNXValues]
  ) throws(ImportError) -> (Graph, known: [String]) {
    var known: Set<String> = []
    while true {
      do {
        let graph = try ONNXImporter.fixedGraph(
          from: model, inputShapes: inputs.filter { !known.contains($0.key) }.mapValues(\.shape),
          known: inputs.filter { known.contains($0.key) })
        return (graph, known.sorted())
      } catch {
        let wanted = error.inputsToKnow.subtracting(known).intersection(inputs.keys)
        guard !wanted.isEmpty else { throw error }
        known.formUnion(wanted)
      }
    }
  }
}

/// Where an output differs from what was expected: in shape, or by more than 0.001 of it and 0.00001. Whole numbers and
/// truths must be the same.
struct Difference: CustomStringConvertible {
  let description: String

  init?(found: Tensor, expected: ONNXValues) {
    guard found.shape == expected.shape else {
      description = "the shape is \(found.shape), expected \(expected.shape)"
      return
    }
    let isExact = !expected.type.contains("FLOAT") && expected.type != "DOUBLE"
    var (count, first): (Int, Int?) = (0, nil)
    let (scalars, numbers) = (found.scalars, expected.numbers)
    for place in scalars.indices {
      let (a, b) = (Double(scalars[place]), numbers[place])
      if a == b || (a.isNaN && b.isNaN) { continue }
      if !isExact, abs(a - b) <= 1e-5 + 1e-3 * abs(b), b.isFinite { continue }
      count += 1
      if first == nil { first = place }
    }
    guard let first else { return nil }
    description =
      "\(count) of \(scalars.count) numbers differ, first number \(first): \(scalars[first]), expected \(numbers[first])"
  }
}
