import ArgumentParser
import Foundation
import Importers
import Pipeline

struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Show what is in a model file.",
    discussion: """
      Lists the layers with their output shapes, parameters and bits; for a packed file \
      also bytes, the share of zeros and the entropy of the symbols, and where it came from. Of an HDF5 file it lists groups and arrays.

      Example:

        signum inspect net.signum
      """)

  @Argument(help: ArgumentHelp("A float network, a packed file, or an HDF5 file.", valueName: "file"))
  var file: String

  @OptionGroup var shapes: ShapeArguments

  @Flag(help: "Print one JSON object.")
  var json = false

  func run() throws {
    if ["h5", "hdf5", "keras"].contains((file as NSString).pathExtension.lowercased()) {
      return try HDF5Child.show(file, json: json)
    }
    let inspection = try shapes.given { try Inspection(of: file) }
    if json { try Console.printJSON(inspection) } else { print(inspection.table) }
  }
}
