import Datasets
import Foundation
import Methods
import Tensors
import Yams

/// How a network becomes bits: the method, and how it is fine-tuned.
///
/// A recipe is a YAML file; what it leaves out keeps its default, and a key that does not exist is refused.
///
///     method: information-retention
///     options: {sharpness-at-end: 10}
///     epochs: 15
///     learning-rate: 0.05
public struct Recipe: Codable, Hashable, Sendable {
  /// A name from `signum list methods`.
  public var method = "information-retention"
  /// Options of the method; numbers, words, true and false.
  public var options: [String: String] = [:]
  /// Which layers become bits. The first and the last stay float unless all are asked for.
  public var layers = Layers.inner
  /// Whether the inputs of those layers become bits too.
  public var activations = Activations.float
  public var epochs = 10
  /// Images a step.
  public var batch = 128
  /// At the start; nil takes what the method suggests.
  public var learningRate: Float?
  public var momentum: Float = 0.9
  public var weightDecay: Float = 1e-4
  /// Whether the float network teaches the network of bits.
  public var teacher = Teacher.itself
  /// The share of the teacher in the loss, from 0 to 1.
  public var distillation: Float = 0.7
  public var temperature: Float = 3
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
  /// How many training images are used at most, drawn by the seed; nil takes all.
  public var limit: Int?
  /// The shorter side of an image in a file of its own before its middle is cut out; nil takes the least that covers the
  /// network's input.
  public var resize: Int?
  /// The share of the training images that is set aside for choices, and which ones.
  public var validation: Float = 0.05
  public var validationSplit = ValidationSplit.last
  /// `auto`, a name from `Normalizations`, or `scale:mean,…:deviation,…`.
  public var normalization = "auto"
  public var seed: UInt64 = 1

  public enum ValidationSplit: String, Codable, Sendable, CaseIterable { case last, random }
  public enum Layers: String, Codable, Sendable, CaseIterable { case inner, all }
  public enum Activations: String, Codable, Sendable, CaseIterable { case float, sign }
  public enum Teacher: String, Codable, Sendable, CaseIterable {
    case itself = "self"
    case none
  }

  public init() {}

  enum CodingKeys: String, CodingKey, CaseIterable {
    case method, options, layers, activations, epochs, batch, momentum, teacher, distillation, temperature
    case crop, flip, validation, normalization, seed
    case learningRate = "learning-rate"
    case weightDecay = "weight-decay"
  }

  /// As JSON with sorted keys: the same recipe is the same text.
  public var json: String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    guard let data = try? encoder.encode(self) else { preconditionFailure("a recipe encodes") }
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

extension Recipe {
  /// Reads a recipe from a YAML file. Throws `RecipeError`.
  public init(contentsOf path: String) throws(RecipeError) {
    let text: String
    do {
      text = try String(contentsOfFile: path, encoding: .utf8)
    } catch {
      switch Output.kind(path) {
      case nil: throw RecipeError(path, ["there is no such file"])
      case S_IFDIR: throw RecipeError(path, ["is a folder; a recipe is a YAML file"])
      default: throw RecipeError(path, ["cannot be read as UTF-8 text; a recipe is a YAML file"])
      }
    }
    try self.init(yaml: text, place: path)
  }

  /// Reads a recipe from YAML text; `place` begins every message.
  public init(yaml text: String, place: String) throws(RecipeError) {
    let loaded: Any?
    do { loaded = try Yams.load(yaml: text) } catch { throw RecipeError(place, [Self.explanation(error)]) }
    guard let keys = loaded as? [String: Any] else {
      throw RecipeError(place, ["a recipe is a list of 'key: value' lines"])
    }
    var recipe = Recipe()
    var problems: [String] = []
    for (key, value) in keys.sorted(by: { $0.key < $1.key }) {
      if let problem = recipe.set(key, to: value) { problems.append(problem) }
    }
    problems += recipe.problems
    guard problems.isEmpty else { throw RecipeError(place, problems) }
    self = recipe
  }

  /// What the parser of YAML says, in one line.
  private static func explanation(_ error: any Error) -> String {
    switch error as? YamlError {
    case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
      .composer(_, let problem, let mark, _):
      "is not YAML: line \(mark.line), column \(mark.column): \(problem)"
    case .reader(let problem, let offset, _, _): "is not YAML: byte \(offset ?? 0): \(problem)"
    case .duplicatedKeysInMapping(let keys, _):
      keys.sorted().map { "the key '\($0)' occurs twice" }.joined(separator: ", ")
    default: "is not YAML: \("\(error)".split(separator: "\n").first ?? "it cannot be read")"
    }
  }

  /// What is wrong with the values, in words.
  public var problems: [String] {
    var problems: [String] = []
    func demand(_ condition: Bool, _ problem: String) { if !condition { problems.append(problem) } }
    demand((0...100_000).contains(epochs), "'epochs' must be from 0 to 100000, not \(epochs)")
    demand((1...65_536).contains(batch), "'batch' must be from 1 to 65536, not \(batch)")
    if let rate = learningRate {
      demand(rate > 0 && rate <= 10, "'learning-rate' must be above 0 and at most 10, not \(rate)")
    }
    demand((0..<1).contains(momentum), "'momentum' must be from 0 to below 1, not \(momentum)")
    demand((0...1).contains(weightDecay), "'weight-decay' must be from 0 to 1, not \(weightDecay)")
    demand((0...1).contains(distillation), "'distillation' must be from 0 to 1, not \(distillation)")
    demand(temperature > 0 && temperature <= 100, "'temperature' must be above 0 and at most 100, not \(temperature)")
    demand((0...0.9).contains(validation), "'validation' must be from 0 to 0.9, not \(validation)")
    if let crop { demand((0...64).contains(crop), "'crop' must be from 0 to 64 pixels, not \(crop)") }
    do { _ = try makeMethod(named: method, options: options) } catch { problems.append("\(error)") }
    if normalization != "auto", Normalizations.named(normalization) == nil {
      problems.append("'normalization': \(Normalizations.explanation(normalization))")
    }
    return problems
  }

  /// Sets one value; what is wrong with it, or nil.
  private mutating func set(_ key: String, to value: Any) -> String? {
    guard let known = CodingKeys(rawValue: key) else {
      return "there is no key '\(key)'" + suggestion(for: key, among: CodingKeys.allCases.map(\.rawValue).sorted())
    }
    if known == .options {
      guard let options = value as? [String: Any] else { return "'options' wants a list of 'option: value' lines" }
      self.options = options.mapValues { "\($0)" }
      return nil
    }
    guard let data = json.data(using: .utf8),
      var object = try? JSONSerialization.jsonObject(with: data) as? [String: Any],
      JSONSerialization.isValidJSONObject([key: value])
    else { return "'\(key)' has a value that is not understood" }
    object[key] = value
    do {
      self = try JSONDecoder().decode(Recipe.self, from: JSONSerialization.data(withJSONObject: object))
      return nil
    } catch { return "'\(key)' wants \(known.wanted), not '\(value)'" }
  }
}

extension Recipe.CodingKeys {
  fileprivate var wanted: String {
    switch self {
    case .method, .normalization: "a name"
    case .options: "a list of 'option: value' lines"
    case .layers: Recipe.Layers.allCases.map(\.rawValue).joined(separator: " or ")
    case .activations: Recipe.Activations.allCases.map(\.rawValue).joined(separator: " or ")
    case .teacher: Recipe.Teacher.allCases.map(\.rawValue).joined(separator: " or ")
    case .epochs, .batch, .crop, .seed: "a whole number"
    case .flip: "true or false"
    case .learningRate, .momentum, .weightDecay, .distillation, .temperature, .validation: "a number"
    }
  }
}
