import ArgumentParser
import Compute
import Foundation
import Graphs
import Methods
import Pipeline
import Training
import Workloads

struct TrainingBenchmarkCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "training",
    abstract: "Time training steps: forward, backward and update.",
    discussion: """
      Trains networks that are built in, or ONNX files, on noise, and throws the weights \
      away: as float, and with each method on the layers between the first and the last. \
      Prints images a second, the share of the multiply-adds that this machine can do at \
      most, which is measured first, the milliseconds of each kind of operator, and the \
      most memory that was resident. One network and one method a run say most exactly \
      what memory a step takes.

      Networks:

      \(workloads.map { "  \($0.name.padding(toLength: 12, withPad: " ", startingAt: 0)) \($0.summary)" }
        .joined(separator: "\n"))

      Examples:

        signum benchmark training
        signum benchmark training resnet20 mlp --methods none --threads 1
        signum benchmark training net.onnx --methods xnor
      """)

  @Argument(
    help: ArgumentHelp("Networks by name, or ONNX files. Default: all that are built in.", valueName: "network"))
  var networks: [String] = []

  @Option(
    name: [.long, .customLong("method")], parsing: .upToNextOption,
    help: ArgumentHelp("'all', 'none', or methods with options: NAME[:option=value,…].", valueName: "name"))
  var methods = ["all"]

  @Option(help: "Threads. Default: OMP_NUM_THREADS, or one a processor.")
  var threads: Int?

  @Option(help: "Images a step. Default: as the network says, 128 for files.")
  var batch: Int?

  @Option(help: "Steps that are timed, after 3 that are not.")
  var steps = 20

  @Flag(help: "Print one JSON object.")
  var json = false

  func validate() throws {
    if (batch ?? 1) < 1 || steps < 1 { throw ValidationError("--batch and --steps must be at least 1.") }
    if let threads, !(1...1024).contains(threads) { throw ValidationError("--threads must be from 1 to 1024.") }
    if methods.count > 1, !Set(methods).isDisjoint(with: ["all", "none"]) {
      throw ValidationError("'all' and 'none' stand alone: --methods all|none|NAME …")
    }
  }

  func run() throws {
    if let threads { Processor.threadCount = threads }
    let memory = ResidentMemory.peak
    let jobs = try jobs()
    let peak = Processor.measurePeak()
    var report = TrainingBenchmarkReport(
      version: Signum.version, threads: Processor.threadCount, peakMultiplyAddsPerSecond: peak, steps: steps,
      memoryBeforeBytes: memory)
    if !json { print(report.heading) }
    for job in jobs {
      let timing = StepTiming(of: job.graph, batch: job.batch, steps: steps)
      let result = TrainingBenchmarkReport.Result(
        network: job.network, method: job.method, timing, multiplyAdds: job.graph.multiplyAddsOfTraining, peak: peak)
      report.results.append(result)
      if !json { print(result.text) }
    }
    if json { try Console.printJSON(report) }
  }

  private struct Job {
    var network: String
    var method: String
    var graph: Graph
    var batch: Int
  }

  /// Everything that can be wrong is said before the first step runs.
  private func jobs() throws -> [Job] {
    let codings = try codings()
    let names = networks.isEmpty ? workloads.map(\.name) : networks
    return try names.flatMap { name in
      let (graph, batch) = try network(name)
      let layers = Set(graph.weightLayers.map(\.name).dropFirst().dropLast())
      return try codings.map { coding in
        let coded = try coding.method.map { try AttachMethod($0, layers: layers).rewrite(graph) } ?? graph
        return Job(
          network: name, method: coding.name, graph: try FuseBatchNorm().rewrite(coded), batch: self.batch ?? batch)
      }
    }
  }

  private func codings() throws -> [(name: String, method: (any Method)?)] {
    let float: (String, (any Method)?) = ("float", nil)
    if methods == ["none"] { return [float] }
    let names = methods == ["all"] ? Methods.methods.map { $0.name } : methods
    return try [float]
      + names.map { text in
        let (name, options) = try MethodArgument.parse(text, of: "--method")
        return (text, try makeMethod(named: name, options: options))
      }
  }

  private func network(_ name: String) throws -> (Graph, batch: Int) {
    if let workload = workloads.first(where: { $0.name == name }) { return (try workload.graph(), workload.batch) }
    guard name.contains(".") || name.contains("/") else {
      let known = workloads.map(\.name).joined(separator: ", ")
      throw InputError(["\(name): neither a file nor one of the networks \(known)"])
    }
    let source = try SourceModel(name)
    guard source.graph.inputs.count == 1, source.graph.outputs.count == 1 else {
      throw InputError(["\(name): one input and one output are wanted"])
    }
    return (source.graph, 128)
  }
}
