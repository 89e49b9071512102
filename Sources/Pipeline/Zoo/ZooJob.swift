import Datasets
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
  /// Of everything that its result depends on: the bytes of the model and of a teacher, the images, the recipe, the
  /// format and the version of this tool. Nil where that cannot be found out.
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

  /// Reads every model, all images, all recipes and the networks that teach. What is wrong with some is said in their
  /// jobs.
  package init(_ zoo: ZooFile) {
    var teachers: [String: Result<SourceModel, any Error>] = [:]
    jobs = zoo.models.flatMap { model in
      let ground = Result { () throws in try Ground(model) }
      let recipes = zoo.recipes.filter { recipe in model.recipes.contains { recipe.name.matches($0) } }
      return recipes.map { named in
        let recipe = Result { () throws in try zoo.recipe(named, for: model) }
        let path = (try? recipe.get())?.teacher.path
        let teacher = path.map { path in
          let known = teachers[path] ?? Result { () throws in try SourceModel(teaching: path) }
          teachers[path] = known
          return known.flatMap { (try? ground.get())?.checked($0) ?? .success($0) }
        }
        return Self.job(model, named.name, zoo, ground, recipe, teacher)
      }
    }
  }

  private static func job(
    _ model: ZooFile.Model, _ name: String, _ zoo: ZooFile, _ ground: Result<Ground, any Error>,
    _ recipe: Result<Recipe, any Error>, _ teacher: Result<SourceModel, any Error>?
  ) -> ZooJob {
    // One conversion makes the packed file; every other format is written from that.
    let export = PackedExporter.name
    let others = zoo.exports.filter { $0 != export }
    let problems = [ground.problem, recipe.problem, teacher?.problem].compactMap { $0 }
    let known = try? recipe.get()
    var hash: String?
    if problems.isEmpty, let ground = try? ground.get(), let known {
      var parts = ["signum \(Signum.version)", "export \(export)"] + ground.identity
      if let teacher = try? teacher?.get() { parts.append("teacher \(teacher.hash)") }
      parts.append("recipe \(known.withoutPlaces.json)")
      hash = SHA256.hexadecimal(of: Data(parts.joined(separator: "\n").utf8))
    }
    return ZooJob(
      model: model, recipeName: name, export: export, otherExports: others, recipe: known, hash: hash,
      problem: hash == nil ? problems.joined(separator: "\n") : nil)
  }

  /// A model with its images.
  private struct Ground {
    private let source: SourceModel
    private let training: any Dataset
    /// What they are, by their content.
    let identity: [String]

    init(_ model: ZooFile.Model) throws {
      source = try SourceModel(model.file)
      let images = try Images(
        training: model.data, evaluation: model.evaluateOn, source: source, Converter(recipe: Recipe()))
      training = images.training
      identity = [
        "model \(source.hash)", "training images \(images.training.count) \(images.training.contentHash)",
        "test images \(images.evaluation.count) \(images.evaluation.contentHash)",
      ]
    }

    /// The teacher, where it can teach this network.
    func checked(_ teacher: SourceModel) -> Result<SourceModel, any Error> {
      let problems = teacher.problems(teaching: source, on: training)
      return problems.isEmpty ? .success(teacher) : .failure(InputError(problems))
    }
  }
}

extension Result {
  fileprivate var problem: String? { if case .failure(let error) = self { "\(error)" } else { nil } }
}
