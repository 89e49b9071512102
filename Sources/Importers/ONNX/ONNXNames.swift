/// Names that mean two things, since whoever reads them could get either, and constants that are not read.
extension ONNXModel {
  /// A line for each constant that occurs twice or is sparse, and each value that is computed although it is there
  /// already.
  var problems: [ImportError.Problem] {
    let inner = allNodes.flatMap { node in node.branches.flatMap { $0.value.sparse } }
    var problems: [ImportError.Problem] = (sparse + inner).map {
      .value("constant", name: $0, problem: "is sparse, which is not supported: save it with all its numbers")
    }
    problems += functionProblems
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
