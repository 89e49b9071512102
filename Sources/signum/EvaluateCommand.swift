import ArgumentParser
import Foundation
import Pipeline

struct EvaluateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "evaluate",
    abstract: "Measure the accuracy of a model on labelled images.",
    discussion: """
      Takes a float network or a packed file. A packed file says how bytes become its \
      input; for a float network the known ways are tried on the first images, unless one \
      is named. Where the data have a test part, that is taken. Images in files of their own \
      are reduced to what covers the network's input, or as '--resize' says, and their \
      middle is cut out.

      Example:

        signum evaluate net.signum --data mnist/ --limit 1000
      """)

  @Argument(help: ArgumentHelp("A float network or a packed file.", valueName: "file"))
  var file: String

  @Option(help: ArgumentHelp("Labelled images: a folder or a file.", valueName: "path"))
  var data: String

  @Option(
    help: ArgumentHelp("How bytes become the input: auto, a name, or scale:mean,…:deviation,….", valueName: "name"))
  var normalization = "auto"

  @OptionGroup var images: ImageArguments

  @OptionGroup var shapes: ShapeArguments

  @Flag(help: "Print one JSON object.")
  var json = false

  func validate() throws {
    try shapes.refuse(for: file)
    guard normalization == "auto" || Normalizations.named(normalization) != nil else {
      throw ValidationError("--normalization: \(Normalizations.explanation(normalization))")
    }
  }

  func run() throws {
    let report = try shapes.given {
      try Workbench.evaluate(file, data: data, normalization: normalization, images.options)
    }
    if json { return try Console.printJSON(report) }
    print(
      """
      top-1          \(String(format: "%.2f %%", report.top1 * 100)) of \(report.images) images
      speed          \(String(format: "%.0f", report.imagesPerSecond)) images/s
      normalization  \(report.normalization)
      """)
  }
}
