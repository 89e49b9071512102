import ArgumentParser
import Pipeline

struct ExportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Write a packed file in another format.",
    discussion: """
      The formats are those of 'signum list exporters'. The weights stay bits: an ONNX \
      file computes what the packed file computes, and is larger, small ones by most.

      Example:

        signum export net.signum --format onnx -o net.packed.onnx
      """)

  @Argument(help: ArgumentHelp("The packed file.", valueName: "packed"))
  var packed: String

  @Option(help: ArgumentHelp("See 'signum list exporters'.", valueName: "name"))
  var format: String

  @Option(
    name: [.short, .long],
    help: ArgumentHelp(
      "The file to write. Default: beside the packed file, named after the format.", valueName: "file"))
  var output: String?

  func validate() throws {
    if let unknown = Export.problem(format) { throw ValidationError("--format: \(unknown)") }
  }

  func run() throws {
    let path = try output ?? Export.path(for: packed, Export.exporter(named: format))
    let size = try Export.write(packed, as: format, to: path)
    Console.log.info("\(path): \(size) bytes")
  }
}
