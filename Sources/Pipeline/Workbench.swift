import Datasets
import Exporters
import Foundation
import Graphs
import Importers
import Methods
import Packed
import Tensors
import Training

/// A model file of either kind: a float network, or a packed one.
package enum AnyModel {
  case float(SourceModel)
  case packed(PackedModel, path: String)

  /// Opens a file by its extension. Throws what the importer or the packed reader says.
  package init(_ path: String) throws {
    try Self.requireKnownExtension(path)
    self = Self.isPacked(path) ? .packed(try Self.packed(path), path: path) : .float(try SourceModel(path))
  }

  static var packedExtension: String { PackedExporter.fileExtension }

  /// Whether a file is packed, by its name.
  static func isPacked(_ path: String) -> Bool {
    (path as NSString).pathExtension.lowercased() == PackedExporter.fileExtension
  }

  /// Reads a packed file. Throws what the packed reader says, and `InputError` for what is no such file.
  static func packed(_ path: String) throws -> PackedModel {
    try requirePackedFile(path)
    do { return try PackedFile.read(path) } catch { throw explained(error, path) }
  }

  /// Throws `InputError` for what is no file, or not named as a packed one.
  static func requirePackedFile(_ path: String) throws {
    guard isPacked(path) else {
      throw InputError(["\(path): is not named as a packed file; '.\(PackedExporter.fileExtension)' is wanted here"])
    }
    switch Output.kind(path) {
    case nil: throw InputError(["\(path): no such file"])
    case S_IFREG: return
    case S_IFDIR: throw InputError(["\(path): is a folder; a file is wanted"])
    default: throw InputError(["\(path): is not a regular file"])
    }
  }
}

extension AnyModel {
  /// The same error, in the words of someone who took the file for a network.
  static func explained(_ error: any Error, _ path: String) -> any Error {
    switch error {
    case PackedFileError.inFile(_, .headerTooLong): InputError(["\(path): is not a packed file"])
    case PackedFileError.inFile(_, .unsupportedFormat(WeightsFile.format)):
      InputError(["\(path): holds weights without a network; 'signum inspect' lists them"])
    default: error
    }
  }
}

/// What a network answers on a dataset, and how fast.
public struct EvaluationReport: Codable, Hashable, Sendable {
  public var model: String
  public var data: String
  public var images: Int
  /// Share of right answers, from 0 to 1.
  public var top1: Float
  public var imagesPerSecond: Double
  /// How bytes became the input, in words.
  public var normalization: String
}

/// What a command says of the images that it takes.
package struct ImageOptions {
  /// How many at most; nil takes all.
  package var limit: Int?
  /// The shorter side of an image in a file of its own before its middle is cut out; nil takes what the packed file
  /// says, or the least that covers the network's input.
  package var resize: Int?
  /// Whether an image that cannot be read is refused rather than left out.
  package var isStrict: Bool
  package var warn: (String) -> Void

  package init(
    limit: Int? = nil, resize: Int? = nil, isStrict: Bool = false, warn: @escaping (String) -> Void = { _ in }
  ) {
    self.limit = limit
    self.resize = resize
    self.isStrict = isStrict
    self.warn = warn
  }

  func open(_ path: String, _ request: DatasetRequest) throws(DatasetError) -> any Dataset {
    var request = request
    (request.limit, request.isStrict, request.warn) = (limit, isStrict, warn)
    request.resize = resize ?? request.resize
    return try DatasetFinder.open(path, request)
  }
}

package enum Workbench {
  /// Evaluates a model on labelled images.
  package static func evaluate(
    _ path: String, data: String, normalization: String, _ options: ImageOptions = ImageOptions()
  ) throws -> EvaluationReport {
    let model = try AnyModel(path)
    if case .float(let source) = model { source.warnings.forEach(options.warn) }
    let images = try options.open(data, model.request(.test))
    guard images.labels != nil else { throw InputError(["\(data): there are no labels to compare with"]) }
    let runner = try runner(of: model, on: images)
    let classes =
      switch model {
      case .float(let source): source.classCount
      case .packed: runner?.shapes.values.last?.reduce(1, *) ?? 0
      }
    if let warning = Images.warning(ofClasses: images, for: path, classes) { options.warn(warning) }
    // Choices are made on training images where there are some, so that the figure stays one of unseen images.
    let (name, chosen) = try self.normalization(normalization, model) { trainingSample(data, model, options) ?? images }
    if let chosen { try Normalizations.check(chosen, name, fits: images) }
    let start = ContinuousClock.now
    let answers: Answers
    switch model {
    case .float(let source):
      let graph = try FuseBatchNorm().rewrite(source.graph)
      answers = graph.answers(on: images, normalization: chosen)
    case .packed: answers = try self.answers(runner!, images, chosen)
    }
    let seconds = start.duration(to: .now) / .seconds(1)
    return EvaluationReport(
      model: path, data: images.name, images: images.count, top1: answers.top1(images.labels!),
      imagesPerSecond: Double(images.count) / max(seconds, 1e-9), normalization: name)
  }

  /// What runs a packed model; nil for a float network. Throws `InputError` where the images do not fit the model.
  private static func runner(of model: AnyModel, on images: any Dataset) throws -> PackedRunner? {
    switch model {
    case .float(let source):
      try refuse(source.problems(with: images))
      return nil
    case .packed(let packed, _):
      let runner = try PackedRunner(packed)
      try refuse(problems(packed, images, classes: runner.shapes.values.last?.reduce(1, *) ?? 0))
      return runner
    }
  }

  /// As many training images as choices are made on; nil where there are none, or they cannot be read.
  private static func trainingSample(_ data: String, _ model: AnyModel, _ options: ImageOptions) -> (any Dataset)? {
    var options = options
    (options.limit, options.isStrict, options.warn) = (Normalizations.sampleSize, false, { _ in })
    return try? options.open(data, model.request(.train))
  }

  private static func normalization(
    _ wanted: String, _ model: AnyModel, _ images: () -> any Dataset
  ) throws -> (String, Normalization?) {
    if wanted != "auto" {
      guard let value = Normalizations.named(wanted) else { throw InputError([Normalizations.explanation(wanted)]) }
      return (wanted, value)
    }
    switch model {
    case .packed(let packed, _): return ("from the packed file", packed.input.normalization)
    case .float(let source):
      let images = images()
      guard source.problems(with: images).isEmpty,
        let found = Normalizations.detect(for: source.graph, on: images)
      else { return ("none", nil) }
      return ("\(found.name), with which the network answers best on the first images", found.value)
    }
  }

  private static func answers(
    _ runner: PackedRunner, _ images: any Dataset, _ normalization: Normalization?
  ) throws -> Answers {
    var answers = Answers(classes: [])
    for batch in BatchLoader(images, batches: images.orderedBatches(of: 500), normalization: normalization) {
      let input = batch.images.reshapedIfNeeded([batch.images.shape[0]] + runner.model.input.shape)
      answers.classes += try runner.run(input).flattenedToRows().largestColumns
    }
    return answers
  }

  static func refuse(_ problems: [String]) throws {
    guard problems.isEmpty else { throw InputError(problems) }
  }

  /// What a packed model has that a dataset does not fit.
  static func problems(_ model: PackedModel, _ data: any Dataset, classes: Int) -> [String] {
    let wanted = model.input.shape
    guard wanted == data.imageShape.dimensions || (wanted.count == 1 && wanted[0] == data.imageShape.count) else {
      return ["\(data.name): the images are \(data.imageShape), but the packed model wants \(Shape(wanted))"]
    }
    guard data.count > 0 else { return ["\(data.name): there are no images"] }
    guard data.labels != nil else { return [] }
    do { try data.checkLabels(classCount: classes) } catch { return ["\(error)"] }
    return []
  }

  /// Compares a packed file with what oneDNN makes of it, and with the float network it came from.
  package static func verify(
    _ path: String, against model: String, data: String, _ options: ImageOptions = ImageOptions()
  ) throws -> VerificationReport {
    let packed = try AnyModel.packed(path)
    let source = try SourceModel(model)
    source.warnings.forEach(options.warn)
    let images = try options.open(data, packed.request(.test))
    let classes = try PackedShapes(of: packed).values.last?.reduce(1, *) ?? 0
    try refuse(problems(packed, images, classes: classes) + source.problems(with: images))
    if let normalization = packed.input.normalization { try Normalizations.check(normalization, path, fits: images) }
    let frozen: Graph
    do { frozen = try Raising(packed, source: path).raised() } catch { throw InputError(["\(path): \(error)"]) }
    guard classes == source.classCount else {
      throw InputError(["\(path): has \(classes) outputs, but \(model) has \(source.classCount)"])
    }
    guard packed.provenance.sourceHash == source.hash else {
      let origin = packed.provenance.source
      throw InputError([
        "\(path): was not made from \(model) but from "
          + (origin == source.name ? "another file of that name" : origin)
      ])
    }
    if let warning = Images.warning(ofClasses: images, for: model, classes) { options.warn(warning) }
    var report = try Verification(frozen: frozen, packed: packed, normalization: packed.input.normalization)
      .run(on: images, float: source.graph)
    report.reference = .file
    return report
  }

  /// Runs a model on a tensor from a NumPy file, as it is, and writes what comes out. The shape of the output.
  package static func run(_ path: String, input: String, output: String) throws -> Shape {
    try Output.check(output, sources: [path, input], as: .array)
    let model = try AnyModel(path)
    let x = try NumPyFile.read(input)
    let y: Tensor
    switch model {
    case .float(let source):
      let graph = source.graph
      guard graph.inputs.count == 1, graph.outputs.count == 1 else {
        throw InputError([
          "\(path): one input and one output are wanted, not \(graph.inputs.count) and \(graph.outputs.count)"
        ])
      }
      try check(x, input, fits: graph.inputs[0].name, Array(graph.inputs[0].shape.dimensions.dropFirst()), path)
      do { _ = try graph.withBatch(x.shape[0]) } catch {
        throw InputError(["\(path): \(error), for the batch of \(input)"])
      }
      y = graph(x)
    case .packed(let packed, _):
      try check(x, input, fits: packed.input.name, packed.input.shape, path)
      y = try PackedRunner(packed).run(x)
    }
    try NumPyFile.write(y, to: output)
    return y.shape
  }

  private static func check(_ x: Tensor, _ file: String, fits input: String, _ wanted: [Int], _ model: String) throws {
    guard x.shape.rank > 0, x.shape[0] > 0, Array(x.shape.dimensions.dropFirst()) == wanted else {
      let words = (["batch"] + wanted.map(String.init)).joined(separator: ", ")
      throw InputError(["\(file): has the shape \(x.shape), but '\(input)' of \(model) wants [\(words)]"])
    }
  }
}

extension Tensor {
  fileprivate func reshapedIfNeeded(_ dimensions: [Int]) -> Tensor {
    shape.dimensions == dimensions ? self : reshaped(Shape(dimensions))
  }
}
