import ArgumentParser
import Foundation
import Pipeline

struct ReportCommand: ComputesNothing {
  static let configuration = CommandConfiguration(
    commandName: "report",
    abstract: "Draw what conversions came to, as one HTML page.",
    discussion: """
      Takes what 'convert --log' wrote, of conversions that are done or under way, and \
      whole zoos. The page needs nothing but itself: loss and top-1 by epoch, what became of \
      each layer, sizes, and accuracy against size over all runs.

      Examples:

        signum report resnet20.jsonl -o resnet20.html
        signum report zoo.yaml -o zoo.html
      """)

  @Argument(help: ArgumentHelp("Logs of conversions; zoos, by their YAML file or folder.", valueName: "run"))
  var runs: [String]

  @Option(name: [.short, .long], help: ArgumentHelp("The page to write.", valueName: "file"))
  var output: String

  func run() throws {
    try Page.write(try Page(of: runs), to: output, sources: runs)
  }
}
