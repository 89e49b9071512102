import ArgumentParser
import Pipeline

/// What `evaluate` and `verify` may say of their images.
struct ImageArguments: ParsableArguments {
  @Option(parsing: .unconditional, help: ArgumentHelp("How many images at most.", valueName: "count"))
  var limit: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Shorter side of an image in a file of its own before its middle is cut out. "
        + "Default: what the packed file was made with, or what covers the network's input.", valueName: "pixels"))
  var resize: Int?

  @Flag(help: "Refuse data of which an image cannot be read, instead of leaving that image out.")
  var strict = false

  func validate() throws {
    if let limit, limit < 1 { throw ValidationError("--limit must be at least 1.") }
    if let resize, resize < 1 { throw ValidationError("--resize must be at least 1.") }
  }

  var options: ImageOptions {
    ImageOptions(limit: limit, resize: resize, isStrict: strict) { Console.log.warning("\($0)") }
  }
}
