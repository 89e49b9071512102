import Compute
import Datasets
import Foundation
import Graphs
import Packed
import Training

/// What a conversion writes down about itself.
extension Converter {
  /// What must be the same for an interrupted conversion to go on, and what its last bits depend on.
  func fingerprint(of source: SourceModel, _ teacher: SourceModel?, _ training: any Dataset) -> Fingerprint {
    var identity = ["model": source.hash, "training images": "\(training.count), hash \(training.contentHash)"]
    identity["teacher"] = teacher?.hash
    for (key, value) in recipe.withoutPlaces.flattened { identity["recipe \(key)"] = value }
    return Fingerprint(
      identity: identity,
      circumstances: [
        "signum": Signum.version, "oneDNN": Processor.oneDNNVersion, "threads": "\(Processor.threadCount)",
        "processor": InstructionSet.processorFeatures.joined(separator: "; "),
      ])
  }

  func start(_ model: String, _ data: String, _ output: String) -> ConversionLog.Start {
    ConversionLog.Start(
      command: ProcessInfo.processInfo.arguments, model: model, data: data, output: output,
      versions: ["signum": Signum.version, "oneDNN": Processor.oneDNNVersion],
      processor: InstructionSet.processorFeatures, threads: Processor.threadCount, recipe: recipe,
      resumes: checkpoints.start == .resume)
  }

  /// Does the work with a log of it, where one is wanted.
  func logging(
    apartFrom others: [String], _ work: (Converter) throws -> ConversionReport
  ) throws -> ConversionReport {
    guard let log else { return try work(self) }
    let file = try ConversionLog(log, appends: checkpoints.start == .resume, others: others, warn: listener.warn)
    var logged = self
    logged.listener = file.hearing(listener)
    do {
      let report = try work(logged)
      file.end(report)
      return report
    } catch {
      file.end(error)
      throw error
    }
  }

  func report(
    _ source: SourceModel, _ outcome: FineTuning.Outcome, _ verification: VerificationReport, _ frozen: Graph,
    _ images: Images, _ keeper: CheckpointKeeper, _ path: String
  ) throws -> ConversionReport {
    ConversionReport(
      model: source.name, output: path, method: recipe.method, layersCoded: frozen.codedCount,
      floatBytes: source.bytes, packedBytes: Output.size(path), recalibrated: outcome.isRecalibrated,
      evaluatedOn: images.evaluation.name,
      history: outcome.history.map { .init(loss: $0.loss, top1: $0.top1, validationTop1: $0.validationTop1) },
      warnings: outcome.collapses.map(\.description), threads: Processor.threadCount,
      resumed: keeper.resumed.map { .init(epochs: $0.epoch, steps: $0.step) },
      checkpoint: keeper.remaining, verification: verification,
      layers: LayerReport.layers(of: frozen, in: try PackedFile.read(path), from: source.graph))
  }
}

extension Recipe {
  /// Every key with its value as text; keys within keys with a dot between them.
  var flattened: [String: String] {
    guard let value = try? JSONSerialization.jsonObject(with: Data(json.utf8)) else {
      preconditionFailure("a recipe is JSON")
    }
    var result: [String: String] = [:]
    func add(_ key: String, _ value: Any) {
      switch value {
      case let object as [String: Any]:
        for (inner, value) in object { add(key.isEmpty ? inner : "\(key).\(inner)", value) }
      case let list as [Any]:
        for (index, value) in list.enumerated() { add("\(key).\(index)", value) }
      default: result[key] = "\(value)"
      }
    }
    add("", value)
    return result
  }
}

extension Graph {
  fileprivate var codedCount: Int { nodes.count { if case .constant(.coded) = $0.content { true } else { false } } }
}
