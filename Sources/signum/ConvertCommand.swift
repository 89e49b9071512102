import ArgumentParser
import Methods
import Pipeline

struct ConvertCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "convert",
    abstract: "Turn a float network into a verified network of bits.",
    discussion: """
      Imports the network, puts the coding of a method on its weights, fine-tunes it with the float network as teacher,
      freezes the bits, writes them to a packed file, and runs that file's kernels against the frozen network. The output
      appears only once it is complete; where verification fails it is kept as OUTPUT.unverified.

      The first and the last layer with weights stay float, unless '--layers all' is given. Labels are optional: without
      them the float network alone teaches.

      Examples:

        signum convert resnet20.onnx --method information-retention --data cifar10/ --epochs 15 -o resnet20.signum
        signum convert lenet.onnx --recipe recipe.yaml --data mnist/ -o lenet.signum --json > report.json
      """)

  @Argument(help: ArgumentHelp("The float network.", valueName: "model"))
  var model: String

  @Option(help: ArgumentHelp("The method, with options: NAME[:option=value,…]. See 'signum list methods'.", valueName: "method"))
  var method: String?

  @Option(help: ArgumentHelp("A YAML file with the whole recipe; options given here win over it.", valueName: "file"))
  var recipe: String?

  @Option(help: ArgumentHelp("Training images: a folder or a file. See 'signum list datasets'.", valueName: "path"))
  var data: String

  @Option(help: ArgumentHelp("Images to evaluate and verify on. Default: the test part that lies with the data.", valueName: "path"))
  var evaluateOn: String?

  @Option(help: "How often every training image is seen. Default: 10.")
  var epochs: Int?

  @Option(help: "Images a step. Default: 128.")
  var batch: Int?

  @Option(help: "Learning rate at the start; it falls to 0 along half a cosine. Default: what the method suggests.")
  var learningRate: Float?

  @Option(help: "Seed of everything that is random: the same command makes the same file. Default: 1.")
  var seed: UInt64?

  @Option(help: "Whether the float network teaches: self or none. Default: self.")
  var teacher: Recipe.Teacher?

  @Option(help: "Which layers become bits: inner or all. Default: inner.")
  var layers: Recipe.Layers?

  @Option(help: "What the coded layers read: float or sign. Default: float.")
  var activations: Recipe.Activations?

  @Option(help: ArgumentHelp("How bytes become the input: auto, a name, or scale:mean,…:deviation,…. Default: auto.", valueName: "name"))
  var normalization: String?

  @Option(name: [.short, .long], help: ArgumentHelp("The packed file to write.", valueName: "file"))
  var output: String

  @Flag(help: "Print the report as one JSON object.")
  var json = false

  func run() throws {
    let recipe = try resolvedRecipe()
    var listener = Converter.Listener(note: { Console.log.info("\($0)") }, warn: { Console.log.warning("\($0)") })
    let line = ProgressLine()
    listener.progress = line.show
    let report = try Converter(recipe: recipe, listener: listener)
      .convert(model: model, data: data, evaluateOn: evaluateOn, to: output)
    if json { try Console.printJSON(report) } else { print("\n" + report.table) }
    guard report.verification.passes else { throw VerificationFailed(description: "\(report.output): \(report.verification.verdict)") }
  }

  /// The recipe file, or the defaults, with what the command line says laid over it.
  private func resolvedRecipe() throws -> Recipe {
    guard method != nil || recipe != nil else {
      throw ValidationError("Name a method with --method, or a recipe with --recipe.")
    }
    var resolved = try recipe.map { file throws(RecipeError) in try Recipe(contentsOf: file) } ?? Recipe()
    if let method {
      let (name, options) = try MethodArgument.parse(method)
      resolved.method = name
      resolved.options = options
    }
    resolved.epochs = epochs ?? resolved.epochs
    resolved.batch = batch ?? resolved.batch
    resolved.learningRate = learningRate ?? resolved.learningRate
    resolved.seed = seed ?? resolved.seed
    resolved.teacher = teacher ?? resolved.teacher
    resolved.layers = layers ?? resolved.layers
    resolved.activations = activations ?? resolved.activations
    resolved.normalization = normalization ?? resolved.normalization
    guard resolved.problems.isEmpty else { throw InputError(resolved.problems) }
    return resolved
  }
}

/// A method on the command line: `name:option=value,option=value`.
enum MethodArgument {
  static func parse(_ text: String) throws -> (name: String, options: [String: String]) {
    let parts = text.split(separator: ":", maxSplits: 1)
    guard let name = parts.first else { throw ValidationError("--method: name a method, as in 'information-retention'.") }
    var options: [String: String] = [:]
    for option in parts.dropFirst().flatMap({ $0.split(separator: ",") }) {
      let pair = option.split(separator: "=", maxSplits: 1).map(String.init)
      guard pair.count == 2 else { throw ValidationError("--method: '\(option)' is not of the form option=value.") }
      options[pair[0]] = pair[1]
    }
    return (String(name), options)
  }
}

extension Recipe.Teacher: ExpressibleByArgument {}
extension Recipe.Layers: ExpressibleByArgument {}
extension Recipe.Activations: ExpressibleByArgument {}
