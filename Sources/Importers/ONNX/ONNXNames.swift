/// Names that mean two things: whoever reads them could get either.
extension ONNXModel {
  /// A line for each constant that occurs twice, and each value that is computed although it is there already.
  var nameProblems: [ImportError.Problem] {
    var problems: [ImportError.Problem] = []
    var known: Set<String> = []
    for tensor in initializers where !known.insert(tensor.name).inserted {
      problems.append(.value("constant", name: tensor.name, problem: "occurs twice"))
    }
    // An input may have a constant as its default.
    known.formUnion(inputs.map(\.name))
    for node in nodes {
      for output in node.outputs where !output.isEmpty && !known.insert(output).inserted {
        problems.append(node.problem("computes '\(output)', which is there already"))
      }
    }
    return problems
  }
}
