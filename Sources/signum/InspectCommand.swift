import ArgumentParser
import Foundation
import Importers
import Pipeline

struct InspectCommand: ComputesNothing {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Show what is in a model file.",
    discussion: """
      Shows inputs and outputs, numbers by type, operators with their counts, layers with \
      output shapes, parameters, bits and multiply-adds, which weights can become bits and \
      why the others not; for a packed file also bytes, the share of zeros and the entropy \
      of the symbols, and where it came from. A network that cannot be imported is listed \
      all the same, with everything that stands in the way. Of an HDF5 file without \
      a network it lists groups and arrays, of an ONNX file tensors.

      With more than 64 MiB of weights a network is listed by what its file says of itself; \
      '--whole' reads the weights, too, for shapes and multiply-adds.

      Example:

        signum inspect net.signum
      """)

  @Argument(help: ArgumentHelp("A float network, a packed file, or an HDF5 file.", valueName: "file"))
  var file: String

  @OptionGroup var shapes: ShapeArguments

  @Flag(help: "Print one JSON object.")
  var json = false

  @Flag(help: "Read the weights however many they are.")
  var whole = false

  func run() throws {
    let inspection: Inspection
    do {
      inspection = try shapes.given { whole ? try Inspection(of: file, largest: .max) : try Inspection(of: file) }
    } catch {
      // Where nothing says what is computed with the arrays of a file, they are listed.
      guard HDF5Listing.canShow(file), error.isWithoutNetwork else { throw error }
      return try HDF5Listing.show(file, json: json)
    }
    if json { try Console.printJSON(inspection) } else { print(inspection.table) }
  }
}

extension Error {
  fileprivate var isWithoutNetwork: Bool {
    (self as? ImportError)?.problems.contains { if case .noNetwork = $0 { true } else { false } } ?? false
  }
}
