import Foundation
import Methods
import Training

/// How a network becomes bits: the method, and how it is fine-tuned.
///
/// A recipe is a YAML file; what it leaves out keeps its default, and a key that does not exist is refused. Every key
/// stands in `Recipe.settings`, with what it means.
///
///     method: information-retention
///     options: {sharpness-at-end: 10}
///     epochs: 15
///     learning-rate: 0.05
public struct Recipe: Hashable, Sendable {
  /// A name from `signum list methods`.
  public var method = "information-retention"
  /// Options of the method; numbers, words, true and false.
  public var options: [String: String] = [:]
  /// Which layers become bits. The first and the last stay float unless all are asked for, or a rule says otherwise.
  public var layers = Layers.inner
  /// What those layers read: `float`, or a name from `signum list activations`.
  public var activations = "float"
  /// Options of that; numbers, words, true and false.
  public var activationOptions: [String: String] = [:]
  /// How the structure of the network is changed for bits, one after the other: from `signum list structures`.
  public var structure: [String] = []
  /// The share of training that passes before weights become bits, and before activations do.
  public var weightsFrom: Float = 0
  public var activationsFrom: Float = 0
  /// Weights become bits layer by layer; nil makes them so all at once.
  public var progressive: Progression?
  /// The share of training after which methods no longer change: what is left trains the very weights that are shipped.
  public var hardAt: Float = 0.9

  public var epochs = 10
  /// Images a step.
  public var batch = 128
  package var optimizer = Optimizer.sgd
  /// The largest of the schedule; nil takes what the method suggests.
  public var learningRate: Float?
  package var schedule = Schedule.Curve.cosine
  package var warmUp: Span?
  package var milestones: [Span] = [.share(0.5), .share(0.75)]
  public var milestoneFactor: Float = 0.1
  public var learningRateAtEnd: Float = 0
  public var companionRate: Float = 1
  public var momentum: Float = 0.9
  public var secondMomentum: Float = 0.999
  public var epsilon: Float = 1e-8
  /// On weights, and on what is none.
  public var weightDecay: Float = 1e-4
  public var decayBiases: Float = 0
  public var decayNormalization: Float = 0
  public var decayCompanions: Float = 0
  /// The largest norm of the gradient of all parameters together; nil leaves it as it is.
  public var clipGradient: Float?
  /// How much of the running average of the parameters stays at each step; nil ships the parameters themselves.
  public var average: Float?

  /// Whether the float network teaches the network of bits.
  public var teacher = Teacher.itself
  /// The share of the teacher in the loss, from 0 to 1.
  public var distillation: Float = 0.7
  public var temperature: Float = 3
  public var labelSmoothing: Float = 0
  /// Whether layers are held to the teacher's, how much, and which.
  public var matching = LayerMatching.none
  public var matchingWeight: Float = 1
  public var matchingLayers: String?

  /// How far training images are moved, in pixels, and whether they are mirrored; nil chooses by the images.
  public var crop: Int?
  public var flip: Bool?
  /// The side of the square that covers a part of each training image, in pixels; 0 covers none.
  public var cutout = 0
  /// How far brightness, contrast and saturation of training images are multiplied: from 1 − x to 1 + x.
  public var brightness: Float = 0
  public var contrast: Float = 0
  public var saturation: Float = 0
  /// The α of the Beta distribution of the shares in which training images are mixed; 0 mixes none.
  public var mixup: Float = 0
  /// How many ways each training image is varied, taken in turn; 0 draws a new one for every epoch. The teacher is
  /// asked once about each.
  public var views = 0
  /// How many training images are used at most, drawn by the seed; nil takes all.
  public var limit: Int?
  /// The shorter side of an image in a file of its own before its middle is cut out; nil takes the least that covers
  /// the network's input.
  public var resize: Int?
  /// The share of the training images that is set aside for choices, and which ones.
  public var validation: Float = 0.05
  public var validationSplit = ValidationSplit.last
  /// `auto`, a name from `Normalizations`, or `scale:mean,…:deviation,…`.
  public var normalization = "auto"
  public var seed: UInt64 = 1

  public enum ValidationSplit: String, Codable, Sendable, CaseIterable { case last, random }
  public enum LayerMatching: String, Codable, Sendable, CaseIterable { case none, features, attention }

  public init() {}

  /// As JSON with sorted keys: the same recipe is the same text. A key that came after the first release is left out
  /// where it has its default, so that an old recipe stays the same text too.
  public var json: String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    guard let data = try? encoder.encode(self) else { preconditionFailure("a recipe encodes") }
    return String(decoding: data, as: UTF8.self)
  }

  /// Some of its keys as JSON.
  func json(of keys: Set<String>) -> String {
    let object = (try? JSONSerialization.jsonObject(with: Data(json.utf8))) as? [String: Any] ?? [:]
    let kept = object.filter { keys.contains($0.key) }
    guard let data = try? JSONSerialization.data(withJSONObject: kept, options: [.sortedKeys, .withoutEscapingSlashes])
    else { preconditionFailure("a recipe encodes") }
    return String(decoding: data, as: UTF8.self)
  }
}

/// Why a recipe was refused: everything that is wrong with it.
public struct RecipeError: Error, Hashable, CustomStringConvertible {
  public var place: String
  public var problems: [String]

  public init(_ place: String, _ problems: [String]) {
    self.place = place
    self.problems = problems
  }

  public var description: String { problems.map { "\(place): \($0)" }.joined(separator: "\n") }
}

extension Recipe: Codable {
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: RecipeSetting.Key.self)
    for setting in Self.settings { try setting.read(&self, container) }
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: RecipeSetting.Key.self)
    for setting in Self.settings where setting.isOld || !setting.isDefault(self) { try setting.write(self, &container) }
  }

  /// Why the value of a key is out of its limits, or nil.
  func limitProblem(of key: String) -> String? { Self.settings.first { $0.key == key }?.problem(self) }

  /// What is wrong with the values, in words.
  public var problems: [String] {
    var problems = Self.settings.compactMap { $0.problem(self) }
    do { _ = try makeMethod(named: method, options: options) } catch { problems.append("\(error)") }
    do { _ = try makeActivation(named: activations, options: activationOptions) } catch { problems.append("\(error)") }
    problems += structureProblems
    problems += layers.problems(in: self)
    if normalization != "auto", Normalizations.named(normalization) == nil {
      problems.append("'normalization': \(Normalizations.explanation(normalization))")
    }
    let starts = [
      ("weights-from", weightsFrom), ("activations-from", activationsFrom), ("progressive", progressive?.last ?? 0),
    ]
    for (key, start) in starts where start >= hardAt && start > 0 {
      problems.append("'\(key)' must lie before 'hard-at' (\(hardAt)), not at \(start)")
    }
    if progressive != nil, weightsFrom > 0 {
      problems.append("'progressive' and 'weights-from' both say when weights become bits: leave one out")
    }
    if teacher == .none, matching != .none { problems.append("'matching' needs a teacher, but 'teacher' is none") }
    return problems
  }
}
