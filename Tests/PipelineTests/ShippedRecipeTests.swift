import Foundation
import Methods
import Pipeline
import TestSupport
import Testing

struct ShippedRecipeTests {
  @Test(arguments: shippedRecipes.map(\.name)) func canBeUsedAsItIs(_ name: String) throws {
    let recipe = try Recipe(fileOrName: name)
    #expect(recipe.problems.isEmpty)
    let shipped = try #require(shippedRecipes.first { $0.name == name })
    #expect(shipped.yaml.hasPrefix("# \(name): ") && shipped.yaml.hasSuffix("\n"))
    #expect(name.allSatisfy { $0.isASCII && ($0.isLowercase || $0.isNumber || "-.".contains($0)) })
    #expect(!shipped.summary.isEmpty && !shipped.summary.hasSuffix("."))
  }

  @Test func everyMethodHasOne() throws {
    let used = try Set(shippedRecipes.map { try Recipe(fileOrName: $0.name).method })
    #expect(methods.map { $0.name }.filter { !used.contains($0) } == [])
  }

  @Test func namesAreSortedAndOccurOnce() {
    let names = shippedRecipes.map(\.name)
    #expect(names == Set(names).sorted())
  }

  /// What is printed can be copied, edited and used as a file.
  @Test func aCopyIsTheSameRecipe() throws {
    let folder = try TemporaryFolder()
    for recipe in shippedRecipes {
      try Data(recipe.yaml.utf8).write(to: folder.url.appendingPathComponent("\(recipe.name).yaml"))
      #expect(try Recipe(fileOrName: folder.path("\(recipe.name).yaml")) == Recipe(fileOrName: recipe.name))
    }
  }

  @Test func aNameThatIsNotKnownGetsTheNearest() {
    #expect {
      try Recipe(fileOrName: "xnor-1w32")
    } throws: { error in
      "\(error)".hasPrefix(
        "recipe 'xnor-1w32': there is neither a recipe nor a file of that name; did you mean 'xnor-1w32a'?")
    }
    #expect(throws: RecipeError("nowhere/xnor-1w32a", ["no such file"])) {
      try Recipe(fileOrName: "nowhere/xnor-1w32a")
    }
  }
}
