import Foundation
import Methods

/// A recipe that comes with the program: `--recipe NAME`, `signum list recipes`.
///
/// Its text is in the program itself, so that a binary that was copied elsewhere has it too.
package struct ShippedRecipe: Hashable, Sendable {
  /// What is asked for: the method, and the bits of weights and activations as papers write them, `1w32a`.
  package let name: String
  /// What it is, in a sentence.
  package let summary: String
  /// Where it was published; empty for what is ours.
  package let paper: String
  private let keys: String

  init(_ name: String, _ summary: String, paper: String = "", _ keys: String) {
    (self.name, self.summary, self.paper, self.keys) = (name, summary, paper, keys)
  }

  /// The recipe as a YAML file, to be copied and edited.
  package var yaml: String {
    (["# \(name): \(summary)"] + (paper.isEmpty ? [] : ["# \(paper)"]) + [keys, ""]).joined(separator: "\n")
  }
}

/// Every recipe that comes with the program, by name.
package let shippedRecipes: [ShippedRecipe] =
  (ShippedRecipe.ours + ShippedRecipe.binary + ShippedRecipe.subBit + ShippedRecipe.ternary + ShippedRecipe.manyBits)
  .sorted { $0.name < $1.name }

extension Recipe {
  /// Reads a recipe from a file, or takes the one of that name that comes with the program; a file wins.
  ///
  /// Throws `RecipeError`, for a name that is not known with the nearest known one.
  package init(fileOrName text: String) throws(RecipeError) {
    let shipped = shippedRecipes.first { $0.name == text }
    let isFile = ["yaml", "yml", "json"].contains((text as NSString).pathExtension.lowercased())
    let isName = !text.isEmpty && !text.contains("/") && !isFile
    switch (Output.kind(text), shipped) {
    case (nil, let shipped?), (S_IFDIR, let shipped?):
      try self.init(yaml: shipped.yaml, place: "recipe '\(text)'")
    case (nil, nil) where isName:
      throw RecipeError(
        "recipe '\(text)'",
        ["there is neither a recipe nor a file of that name" + suggestion(for: text, among: shippedRecipes.map(\.name))]
      )
    default: try self.init(contentsOf: text)
    }
  }
}
