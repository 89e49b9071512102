import Foundation
import Training

/// A key of recipes: what it wants, what it means, and where its value lives.
package struct RecipeSetting: Sendable {
  /// Any text as a key.
  struct Key: CodingKey {
    var stringValue: String
    var intValue: Int? { nil }
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }

  package let key: String
  /// The kind of value, for messages: `a number`.
  package let wanted: String
  /// What it does, in a phrase.
  package let meaning: String
  /// Whether it was there from the first release, and so stands in every recipe's text.
  let isOld: Bool
  let isDefault: @Sendable (Recipe) -> Bool
  let problem: @Sendable (Recipe) -> String?
  let read: @Sendable (inout Recipe, KeyedDecodingContainer<Key>) throws -> Void
  let write: @Sendable (Recipe, inout KeyedEncodingContainer<Key>) throws -> Void
  /// The value as a recipe writes it; empty where there is none.
  package let text: @Sendable (Recipe) -> String

  /// - Parameter limits: which values are allowed, with the words for it.
  init<Value: Codable & Equatable & Sendable>(
    _ key: String, _ path: WritableKeyPath<Recipe, Value> & Sendable, _ wanted: String, in limits: Limits<Value>? = nil,
    old: Bool = false, _ meaning: String
  ) {
    (self.key, self.wanted, self.meaning, isOld) = (key, wanted, meaning, old)
    let name = Key(stringValue: key)
    isDefault = { $0[keyPath: path] == Recipe()[keyPath: path] }
    problem = { recipe in
      let value = recipe[keyPath: path]
      guard let limits, !limits.allow(value) else { return nil }
      return "'\(key)' must be \(limits.words), not \(Self.text(of: value))"
    }
    read = { recipe, container in
      if let value = try container.decodeIfPresent(Value.self, forKey: name) { recipe[keyPath: path] = value }
    }
    write = { recipe, container in
      let value = recipe[keyPath: path]
      let mirror = Mirror(reflecting: value)
      // An optional without a value is left out.
      guard mirror.displayStyle != .optional || !mirror.children.isEmpty else { return }
      try container.encode(value, forKey: name)
    }
    text = { Self.text(of: $0[keyPath: path]) }
  }

  private static func text(of value: some Encodable) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    guard let data = try? encoder.encode(value) else { return "\(value)" }
    let text = String(decoding: data, as: UTF8.self)
    return text == "null" ? "" : text.hasPrefix("\"") ? String(text.dropFirst().dropLast()) : text
  }
}

/// Which values of a key are allowed, and the words for it.
struct Limits<Value>: Sendable {
  var words: String
  var allow: @Sendable (Value) -> Bool

  init(_ words: String, _ allow: @escaping @Sendable (Value) -> Bool) {
    self.words = words
    self.allow = allow
  }
}

private func within(_ range: ClosedRange<Int>, _ unit: String = "") -> Limits<Int> {
  Limits("from \(range.lowerBound) to \(range.upperBound)\(unit)") { range.contains($0) }
}
private func within(_ range: ClosedRange<Float>) -> Limits<Float> {
  Limits("from \(words(range.lowerBound)) to \(words(range.upperBound))") { range.contains($0) }
}
private func within(_ range: Range<Float>) -> Limits<Float> {
  Limits("from \(words(range.lowerBound)) to below \(words(range.upperBound))") { range.contains($0) }
}
private func above(_ least: Float, atMost most: Float) -> Limits<Float> {
  Limits("above \(words(least)) and at most \(words(most))") { $0 > least && $0 <= most }
}
private func words(_ number: Float) -> String { number == number.rounded() ? "\(Int(number))" : "\(number)" }

/// The same limits for a value that may be left open.
private func orNone<Value>(_ limits: Limits<Value>) -> Limits<Value?> {
  Limits(limits.words) { $0.map(limits.allow) ?? true }
}

private func either<Choice: CaseIterable & RawRepresentable>(_ type: Choice.Type) -> String
where Choice.RawValue == String {
  let names = type.allCases.map(\.rawValue)
  return names.count == 2
    ? names.joined(separator: " or ") : names.dropLast().joined(separator: ", ") + " or " + names.last!
}

extension Recipe {
  /// Every key of a recipe, in the order in which the documentation shows them.
  package static let settings: [RecipeSetting] = coding + descent + lessons + images

  private static let coding: [RecipeSetting] = [
    .init("method", \.method, "a name", old: true, "see `signum list methods`"),
    .init("options", \.options, "a list of 'option: value' lines", old: true, "options of the method"),
    .init("layers", \.layers, "inner, all or a list of rules", old: true, "which layers become bits; rules: below"),
    .init("activations", \.activations, "a name", old: true, "what coded layers read; see `signum list activations`"),
    .init("activation-options", \.activationOptions, "a list of 'option: value' lines", "options of that"),
    .init("structure", \.structure, "a list of names", "changes to the network; see `signum list structures`"),
    .init(
      "weights-from", \.weightsFrom, "a number", in: within(0..<1), "share of training before weights become bits"),
    .init(
      "activations-from", \.activationsFrom, "a number", in: within(0..<1),
      "share of training before activations become bits"),
    .init(
      "progressive", \.progressive, "a list of from, to and order",
      in: Limits("from 0 to below 1 in from and to") { value in
        value.map { (0..<1).contains($0.from) && (0..<1).contains($0.to) } ?? true
      },
      "weights become bits layer by layer: below"),
    .init(
      "hard-at", \.hardAt, "a number", in: above(0, atMost: 1), "share of training after which methods stand still"),
  ]

  private static let descent: [RecipeSetting] = [
    .init("epochs", \.epochs, "a whole number", in: within(0...100_000), old: true, "how often each image is seen"),
    .init("batch", \.batch, "a whole number", in: within(1...65_536), old: true, "images a step"),
    .init("optimizer", \.optimizer, either(Optimizer.self), "sgd and nesterov have momentum"),
    .init(
      "learning-rate", \.learningRate, "a number", in: orNone(above(0, atMost: 10)), old: true,
      "the largest; left out, the method's own, 0.001 for Adam"),
    .init("schedule", \.schedule, either(Schedule.Curve.self), "how the learning rate moves"),
    .init("warm-up", \.warmUp, "a share or 'N epochs'", "how long the rate rises; one-cycle: 0.3"),
    .init("milestones", \.milestones, "a list of shares or 'N epochs'", "where schedule step lowers the rate"),
    .init("milestone-factor", \.milestoneFactor, "a number", in: above(0, atMost: 1), "by what it is multiplied there"),
    .init(
      "learning-rate-at-end", \.learningRateAtEnd, "a number", in: within(0...10),
      "what cosine, linear and one-cycle fall to"),
    .init(
      "companion-rate", \.companionRate, "a number", in: within(0...100),
      "learning rate of a method's companions, as a multiple"),
    .init("momentum", \.momentum, "a number", in: within(0..<1), old: true, "of the velocity, or Adam's first moment"),
    .init("second-momentum", \.secondMomentum, "a number", in: within(0..<1), "of Adam's second moment"),
    .init("epsilon", \.epsilon, "a number", in: above(0, atMost: 1), "what Adam adds to the root of that"),
    .init("weight-decay", \.weightDecay, "a number", in: within(0...1), old: true, "on weights, latent or not"),
    .init("decay-biases", \.decayBiases, "a number", in: within(0...1), "on biases"),
    .init(
      "decay-normalization", \.decayNormalization, "a number", in: within(0...1), "on scales and shifts of batch norms"),
    .init("decay-companions", \.decayCompanions, "a number", in: within(0...1), "on companions"),
    .init(
      "clip-gradient", \.clipGradient, "a number", in: orNone(above(0, atMost: 1e6)),
      "largest norm of the gradient of all parameters"),
    .init(
      "average", \.average, "a number", in: orNone(Limits("above 0 and below 1") { $0 > 0 && $0 < 1 }),
      "ships a running average of the parameters; 0.999"),
  ]

  private static let lessons: [RecipeSetting] = [
    .init(
      "teacher", \.teacher, "self, none or a model's path",
      in: Limits("self, none or a model's path") { $0.path != "" }, old: true,
      "who teaches: the float network, nobody, or another one"),
    .init("distillation", \.distillation, "a number", in: within(0...1), old: true, "share of the teacher in the loss"),
    .init("temperature", \.temperature, "a number", in: above(0, atMost: 100), old: true, "of the teacher's answers"),
    .init(
      "label-smoothing", \.labelSmoothing, "a number", in: within(0..<1), "share of a label spread over all classes"),
    .init("matching", \.matching, either(LayerMatching.self), "holds layers to the teacher's"),
    .init("matching-weight", \.matchingWeight, "a number", in: within(0...1_000_000), "of that in the loss"),
    .init("matching-layers", \.matchingLayers, "a pattern of names", "which; left out, the last of each image size"),
  ]

  private static let images: [RecipeSetting] = [
    .init(
      "crop", \.crop, "a whole number", in: orNone(within(0...64, " pixels")), old: true,
      "how far images are moved; left out, by the images"),
    .init("flip", \.flip, "true or false", old: true, "whether they are mirrored; left out, by the images"),
    .init(
      "cutout", \.cutout, "a whole number", in: within(0...1024, " pixels"),
      "side of the square that covers a part of each"),
    .init(
      "brightness", \.brightness, "a number", in: within(0...10), "by how much it varies: from 1 − x to 1 + x times"),
    .init("contrast", \.contrast, "a number", in: within(0...10), "the same for the contrast"),
    .init("saturation", \.saturation, "a number", in: within(0...10), "the same for the saturation"),
    .init("mixup", \.mixup, "a number", in: within(0...10), "images are mixed in shares of Beta(x, x)"),
    .init(
      "views", \.views, "a whole number", in: within(0...1_000_000),
      "ways in which each is varied, in turn; 0 draws a new one an epoch"),
    .init(
      "limit", \.limit, "a whole number", in: orNone(within(1...1_000_000_000)),
      "training images at most, drawn by the seed"),
    .init(
      "resize", \.resize, "a whole number", in: orNone(within(1...65_536, " pixels")),
      "shorter side of image files before their middle is cut out"),
    .init("validation", \.validation, "a number", in: within(0...0.9), old: true, "share of the images set aside"),
    .init(
      "validation-split", \.validationSplit, either(ValidationSplit.self), "which these are: random is by the seed"),
    .init("normalization", \.normalization, "a name", old: true, "how bytes become the input"),
    .init("seed", \.seed, "a whole number", old: true, "of everything that is random"),
  ]
}
