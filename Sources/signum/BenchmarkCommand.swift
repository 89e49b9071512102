import ArgumentParser
import Compute
import Foundation
import Graphs
import Methods
import Pipeline
import Training

struct BenchmarkCommand: ParsableCommand {
  struct Report: Encodable {
    var model: String
    var method: String
    var batch: Int
    var threads: Int
    var bestImagesPerSecond: Double
    var medianImagesPerSecond: Double
  }

  static let configuration = CommandConfiguration(
    commandName: "benchmark",
    abstract: "Time training steps: forward, backward and update.",
    discussion: """
      Trains on noise and throws the weights away. OMP_NUM_THREADS sets the threads. Time it on a machine that does
      nothing else; 'make benchmark-training' runs PyTorch in turn with it.

      Example:

        signum benchmark fixtures/demo/fashion_resnet8.onnx --method information-retention
      """)

  @Argument(help: ArgumentHelp("A float network.", valueName: "model"))
  var model: String

  @Option(help: "A method to put on the inner layers; without it the step is a float one.")
  var method: String?

  @Option(help: "Images a step.")
  var batch = 128

  @Option(help: "Steps that are timed, after 3 that are not.")
  var steps = 20

  @Flag(help: "Print one JSON object.")
  var json = false

  func validate() throws {
    if batch < 1 || steps < 1 { throw ValidationError("--batch and --steps must be at least 1.") }
  }

  func run() throws {
    let source = try SourceModel(model)
    guard source.graph.inputs.count == 1, source.graph.outputs.count == 1 else {
      throw InputError(["\(model): one input and one output are wanted"])
    }
    var graph = source.graph
    if let method {
      let (name, options) = try MethodArgument.parse(method)
      let layers = Set(graph.weightLayers.map(\.name).dropFirst().dropLast())
      graph = try AttachMethod(makeMethod(named: name, options: options), layers: layers).rewrite(graph)
    }
    let timing = StepTiming(of: try FuseBatchNorm().rewrite(graph), batch: batch, steps: steps)
    let report = Report(
      model: model, method: method ?? "float", batch: batch, threads: Processor.threadCount,
      bestImagesPerSecond: timing.bestImagesPerSecond, medianImagesPerSecond: timing.medianImagesPerSecond)
    if json { return try Console.printJSON(report) }
    let (best, median) = (Int(report.bestImagesPerSecond), Int(report.medianImagesPerSecond))
    print("\(report.method): \(best) images/s at best, \(median) in the median")
    print("batch \(batch), \(report.threads) threads, \(steps) steps")
  }
}
