import ArgumentParser
import Exporters
import Importers
import Tensors

/// The sizes that a float network leaves open.
struct ShapeArguments: ParsableArguments {
  @Option(
    name: .customLong("shape"),
    help: ArgumentHelp(
      "The shape of an input whose size the float network leaves open, batch first: image=1x3x224x224.",
      valueName: "input"))
  var shapes: [GivenShape] = []

  func validate() throws {
    guard Set(shapes.map(\.name)).count == shapes.count else {
      throw ValidationError("--shape names an input twice.")
    }
  }

  /// Throws where shapes are given for a packed file, whose sizes are not open.
  func refuse(for file: String) throws {
    guard !shapes.isEmpty, file.lowercased().hasSuffix(".\(PackedExporter.fileExtension)") else { return }
    throw ValidationError("--shape: \(file) is a packed file, whose sizes are not open; leave it out.")
  }

  /// Does something with these shapes for every model that it imports.
  func given<Result>(_ work: () throws -> Result) rethrows -> Result {
    let shapes = Dictionary(shapes.map { ($0.name, $0.shape) }) { $1 }
    return try InputShapes.$given.withValue(shapes, operation: work)
  }
}

/// `name=1x3x224x224`
struct GivenShape: ExpressibleByArgument {
  var name: String
  var shape: Shape

  init?(argument: String) {
    guard let (name, shape) = InputShapes.parsed(argument) else { return nil }
    self.name = name
    self.shape = shape
  }
}
