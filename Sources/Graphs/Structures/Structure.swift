import Tensors

/// A change to the structure of a network that networks of bits learn better with. Unlike a pass it changes what the
/// network computes.
package protocol Structure: Sendable {
  /// The name in recipes. Never changes once released.
  static var name: String { get }
  /// What it does, in a phrase, for `signum list structures`.
  static var summary: String { get }
  /// Where it was published.
  static var paper: String { get }
  init()

  /// The changed network. Doing it twice is doing it once.
  func rewrite(_ graph: Graph, around layers: CodedLayers) throws(ShapeError) -> Restructured

  /// Layers that stay float unless the recipe names a method for them.
  func floatLayers(of graph: Graph) -> Set<String>
}

extension Structure {
  package func floatLayers(of graph: Graph) -> Set<String> { [] }
}

/// Which layers a structure is for, by name.
package struct CodedLayers: Sendable {
  /// Those whose weights become symbols.
  package var coded: Set<String>
  /// Those of them that read signs.
  package var signed: Set<String>

  package init(coded: Set<String>, signed: Set<String>) {
    self.coded = coded
    self.signed = signed
  }
}

/// A changed network, and what is to be said of the change: how much was done, which layers were left, and why.
package struct Restructured: Sendable {
  package var graph: Graph
  package var notes: [String]

  package init(_ graph: Graph, notes: [String]) {
    self.graph = graph
    self.notes = notes
  }
}

/// Every structure. A newcomer adds one line here, and is held to the structure laws from then on.
package let structures: [any Structure.Type] = [
  AveragePoolDownsampling.self,
  BiReal.self,
  HardtanhRectifiers.self,
  NoRectifiers.self,
  LearnedRectifiers.self,
]
