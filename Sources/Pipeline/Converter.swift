import Compute
import Datasets
import Exporters
import Foundation
import Graphs
import Methods
import Packed
import Tensors
import Training

/// Turns a pretrained float network into a verified network of bits.
///
///     let report = try Converter(recipe: Recipe()).convert(
///       model: "resnet20.onnx", data: "cifar10/", evaluateOn: nil, to: "resnet20.signum")
public struct Converter {
  /// Hears how the conversion goes.
  public struct Listener {
    public var note: (String) -> Void
    public var warn: (String) -> Void
    package var progress: (TrainingProgress) -> Void
    /// Once, before anything is computed.
    var began: (ConversionLog.Start) -> Void = { _ in }
    /// Once, as soon as the model and the data are known.
    var identified: (Fingerprint) -> Void = { _ in }

    public init(note: @escaping (String) -> Void = { _ in }, warn: @escaping (String) -> Void = { _ in }) {
      self.note = note
      self.warn = warn
      progress = { _ in }
    }
  }

  /// From the graph that was trained to the one that is packed.
  private static let freezing: [any Pass] = [Freeze(), SplitCeilings(), MakeThresholds(), FoldBatchNorm()]

  public let recipe: Recipe
  public var listener: Listener
  /// Whether an image that cannot be read stops the conversion. Otherwise it is left out, and the listener hears of it.
  public var isStrict = false
  /// When the state of training is saved beside the output, and whether a saved one is resumed.
  public var checkpoints = CheckpointPolicy()
  /// Where the course of the conversion is written down, a JSON object a line; nil for nowhere.
  public var log: String?

  /// Formats that the packed file is written in beside it, once it is verified; names of `exporters`.
  public var exports: [String] = []

  /// - Precondition: the recipe has no problems (`recipe.problems` is empty).
  public init(recipe: Recipe, listener: Listener = Listener()) {
    self.recipe = recipe
    self.listener = listener
  }

  /// Where the other formats of the packed file go. Throws `InputError` where there is no such format, or no place.
  func otherFiles(for model: String, _ output: String) throws -> [(name: String, path: String)] {
    try exports.map { name in
      let exporter = try Export.exporter(named: name)
      let path = Export.path(for: output, exporter)
      if path != output { try Output.check(path, sources: sources(model) + [output], as: .export(exporter)) }
      return (name: name, path: path)
    }
  }

  /// Imports, codes, fine-tunes, freezes, exports and verifies.
  ///
  /// The file is written beside and gets its name only once the verification has passed. Throws what keeps the
  /// conversion from happening, and `Interrupted` where a signal ended training; a failed verification is in the
  /// report.
  ///
  /// - Parameters:
  ///   - data: training images, with or without labels.
  ///   - evaluateOn: images to evaluate and verify on; nil takes the test part that lies with the training images.
  public func convert(
    model: String, data: String, evaluateOn: String?, to output: String
  ) throws -> ConversionReport {
    let unverified = output + ".unverified"
    try Output.check(output, sources: sources(model), suffix: ".unverified", as: .packed)
    let others = try otherFiles(for: model, output)
    let keeper = try CheckpointKeeper(for: output, checkpoints)
    let taken = sources(model) + [data, evaluateOn ?? data, output, unverified, keeper.path] + others.map(\.path)
    return try logging(apartFrom: taken) { logged in
      logged.listener.began(start(model, data, output))
      let report = try logged.convert(model, data, evaluateOn, output, keeper)
      for other in others where report.verification.passes && other.path != output {
        logged.listener.note("\(other.path): \(try Export.write(output, as: other.name, to: other.path)) bytes")
      }
      return report
    }
  }

  /// The story: every line a stage.
  private func convert(
    _ model: String, _ data: String, _ evaluateOn: String?, _ output: String, _ keeper: CheckpointKeeper
  ) throws -> ConversionReport {
    let unverified = output + ".unverified"
    let (source, other) = try SourceModel.pair(model, taughtBy: recipe.teacher)
    source.warnings.forEach(listener.warn)
    let images = try Images(training: data, evaluation: evaluateOn, source: source, self)
    try keeper.identify(as: fingerprint(of: source, other, images.training), listener)
    let normalization = try chooseNormalization(for: source, images)
    let layers = try LayerPlan(recipe, for: source.graph, named: source.name)
    let student = try attach(layers, to: source, images, normalization)
    let teacher = try teacher(for: source, other, images, normalization, data)
    let destination = Destination(path: unverified, normalization: normalization, provenance: provenance(of: source))
    try rehearse(student, destination)
    let outcome = try tune(student, teacher, images, normalization, keeper)
    let frozen = try outcome.graph.applying(Self.freezing)
    let verification = try keeper.afterTraining {
      try Output.making(unverified) {
        try PackedExporter().export(frozen, to: destination)
        // From here on hours of training are in the file: it stays, whatever comes.
        return Result { try verify(frozen, destination, on: images.evaluation, float: source.graph, output) }
      }.keeping(unverified)
    }
    if verification.passes { keeper.finish() }
    return try report(source, outcome, verification, frozen, images, keeper, verification.passes ? output : unverified)
  }

  /// Exports and loads the network as it is before training, so that what would stop it afterwards stops it now.
  @discardableResult
  func rehearse(_ student: Graph, _ destination: Destination) throws -> PackedModel {
    let frozen = try student.applying(Self.freezing)
    let model = try Lowering(frozen).model(
      normalization: destination.normalization, provenance: destination.provenance)
    _ = try PackedRunner(model)
    return model
  }

  /// Runs the bytes against the graph; where they agree, the file gets its name.
  private func verify(
    _ frozen: Graph, _ destination: Destination, on images: any Dataset, float: Graph, _ output: String
  ) throws -> VerificationReport {
    listener.note("verifying on \(images.count) images of \(images.name)")
    let packed = try PackedFile.read(destination.path)
    let report = try Verification(frozen: frozen, packed: packed, normalization: destination.normalization)
      .run(on: images, float: float)
    listener.note(report.layerTable)
    if report.passes { try Output.rename(destination.path, output) }
    return report
  }

  // MARK: The stages

  func chooseNormalization(for source: SourceModel, _ images: Images) throws -> Normalization {
    let chosen: (name: String, value: Normalization)
    if recipe.normalization != "auto" {
      guard let value = Normalizations.named(recipe.normalization) else {
        throw InputError([Normalizations.explanation(recipe.normalization)])
      }
      chosen = (recipe.normalization, value)
    } else if let found = Normalizations.detect(for: source.graph, on: images.training) {
      chosen = found
      listener.note("normalization: \(found.name), with which the float network answers best")
      if images.training.count < Normalizations.fewImages {
        listener.warn(
          "\(images.training.name): the normalization was found on \(images.training.count) images, which may be too "
            + "few; '--normalization' names it")
      }
    } else {
      throw InputError([
        "\(images.training.name): without labels the normalization cannot be found; name it with '--normalization'"
      ])
    }
    for data in [images.training, images.evaluation] { try Normalizations.check(chosen.value, chosen.name, fits: data) }
    return chosen.value
  }

  func attach(
    _ plan: LayerPlan, to source: SourceModel, _ images: Images, _ normalization: Normalization
  ) throws -> Graph {
    let restored = try RestoreBatchNorm(layers: Set(plan.coded.map(\.name))).rewrite(source.graph)
    let new = Set(restored.nodes.filter { $0.operation is BatchNorm }.map(\.name))
      .subtracting(source.graph.nodes.map(\.name))
    var graph = restored
    if !new.isEmpty {
      listener.note("batch norm put back after \(new.count) layers whose exporter had folded it")
      let batches = images.training.shuffledBatches(of: 250, seed: recipe.seed, epoch: -1)
      graph = Calibration.standardize(
        restored, norms: new, batches: Array(batches.prefix(20)), data: images.training, normalization: normalization)
    }
    listener.note(plan.summary)
    let structured = try recipe.restructured(graph, around: plan.codedLayers)
    for note in structured.notes { listener.note(note) }
    let student = try structured.graph.applying(plan.passes + [FuseBatchNorm()])
    return Calibration.measured(student, seed: recipe.seed, data: images.training, normalization: normalization)
  }

  private func tune(
    _ student: Graph, _ teacher: Graph?, _ images: Images, _ normalization: Normalization, _ keeper: CheckpointKeeper
  ) throws -> FineTuning.Outcome {
    let tuning = try tuning(student, teacher, images, normalization)
    let (training, validation) = (tuning.training, tuning.validation)
    let teaching = (training.labels == nil ? [] : ["labels"]) + (teacher == nil ? [] : [recipe.teacher.words])
    listener.note(
      "fine-tuning: \(counted(training.count, "image")), \(validation.count) set aside, "
        + "\(counted(recipe.epochs, "epoch")), taught by "
        + teaching.joined(separator: " and "))
    if !tuning.matched.isEmpty {
      listener.note("\(recipe.matching) matched after \(tuning.matched.map(\.name).joined(separator: ", "))")
    }
    return recipe.epochs == 0
      ? try tuning.run { _ in } : try keeper.keeping(listener) { try tuning.run(from: $0, watch: $1) }
  }

  /// Training as the recipe wants it. Throws `InputError` where layers are to be matched and none can be.
  func tuning(
    _ student: Graph, _ teacher: Graph?, _ images: Images, _ normalization: Normalization
  ) throws -> FineTuning {
    let (training, validation) = images.training.split(
      validation: Int(Float(images.training.count) * recipe.validation),
      seed: recipe.validationSplit == .random ? recipe.seed : nil)
    for doubt in recipe.doubts { listener.warn(doubt) }
    let settings = try recipe.resolved(for: images.training, training: training.count).settings(for: images.training)
    let shape = training.imageShape
    if let crop = recipe.crop, shape.rank == 3, crop > 0, crop >= min(shape[1], shape[2]) {
      throw InputError(["\(training.name): 'crop: \(crop)' moves images of \(shape[1]) x \(shape[2]) out of sight"])
    }
    try training.check(settings.augmentation)
    let tuning = FineTuning(
      student: student, teacher: teacher, training: training, validation: validation, normalization: normalization,
      settings: settings)
    guard settings.matching == nil || !tuning.matched.isEmpty else {
      let known = student.nodes.filter { $0.operation != nil && $0.shape.rank >= 2 }.map(\.name)
      throw InputError([
        "'matching': no layer of the teacher can be matched; name some with 'matching-layers' (nodes: "
          + known.joined(separator: ", ") + ")"
      ])
    }
    return tuning
  }

  func provenance(of source: SourceModel) -> PackedModel.Provenance {
    PackedModel.Provenance(
      source: source.name, sourceHash: source.hash, recipe: recipe.withoutPlaces.json, seed: recipe.seed,
      tool: Signum.version, threads: Processor.threadCount)
  }
}

extension Result {
  /// The value; a failure says that the file is kept.
  fileprivate func keeping(_ path: String) throws -> Success {
    do { return try get() } catch {
      throw InputError(["\(error)", "\(path): is kept: it is trained, but not verified"])
    }
  }
}

/// The version of this tool.
public enum Signum {
  public static let version = "0.1.0"
}
