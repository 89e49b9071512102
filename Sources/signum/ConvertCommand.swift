import ArgumentParser
import Exporters
import Pipeline

struct ConvertCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "convert",
    abstract: "Turn a float network into a verified network of bits.",
    discussion: """
      Imports the network, puts the coding of a method on its weights, fine-tunes it \
      with the float network as teacher, freezes the bits, writes them to a packed file, \
      and runs that file's kernels against the frozen network. The output appears only \
      once it is complete; where verification fails it is kept as OUTPUT.unverified.

      The first and the last layer with weights stay float, unless '--layers all' is \
      given. Another network teaches where '--teacher' names its file; it must know the \
      same classes. Labels are optional: without them the teacher alone teaches. With \
      '--epochs 0' nothing is trained, and only the statistics of batch norms are \
      measured anew.

      With '--weights-only' there is no training and no verification: every tensor of two \
      axes or more becomes bits by the method, or as the recipe's 'layers' say of its name, \
      one after the other, up to 2^30 bytes of bits and 2^30 floats in all. The file then holds \
      weights without a network.

      The state of training is saved as OUTPUT.checkpoint. SIGINT and SIGTERM save it and \
      end; the same command with '--resume' goes on as if nothing had happened.

      Examples:

        signum convert net.onnx --method xnor --data mnist/ -o net.signum
        signum convert net.onnx --recipe best-15-epochs --data mnist/ \\
          --epochs 5 -o net.signum --json > report.json

      A recipe is a YAML file, or comes with signum: 'signum list recipes'. '--set' sets \
      any of its keys; what it leaves out keeps its default:

        method: information-retention
        options: {sharpness-at-end: 10}
        epochs: 15
        learning-rate: 0.05
      """)

  @Argument(help: ArgumentHelp("The float network.", valueName: "model"))
  var model: String

  @Option(
    help: ArgumentHelp(
      "The method, with options: NAME[:option=value,…]. See 'signum list methods'.", valueName: "name"))
  var method: String?

  @Option(
    help: ArgumentHelp(
      "The whole recipe: a YAML file, or a name from 'signum list recipes'; options given here win over it.",
      valueName: "file"))
  var recipe: String?

  @Option(
    help: ArgumentHelp(
      "Training images: a folder or a file. See 'signum list datasets'. Wanted unless '--weights-only' is given.",
      valueName: "path"))
  var data: String?

  @Flag(
    help: "Code and pack each tensor of the model by the method, without data and without what the network computes.")
  var weightsOnly = false

  @Option(
    help: ArgumentHelp(
      "Images to evaluate and verify on. Default: the test part that lies with the data.", valueName: "path"))
  var evaluateOn: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("How often every training image is seen. Default: 10.", valueName: "count"))
  var epochs: Int?

  @Option(parsing: .unconditional, help: ArgumentHelp("Images a step. Default: 128.", valueName: "count"))
  var batch: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "The largest learning rate; left to itself it falls to 0 along half a cosine. Default: what the method suggests.",
      valueName: "rate"))
  var learningRate: Float?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Seed of everything that is random: the same command makes the same file. Default: 1.", valueName: "number"))
  var seed: UInt64?

  @Option(
    help: ArgumentHelp(
      "Who teaches: self, the float network; none; or the file of another network. Default: self.", valueName: "who"))
  var teacher: Recipe.Teacher?

  @Option(help: ArgumentHelp("Which layers become bits. Default: inner.", valueName: "which"))
  var layers: Recipe.Layers?

  @Option(
    help: ArgumentHelp(
      "What the coded layers read, with options: NAME[:option=value,…]. See 'signum list activations'. Default: float.",
      valueName: "name"))
  var activations: String?

  @Option(
    help: ArgumentHelp(
      "How bytes become the input: auto, a name, or scale:mean,…:deviation,…. Default: auto.", valueName: "name"))
  var normalization: String?

  @Option(
    name: .customLong("set"),
    help: ArgumentHelp(
      "Any key of a recipe, as often as wanted. See 'signum list settings'.", valueName: "key=value"))
  var assignments: [String] = []

  @Flag(help: "Say what would be done with each layer, how large the file gets and how long it takes; write nothing.")
  var dryRun = false

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "How many training images at most, drawn by the seed. Default: all.", valueName: "count"))
  var limit: Int?

  @Flag(help: "Refuse data of which an image cannot be read, instead of leaving that image out.")
  var strict = false

  @Option(
    name: [.short, .long],
    help: ArgumentHelp("The packed file to write: NAME.signum. Wanted unless '--dry-run' is given.", valueName: "file"))
  var output: String?

  @Option(
    name: .customLong("export"),
    help: ArgumentHelp(
      "Another format to write beside the packed file, as often as wanted. See 'signum list exporters'.",
      valueName: "name"))
  var exports: [String] = []

  @OptionGroup
  var keeping: KeepingOptions

  @OptionGroup var shapes: ShapeArguments

  @Flag(help: "Print the report as one JSON object.")
  var json = false

  func validate() throws {
    var given = Recipe()
    var problems = missing + overlay(&given)
    // What belongs to the method of a recipe that has not been read can only be judged with it.
    if recipe != nil, method == nil { (given.options, given.layers) = ([:], layers ?? .inner) }
    if recipe != nil, given.activations == Recipe().activations { given.activationOptions = [:] }
    problems += given.problems.map { "command line: \($0)" }
    guard problems.isEmpty else { throw ValidationError(problems.joined(separator: "\nerror: ")) }
  }

  /// What is left out, given twice, or does not go together, in words.
  private var missing: [String] {
    let assigned = Set(assignments.map(Self.key(of:)))
    var problems: [String] = []
    if method == nil, recipe == nil, !assigned.contains("method") {
      problems.append("Name a method with --method, or a recipe with --recipe.")
    }
    if output == nil, !dryRun { problems.append("Name the packed file to write with --output.") }
    if data == nil, !weightsOnly {
      problems.append("Name training images with --data, or ask for '--weights-only'.")
    }
    problems += keysOfOptions.filter(assigned.contains).map {
      "'\($0)' is given by '--set \($0)=…' and by an option of its own: leave one out."
    }
    if let output, !output.lowercased().hasSuffix(".\(PackedExporter.fileExtension)") {
      problems.append("\(output.isEmpty ? "--output" : output): the packed file must end in '.signum'.")
    }
    problems += exports.compactMap(Export.problem).map { "--export: \($0)" }
    let useless = uselessWithWeightsOnly
    if weightsOnly, !useless.isEmpty {
      problems.append("'--weights-only' does not go with \(useless.joined(separator: ", ")).")
    }
    return problems
  }

  /// The options given that ask for images or a network.
  private var uselessWithWeightsOnly: [String] {
    let given = [
      ("--data", data != nil), ("--evaluate-on", evaluateOn != nil), ("--export", !exports.isEmpty),
      ("--dry-run", dryRun), ("--epochs", epochs != nil), ("--limit", limit != nil), ("--strict", strict),
      ("--log", keeping.log != nil), ("--resume", keeping.resume), ("--restart", keeping.restart),
      ("--keep-checkpoint", keeping.keepCheckpoint), ("--layers", layers != nil), ("--activations", activations != nil),
      ("--batch", batch != nil), ("--learning-rate", learningRate != nil), ("--teacher", teacher != nil),
      ("--normalization", normalization != nil), ("--shape", !shapes.shapes.isEmpty),
    ]
    let keys = assignments.map(Self.key(of:)).filter { !WeightsConversion.keys.contains($0) }
    return given.filter(\.1).map(\.0) + keys.map { "--set \($0)" }
  }

  private static func key(of assignment: String) -> String { String(assignment.prefix { $0 != "=" }) }

  /// The keys of a recipe that options of their own give.
  private var keysOfOptions: [String] {
    let given = [
      ("method", method != nil), ("options", method?.contains(":") ?? false), ("epochs", epochs != nil),
      ("batch", batch != nil), ("learning-rate", learningRate != nil), ("seed", seed != nil),
      ("teacher", teacher != nil), ("layers", layers != nil), ("activations", activations != nil),
      ("activation-options", activations?.contains(":") ?? false), ("normalization", normalization != nil),
      ("limit", limit != nil),
    ]
    return given.filter(\.1).map(\.0)
  }

  func run() throws {
    var resolved = try recipe.map { text throws(RecipeError) in try Recipe(fileOrName: text) } ?? Recipe()
    // 'validate' has thrown what this could find wrong.
    _ = overlay(&resolved)
    guard resolved.problems.isEmpty else { throw RecipeError(recipe ?? "command line", resolved.problems) }
    // A dry run writes nothing; whatever is planned is planned for some file.
    let output = output ?? "planned.\(PackedExporter.fileExtension)"
    guard let data else { return try convertWeights(by: resolved, to: output) }
    var listener = Converter.Listener(note: { Console.log.info("\($0)") }, warn: { Console.log.warning("\($0)") })
    let line = ProgressLine()
    listener.progress = line.show
    var converter = Converter(recipe: resolved, listener: listener)
    converter.isStrict = strict
    converter.exports = exports
    converter.checkpoints = keeping.policy
    converter.log = keeping.log
    if dryRun {
      let plan = try shapes.given {
        try converter.plan(model: model, data: data, evaluateOn: evaluateOn, to: output)
      }
      if json { try Console.printJSON(plan) } else { print(plan.table) }
      return
    }
    let report = try shapes.given {
      try converter.convert(model: model, data: data, evaluateOn: evaluateOn, to: output)
    }
    if json { try Console.printJSON(report) } else { print(report.table) }
    guard report.verification.passes else {
      throw VerificationFailed(description: "\(report.output): \(report.verification.verdict)")
    }
  }

  private func convertWeights(by recipe: Recipe, to output: String) throws {
    let conversion = WeightsConversion(recipe: recipe) { Console.log.info("\($0)") }
    let report = try conversion.convert(model: model, to: output)
    if json { try Console.printJSON(report) } else { print(report.table) }
  }

  /// Lays what the command line says over a recipe; what is not written as it should be, in words.
  private func overlay(_ recipe: inout Recipe) -> [String] {
    var problems: [String] = []
    func parsed(_ text: String?, of flag: String) -> (name: String, options: [String: String])? {
      guard let text else { return nil }
      do { return try MethodArgument.parse(text, of: flag) } catch {
        problems.append("\((error as? ValidationError)?.message ?? "\(error)")")
        return nil
      }
    }
    // Before '--set', which may name options of this method.
    if let found = parsed(method, of: "--method") { (recipe.method, recipe.options) = found }
    if let found = parsed(activations, of: "--activations") {
      (recipe.activations, recipe.activationOptions) = found
    }
    for assignment in assignments {
      let parts = assignment.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      if parts.count == 2, !parts[0].isEmpty {
        if let problem = recipe.set(parts[0], toYAML: parts[1]) { problems.append("--set: \(problem)") }
      } else {
        problems.append("--set: '\(assignment)' is not of the form key=value")
      }
    }
    recipe.epochs = epochs ?? recipe.epochs
    recipe.batch = batch ?? recipe.batch
    recipe.learningRate = learningRate ?? recipe.learningRate
    recipe.seed = seed ?? recipe.seed
    recipe.teacher = teacher ?? recipe.teacher
    recipe.layers = layers ?? recipe.layers
    recipe.normalization = normalization ?? recipe.normalization
    recipe.limit = limit ?? recipe.limit
    return problems
  }
}

/// A method on the command line: `name:option=value,option=value`.
enum MethodArgument {
  static func parse(_ text: String, of flag: String) throws -> (name: String, options: [String: String]) {
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    guard let name = parts.first, !name.isEmpty else {
      throw ValidationError(
        "\(flag): name " + (flag == "--method" ? "a method, as in 'information-retention'." : "one, as in 'sign'."))
    }
    var options: [String: String] = [:]
    for option in parts.dropFirst().flatMap({ $0.split(separator: ",") }) {
      let pair = option.split(separator: "=", maxSplits: 1).map(String.init)
      guard pair.count == 2 else { throw ValidationError("\(flag): '\(option)' is not of the form option=value.") }
      guard options.updateValue(pair[1], forKey: pair[0]) == nil else {
        throw ValidationError("\(flag): the option '\(pair[0])' is given twice.")
      }
    }
    return (String(name), options)
  }
}

extension Recipe.Teacher: ExpressibleByArgument {}
extension Recipe.Layers: ExpressibleByArgument {
  public init?(argument: String) {
    switch argument {
    case "inner": self = .inner
    case "all": self = .all
    default: return nil
    }
  }
  public static var allValueStrings: [String] { ["inner", "all"] }
}
