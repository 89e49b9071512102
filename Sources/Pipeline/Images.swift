import Datasets
import Foundation
import Graphs
import Packed
import Tensors

/// The images of a conversion, compared with the network and with each other.
struct Images {
  let training: any Dataset
  let evaluation: any Dataset

  /// Opens both parts. Throws what cannot be opened, and `InputError` with everything that the network cannot take.
  ///
  /// - Parameter evaluation: nil takes the test part that lies with the training images.
  init(training path: String, evaluation: String?, source: SourceModel, _ converter: Converter) throws {
    let (recipe, listener) = (converter.recipe, converter.listener)
    var request = source.request(.train)
    (request.resize, request.isStrict, request.warn) = (recipe.resize, converter.isStrict, listener.warn)
    var trainingRequest = request
    (trainingRequest.limit, trainingRequest.limitSeed) = (recipe.limit, recipe.seed)
    training = try DatasetFinder.open(path, trainingRequest)
    var problems = source.problems(with: training)
    request.split = .test
    let found = Result { () throws(DatasetError) in try DatasetFinder.open(evaluation ?? path, request) }
    switch found {
    case .success(let images): self.evaluation = images
    case .failure(.noPart) where evaluation == nil, .failure(.nothingKnown) where evaluation == nil:
      listener.warn(Self.noTestImages(path))
      self.evaluation = training
      try Workbench.refuse(problems)
      warn(ofClasses: source, listener)
      return
    case .failure(let error): throw error
    }
    problems += source.problems(with: self.evaluation).filter { !problems.contains($0) }
    problems += classProblems
    try Workbench.refuse(problems)
    warn(ofClasses: source, listener)
    warnOfOverlap(listener)
  }

  private static func noTestImages(_ path: String) -> String {
    "\(path): there are no test images with it; the figures below are of training images"
  }

  /// Two parts that were not numbered together would be compared by numbers that mean different classes.
  private var classProblems: [String] {
    guard let one = training.classCount, let other = evaluation.classCount, one != other else { return [] }
    return ["\(evaluation.name): has \(other) classes, but \(training.name) has \(one)"]
  }

  private func warn(ofClasses source: SourceModel, _ listener: Converter.Listener) {
    if let warning = Self.warning(ofClasses: training, for: source.name, source.classCount) { listener.warn(warning) }
  }

  /// Fewer classes than a network tells apart may be other ones than its first; nil where there is nothing to say.
  static func warning(ofClasses data: any Dataset, for model: String, _ classes: Int) -> String? {
    guard let count = data.classCount, count < classes else { return nil }
    return "\(data.name): has \(count) classes, but \(model) tells \(classes) apart; "
      + "the labels are taken for its first \(count)"
  }

  private func warnOfOverlap(_ listener: Converter.Listener) {
    let shared = evaluation.overlap(with: training)
    guard shared > 0 else { return }
    if shared == evaluation.count, shared == training.count, evaluation.name == training.name {
      return listener.warn(Self.noTestImages(training.name))
    }
    listener.warn(
      "\(evaluation.name): \(shared) of the \(evaluation.count) test images are also training images; "
        + "accuracy on them says little")
  }
}

extension SourceModel {
  /// What this network wants of a dataset.
  func request(_ split: Split) -> DatasetRequest {
    var request = DatasetRequest(split)
    // A network with more inputs is refused in words of its own.
    request.imageShape = graph.inputs.first.map { Shape(Array($0.shape.dimensions.dropFirst())) }
    return request
  }
}

extension AnyModel {
  /// What this model wants of a dataset, and how its images were made, where a packed file says so.
  func request(_ split: Split) -> DatasetRequest {
    switch self {
    case .float(let source): source.request(split)
    case .packed(let model, _): model.request(split)
    }
  }
}

extension PackedModel {
  func request(_ split: Split) -> DatasetRequest {
    var request = DatasetRequest(split)
    request.imageShape = Shape(input.shape)
    let recipe = try? JSONSerialization.jsonObject(with: Data(provenance.recipe.utf8)) as? [String: Any]
    request.resize = recipe?["resize"] as? Int
    return request
  }
}
