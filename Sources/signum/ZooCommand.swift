import ArgumentParser
import Foundation
import Pipeline

struct ZooCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "zoo",
    abstract: "Convert many networks by many recipes, and put what came of it in one table.",
    discussion: """
      A zoo is a YAML file. Every model is converted by every recipe, each in a process of \
      its own; paths are relative to the file:

        models:
          resnet20: {file: resnet20.onnx, data: cifar10/}
          lenet: {file: lenet.onnx, data: mnist/, recipes: [best-15-epochs]}
        recipes:
          - best-15-epochs
          - mine.yaml
        exports: [packed]
        set: {epochs: 20}
        overrides:
          - {model: lenet, recipe: "*", set: {epochs: 5, seed: 2}}

      Recipes may have names of their own: 'mine: {recipe: mine.yaml, set: {seed: 2}}'. \
      'set' lays keys over every recipe, then a recipe's own 'set', then the overrides that \
      match, the last one last.

      The results lie in a folder named as the file: a folder for each job with the packed \
      file, the log, the messages and the checkpoint, and ledger.sqlite. What is done and \
      depends on nothing that has changed is not done again: the bytes of the model and of a \
      teacher, the images, the recipe, the version of signum.

      Examples:

        signum zoo run zoo.yaml --jobs 2
        signum zoo status zoo.yaml
        signum zoo report zoo.yaml --format csv > zoo.csv
      """,
    subcommands: [Run.self, Status.self, Report.self])

  /// Where the results of a zoo lie.
  struct Place: ParsableArguments {
    @Argument(help: ArgumentHelp("The zoo's YAML file, or the folder of its results.", valueName: "zoo"))
    var zoo: String

    func folder() throws -> String { try ZooLedger.folder(of: zoo) }
  }

  struct Run: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "run",
      abstract: "Do every job that is not done yet.",
      discussion: """
        One job that fails does not stop the rest. SIGINT and SIGTERM let the conversions save \
        their state; the same command goes on. The table of 'signum zoo report' is printed at \
        the end.

        Exit codes: 0 all jobs done and verified, 1 a job failed or, with '--dry-run', cannot \
        be done, 2 a verification failed.

        Examples:

          signum zoo run zoo.yaml --dry-run
          signum zoo run zoo.yaml --jobs 2
        """)

    @Argument(help: ArgumentHelp("The zoo's YAML file.", valueName: "zoo"))
    var zoo: String

    @Option(
      name: [.short, .long],
      help: ArgumentHelp("Where the results go. Default: a folder named as the file.", valueName: "folder"))
    var output: String?

    @Option(
      parsing: .unconditional,
      help: ArgumentHelp("How many jobs run at once; the threads are divided among them.", valueName: "count"))
    var jobs = 1

    @Flag(help: "Say what would be done and what cannot be, and do nothing.")
    var dryRun = false

    @Flag(help: "Print the table as one JSON object.")
    var json = false

    func validate() throws {
      guard (1...1024).contains(jobs) else { throw ValidationError("--jobs must be from 1 to 1024.") }
    }

    func run() throws {
      let file = try ZooFile(zoo)
      let folder = output ?? ZooFile.resultsFolder(of: zoo)
      guard !dryRun else {
        let outline = try ZooRun.outline(file, in: folder)
        if json { try Console.printJSON(outline) } else { print(outline.table) }
        guard outline.problems.isEmpty else { throw InputError(outline.problems) }
        return
      }
      let results = try ZooRun.run(file, in: folder, atOnce: jobs) { line in
        Console.log.info("\(line)")
      }
      print(ZooTable(results).text(json ? .json : .markdown), terminator: "")
      let failures = results.filter { $0.state == .failed }.map { job in
        (job.message ?? "failed").split(separator: "\n").map { "\(job.name): \($0)" }.joined(separator: "\n")
      }
      let unverified = results.filter { $0.state == .unverified }.map { "\($0.name): the verification failed" }
      guard unverified.isEmpty else {
        throw VerificationFailed(description: (failures + unverified).joined(separator: "\n"))
      }
      let open = results.filter { ![.done, .failed, .unverified].contains($0.state) }.map {
        "\($0.name): \($0.state.rawValue): the same command goes on"
      }
      guard failures.isEmpty && open.isEmpty else { throw InputError(failures + open) }
    }
  }

  struct Status: ComputesNothing {
    static let configuration = CommandConfiguration(
      commandName: "status",
      abstract: "Say how far each job has come, and how long the rest takes.",
      discussion: """
        Example:

          signum zoo status zoo.yaml
        """)

    @OptionGroup var place: Place

    @Flag(help: "Print one JSON object.")
    var json = false

    func run() throws {
      let status = try ZooStatus(place.folder())
      if json { try Console.printJSON(status) } else { print(status.table) }
    }
  }

  struct Report: ComputesNothing {
    static let configuration = CommandConfiguration(
      commandName: "report",
      abstract: "Print one table of all results.",
      discussion: """
        The figures are those that each conversion measured and wrote down. W/A bits are the \
        mean of the coded layers' weights, and what these layers read; zeros are the share of these weights \
        that are 0; top-1 is on the images that the model is evaluated on.

        Example:

          signum zoo report zoo.yaml --format csv > zoo.csv
        """)

    @OptionGroup var place: Place

    @Option(help: "How the table is written.")
    var format = ZooTable.Format.markdown

    @Flag(help: "The same as --format json.")
    var json = false

    func run() throws {
      let jobs = try ZooLedger.existing(place.folder()).jobs()
      print(ZooTable(jobs).text(json ? .json : format), terminator: "")
    }
  }
}

extension ZooTable.Format: ExpressibleByArgument {}
