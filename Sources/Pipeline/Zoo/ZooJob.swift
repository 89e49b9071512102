import Exporters
import Foundation
import Packed
import Training

/// One conversion of a zoo: a model, a recipe, a format.
package struct ZooJob: Hashable, Sendable {
  package let model: ZooFile.Model
  package let recipeName: String
  package let export: String
  /// Formats that the packed file is written in as well, once it is verified.
  let otherExports: [String]
  /// Nil where the recipe cannot be read.
  let recipe: Recipe?
  /// Of everything that its result depends on: the model's bytes, the images, the recipe, the format and the version of
  /// this tool. Nil where that cannot be found out.
  package let hash: String?
  /// Why it cannot be done.
  package let problem: String?

  /// For messages.
  package var name: String { Self.name(model.name, recipeName, export) }

  static func name(_ model: String, _ recipe: String, _ export: String = PackedExporter.name) -> String {
    "\(model) × \(recipe)" + (export == PackedExporter.name ? "" : " × \(export)")
  }

  /// Below the folder of the results.
  var folder: String { "\(model.name)/\(recipeName)" + (export == PackedExporter.name ? "" : ".\(export)") }
  /// The file that it makes, below the folder of the results.
  var output: String {
    let known = exporters.first { $0.name == export }
    return "\(folder)/\(model.name).\(recipeName).\(known?.fileExtension ?? export)"
  }
  var log: String { folder + "/log.jsonl" }
  /// What the conversion says for people.
  var messages: String { folder + "/messages.txt" }
  var recipeFile: String { folder + "/recipe.json" }
}

/// Everything that a zoo asks for.
package struct ZooPlan: Sendable {
  package let jobs: [ZooJob]

  /// Reads every model, all images and all recipes. What is wrong with some is said in their jobs.
  package init(_ zoo: ZooFile) {
    jobs = zoo.models.flatMap { model in
      let identity = Result { () throws in try Self.identity(of: model) }
      let recipes = zoo.recipes.filter { recipe in model.recipes.contains { recipe.name.matches($0) } }
      return recipes.map { named in
        let recipe = Result { () throws in try zoo.recipe(named, for: model) }
        let teacher = Result { () throws in try Self.identity(ofTeacher: (try? recipe.get())?.teacher) }
        let both = identity.flatMap { identity in teacher.map { identity + $0 } }
        return Self.job(model, named.name, zoo, both, recipe)
      }
    }
  }

  private static func job(
    _ model: ZooFile.Model, _ name: String, _ zoo: ZooFile, _ identity: Result<String, any Error>,
    _ recipe: Result<Recipe, any Error>
  ) -> ZooJob {
    // One conversion makes the packed file; every other format is written from that.
    let export = PackedExporter.name
    let others = zoo.exports.filter { $0 != export }
    switch (identity, recipe) {
    case (.success(let identity), .success(let recipe)):
      let parts = [
        "signum \(Signum.version)", "export \(export)", identity, "recipe \(recipe.withoutPlaces.json)",
      ]
      let hash = SHA256.hexadecimal(of: Data(parts.joined(separator: "\n").utf8))
      return ZooJob(
        model: model, recipeName: name, export: export, otherExports: others, recipe: recipe, hash: hash, problem: nil)
    default:
      let problems = [identity.problem, recipe.problem].compactMap { $0 }
      return ZooJob(
        model: model, recipeName: name, export: export, otherExports: others, recipe: try? recipe.get(), hash: nil,
        problem: problems.joined(separator: "\n"))
    }
  }

  private static func identity(ofTeacher teacher: Recipe.Teacher?) throws -> String {
    try teacher?.path.map { "\nteacher \(try SourceModel($0).hash)" } ?? ""
  }

  /// What a model and its images are, by their content.
  private static func identity(of model: ZooFile.Model) throws -> String {
    let source = try SourceModel(model.file)
    let images = try Images(
      training: model.data, evaluation: model.evaluateOn, source: source, Converter(recipe: Recipe()))
    return [
      "model \(source.hash)", "training images \(images.training.count) \(images.training.contentHash)",
      "test images \(images.evaluation.count) \(images.evaluation.contentHash)",
    ].joined(separator: "\n")
  }
}

extension Result {
  fileprivate var problem: String? { if case .failure(let error) = self { "\(error)" } else { nil } }
}
