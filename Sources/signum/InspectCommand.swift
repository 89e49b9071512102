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
      also bytes, the share of zeros and the entropy of the symbols, and where it came from. Of an HDF5 file without a network it lists groups and arrays.

      Example:

        signum inspect net.signum
      """)

  @Argument(help: ArgumentHelp("A float network, a packed file, or an HDF5 file.", valueName: "file"))
  var file: String

  @Flag(help: "Print one JSON object.")
  var json = false

  func run() throws {
    let inspection: Inspection
    do { inspection = try Inspection(of: file) } catch {
      // Where nothing says what is computed with the arrays of a file, they are listed.
      guard HDF5Child.canShow(file), error.isWithoutNetwork else { throw error }
      return try HDF5Child.show(file, json: json)
    }
    if json { try Console.printJSON(inspection) } else { print(inspection.table) }
  }
}

extension Error {
  fileprivate var isWithoutNetwork: Bool {
    (self as? ImportError)?.problems.contains { if case .noNetwork = $0 { true } else { false } } ?? false
  }
}
