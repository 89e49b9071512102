import Datasets
import Foundation
import Graphs
import Importers
import Tensors
import Training

extension Recipe {
  /// Whose answers a network learns beside the labels; written `self`, `none` or as the path of a model.
  public enum Teacher: Hashable, Sendable {
    /// The float network that is converted.
    case itself
    case none
    /// Another network that knows the same classes, a larger one for instance, by its file.
    case file(String)
  }
}

extension Recipe.Teacher: RawRepresentable, Codable {
  public init(rawValue: String) {
    switch rawValue {
    case "self": self = .itself
    case "none": self = .none
    default: self = .file(rawValue)
    }
  }

  public var rawValue: String {
    switch self {
    case .itself: "self"
    case .none: "none"
    case .file(let path): path
    }
  }

  /// In a sentence.
  var words: String { path.map { URL(fileURLWithPath: $0).lastPathComponent } ?? "the float network" }

  var path: String? { if case .file(let path) = self { path } else { nil } }

  /// A path that was written in a file of this folder, as the program finds it.
  func located(in folder: String) -> Self {
    guard let path, !path.isEmpty, !path.hasPrefix("/"), !folder.isEmpty else { return self }
    return .file(folder + "/" + path)
  }
}

extension Recipe {
  /// The recipe without the place of its files, as it is written down for others.
  var withoutPlaces: Recipe {
    var recipe = self
    if let path = teacher.path { recipe.teacher = .file(URL(fileURLWithPath: path).lastPathComponent) }
    return recipe
  }
}

extension SourceModel {
  /// Reads the network that is converted, and the one that teaches it where that is another. Throws `InputError` with
  /// what is wrong with both.
  static func pair(_ model: String, taughtBy teacher: Recipe.Teacher) throws -> (student: Self, other: Self?) {
    guard let path = teacher.path else { return (try SourceModel(model), nil) }
    // Open sizes are given by the names of inputs, and either network may have others.
    let (student, other) = InputShapes.$areForSeveral.withValue(true) {
      (Result { try SourceModel(model) }, Result { try SourceModel(teaching: path) })
    }
    let problems = [student, other].compactMap { result -> String? in
      if case .failure(let error) = result { "\(error)" } else { nil }
    }
    guard problems.isEmpty else { throw InputError(problems) }
    let pair = (student: try student.get(), other: try other.get())
    let names = Set((pair.student.graph.inputs + pair.other.graph.inputs).map(\.name))
    let unknown = InputShapes.given.keys.filter { !names.contains($0) }.sorted()
    guard unknown.isEmpty else {
      let known = names.sorted().joined(separator: ", ")
      throw InputError(unknown.map { "\(model): a shape is given for '\($0)', but the inputs are \(known)" })
    }
    return pair
  }

  /// Throws `InputError`, which says that it is of the teacher.
  init(teaching path: String) throws {
    do { try self.init(path) } catch {
      let isFile = Output.kind(path) != nil
      throw InputError(["teacher \(error)" + (isFile ? "" : "; a teacher is self, none or the path of a model")])
    }
  }

  /// Why this network cannot teach another on these images, in words.
  func problems(teaching student: SourceModel, on images: any Dataset) -> [String] {
    var problems = self.problems(with: images)
    if problems.isEmpty, classCount != student.classCount {
      problems.append("it knows \(classCount) classes, \(student.name) \(student.classCount)")
    }
    return problems.map { "teacher \(path): \($0)" }
  }
}

extension Converter {
  /// The files that are read as networks.
  func sources(_ model: String) -> [String] { [model] + (recipe.teacher.path.map { [$0] } ?? []) }

  /// What answers training images beside the labels, in terms of the student's normalization; nil where nothing does.
  ///
  /// Throws `InputError` where a teacher does not fit the images or the classes, or where nobody would teach.
  func teacher(
    for source: SourceModel, _ other: SourceModel?, _ images: Images, _ normalization: Normalization, _ data: String
  ) throws -> Graph? {
    if let other { return try teacher(other, for: source, images.training, normalization) }
    guard recipe.teacher == .itself || images.training.labels != nil else {
      throw InputError(["\(data): without labels a teacher is needed; leave out '--teacher none'"])
    }
    return recipe.teacher == .itself ? try FuseBatchNorm().rewrite(source.graph) : nil
  }

  private func teacher(
    _ other: SourceModel, for source: SourceModel, _ images: any Dataset, _ normalization: Normalization
  ) throws -> Graph {
    other.warnings.forEach(listener.warn)
    let problems = other.problems(teaching: source, on: images)
    guard problems.isEmpty else { throw InputError(problems) }
    let asStudent = (name: "that of \(source.name)", value: normalization)
    let found = Normalizations.detect(for: other.graph, on: images, beside: [asStudent])
    let own = found ?? asStudent
    listener.note("teacher: \(other.name), normalization: \(own.name)")
    if found == nil {
      listener.warn("teacher \(other.name): without labels its normalization is taken to be \(asStudent.name)")
    }
    if let labels = images.labels {
      let sample = images.first(Normalizations.sampleSize)
      let shares = [(other.graph, own.value), (source.graph, normalization)].map { graph, normalization in
        graph.answers(on: sample, normalization: normalization).top1(Array(labels.prefix(sample.count)))
      }
      if shares[0] < shares[1] {
        listener.warn(
          "teacher \(other.name): top-1 \(percent(shares[0])) on \(sample.count) training images, and \(source.name) "
            + "itself \(percent(shares[1]))")
      }
    }
    let channels = images.imageShape.rank == 3 ? images.imageShape[0] : 1
    let graph = try other.graph.reading(normalization, insteadOf: own.value, channels: channels)
    return try FuseBatchNorm().rewrite(graph)
  }
}

extension Graph {
  /// The same network for images that were normalised in another way than it was trained with:
  ///
  ///     x ← x · (d · s′) / (s · d′) + (m · s′ / s − m′) / d′      with scale s, mean m and deviation d, s′ … its own
  ///
  /// - Parameter channels: of an image, one behind the other, in a row too.
  package func reading(
    _ given: Normalization, insteadOf own: Normalization, channels: Int
  ) throws(ShapeError) -> Graph {
    guard given != own else { return self }
    let input = inputs[0]
    let image = input.shape.withBatch(1)
    func constant(_ value: (_ channel: Int) -> Float) -> Tensor {
      Tensor(image, scalars: (0..<image.count).map { value($0 / (image.count / channels)) })
    }
    func pick(_ values: [Float], _ channel: Int) -> Float { values[values.count == 1 ? 0 : channel] }
    let ratio = own.scale / given.scale
    let factor = constant { pick(given.deviation, $0) * ratio / pick(own.deviation, $0) }
    let shift = constant { (pick(given.mean, $0) * ratio - pick(own.mean, $0)) / pick(own.deviation, $0) }
    return try rewriting { (node, _, new) throws(ShapeError) in
      guard node.id == input.id else { return nil }
      let images = new.addInput(node.name, node.shape)
      let scaled = try new.add(
        "\(node.name).scaled", Multiply(), [images, new.addConstant("\(node.name).factor", factor)])
      return try new.add("\(node.name).normalized", Add(), [scaled, new.addConstant("\(node.name).shift", shift)])
    }
  }
}
