import ArgumentParser
import Pipeline

struct RunCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Run a model on an array and write what comes out.",
    discussion: """
      The array is the model's own input, batch first; nothing is normalised. The output \
      is there whole or not at all.

      Example:

        signum run net.signum --input x.npy --output y.npy
      """)

  @Argument(help: ArgumentHelp("A float network or a packed file.", valueName: "file"))
  var file: String

  @Option(help: ArgumentHelp("A NumPy file.", valueName: "x.npy"))
  var input: String

  @Option(help: ArgumentHelp("The NumPy file to write, as float32.", valueName: "y.npy"))
  var output: String

  @OptionGroup var shapes: ShapeArguments

  func validate() throws { try shapes.refuse(for: file) }

  func run() throws {
    let shape = try shapes.given { try Workbench.run(file, input: input, output: output) }
    Console.log.info("\(output): \(shape)")
  }
}
