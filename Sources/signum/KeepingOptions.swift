import ArgumentParser
import Pipeline

/// What keeps the work of a long conversion, and writes down its course.
struct KeepingOptions: ParsableArguments {
  @Flag(help: "Go on from the checkpoint that an interrupted conversion left.")
  var resume = false

  @Flag(help: "Begin again where an interrupted conversion left a checkpoint, and replace that.")
  var restart = false

  @Option(
    help: ArgumentHelp(
      "How often the state of training is saved: 30s, 10m, 2h, 1epoch, 5epochs, or a time and epochs: 10m,1epoch.",
      valueName: "interval"))
  var checkpointEvery = CheckpointPolicy.Interval(epochs: 1)

  @Flag(help: "Keep the checkpoint when the packed file is complete.")
  var keepCheckpoint = false

  @Option(
    help: ArgumentHelp(
      "Write the course of the conversion to a file, a JSON object a line; '--resume' appends.", valueName: "file"))
  var log: String?

  func validate() throws {
    guard !(resume && restart) else { throw ValidationError("--resume and --restart exclude each other.") }
  }

  var policy: CheckpointPolicy {
    var policy = CheckpointPolicy()
    policy.start = resume ? .resume : restart ? .restart : .new
    policy.interval = checkpointEvery
    policy.keeps = keepCheckpoint
    return policy
  }
}

extension CheckpointPolicy.Interval: ExpressibleByArgument {
  public init?(argument: String) { self.init(argument) }
  public var defaultValueDescription: String { "1epoch" }
}
