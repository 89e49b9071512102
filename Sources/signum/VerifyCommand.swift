import ArgumentParser
import Pipeline

struct VerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Prove that a packed file computes what its bits say.",
    discussion: """
      Runs the same images through the packed kernels and, layer by layer, through oneDNN \
      on the weights that the file decodes to. Whole numbers and bits must be equal; \
      floats may differ within the tolerance of their layer. The float network gives the \
      accuracy to compare with. Where the two part, the exit code is 2, and the first \
      layer that differs is named.

      Example:

        signum verify net.signum --against net.onnx --data mnist/
      """)

  @Argument(help: ArgumentHelp("The packed file.", valueName: "packed"))
  var packed: String

  @Option(help: ArgumentHelp("The float network that it came from.", valueName: "model"))
  var against: String

  @Option(help: ArgumentHelp("Images: a folder or a file.", valueName: "path"))
  var data: String

  @OptionGroup var images: ImageArguments

  @OptionGroup var shapes: ShapeArguments

  @Flag(help: "Print the report as one JSON object.")
  var json = false

  func run() throws {
    let report = try shapes.given { try Workbench.verify(packed, against: against, data: data, images.options) }
    if json { try Console.printJSON(report) } else { print(report.layerTable + "\n\n" + report.summary) }
    guard report.passes else { throw VerificationFailed(description: "\(packed): \(report.verdict)") }
  }
}
