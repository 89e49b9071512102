import Graphs
import Methods

extension Recipe {
  /// What is wrong with the changes of structure that are asked for.
  var structureProblems: [String] {
    let known = structures.map { $0.name }
    var problems = structure.filter { !known.contains($0) }.map {
      "'structure': there is no structure '\($0)'" + suggestion(for: $0, among: known)
    }
    for name in Set(structure).sorted() where structure.count(where: { $0 == name }) > 1 {
      problems.append("'structure': '\(name)' is given twice")
    }
    let replacing = [HardtanhRectifiers.name, LearnedRectifiers.name, NoRectifiers.name].filter(structure.contains)
    if replacing.count > 1 {
      let names = replacing.map { "'\($0)'" }.joined(separator: " and ")
      let all = replacing.count == 2 ? "both" : "all"
      problems.append("'structure': \(names) \(all) replace rectifiers: name one of them")
    }
    return problems
  }

  private var chosenStructures: [any Structure] {
    structure.compactMap { name in structures.first { $0.name == name }?.init() }
  }

  /// Layers that stay float because of the structure, unless a rule names a method for them.
  func floatLayers(of graph: Graph) -> Set<String> {
    chosenStructures.reduce(into: []) { $0.formUnion($1.floatLayers(of: graph)) }
  }

  /// A network with its structure changed, and what is to be said of it.
  func restructured(_ graph: Graph, around layers: CodedLayers) throws(ShapeError) -> Restructured {
    var result = Restructured(graph, notes: [])
    for structure in chosenStructures {
      let changed = try structure.rewrite(result.graph, around: layers)
      result = Restructured(changed.graph, notes: result.notes + changed.notes)
    }
    return result
  }
}
