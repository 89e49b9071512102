import Foundation
import Methods

extension Recipe {
  /// Which layers become bits.
  public enum Layers: Hashable, Sendable {
    /// All but the first and the last.
    case inner
    case all
    /// As `inner`, but for what rules say; where several match a layer, the last one wins.
    case rules([LayerRule])
  }

  /// When weights become bits, layer by layer.
  public struct Progression: Hashable, Sendable {
    public enum Order: String, Codable, Sendable, CaseIterable {
      case firstToLast = "first-to-last"
      case lastToFirst = "last-to-first"
    }
    /// The share of training that passes before the first layer becomes bits, and before the last does.
    public var from: Float = 0
    public var to: Float = 0.5
    public var order = Order.firstToLast
    public init() {}

    var last: Float { max(from, to) }

    /// When the layer at a place among `count` becomes bits, as a share of training.
    func start(of place: Int, among count: Int) -> Float {
      let place = order == .firstToLast ? place : count - 1 - place
      return count < 2 ? from : from + (to - from) * Float(place) / Float(count - 1)
    }
  }
}

/// What a recipe says of some layers in particular.
public struct LayerRule: Hashable, Sendable {
  public enum Keep: String, Codable, Sendable, CaseIterable { case float }
  public enum Kind: String, Codable, Sendable, CaseIterable { case convolution, dense }

  /// A layer's name; `*` is any text, `?` any letter.
  public var match = "*"
  /// Only layers of this operator.
  public var kind: Kind?
  /// Float keeps the layer as it is.
  public var keep: Keep?
  /// The layer becomes bits with this method; nil leaves it with the method it had.
  public var method: String?
  /// Laid over the options of that method.
  public var options: [String: String] = [:]
  /// What the layer reads; nil leaves it with what it had.
  public var activations: String?
  /// Laid over the options of that.
  public var activationOptions: [String: String] = [:]
  /// The share of training that passes before the weight becomes bits.
  public var start: Float?

  public init() {}

  func covers(_ layer: String, _ kind: Kind) -> Bool { (self.kind ?? kind) == kind && covers(layer) }

  /// Whatever the operator.
  func covers(_ layer: String) -> Bool { layer.matches(match) }
}

extension Recipe.Layers {
  var rules: [LayerRule] { if case .rules(let rules) = self { rules } else { [] } }

  func problems(in recipe: Recipe) -> [String] {
    rules.enumerated().flatMap { index, rule -> [String] in
      let place = "'layers', rule \(index + 1): "
      var problems: [String] = []
      if rule.keep != nil, rule.method != nil {
        problems.append(place + "'keep' and 'method' cannot both be given")
      }
      do { _ = try rule.method(in: recipe) } catch {
        if rule.method != nil || !rule.options.isEmpty { problems.append(place + "\(error)") }
      }
      do { _ = try rule.activation(in: recipe) } catch {
        if rule.activations != nil || !rule.activationOptions.isEmpty { problems.append(place + "\(error)") }
      }
      if let start = rule.start, !(start >= 0 && start < recipe.hardAt) {
        problems.append(place + "'start' must be from 0 to below 'hard-at', which is \(recipe.hardAt), not \(start)")
      }
      return problems
    }
  }
}

extension LayerRule {
  /// The method that the rule gives a layer which had the recipe's.
  fileprivate func method(in recipe: Recipe) throws(MethodError) -> any Method {
    let base = method == nil || method == recipe.method ? recipe.options : [:]
    return try makeMethod(named: method ?? recipe.method, options: base.merging(options) { $1 })
  }

  /// What a layer reads that read what the recipe says.
  fileprivate func activation(in recipe: Recipe) throws(MethodError) -> (any ActivationMethod)? {
    let base = activations == nil || activations == recipe.activations ? recipe.activationOptions : [:]
    return try makeActivation(
      named: activations ?? recipe.activations, options: base.merging(activationOptions) { $1 })
  }
}

// MARK: In recipes

extension Recipe.Layers: Codable {
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    switch try? container.decode(String.self) {
    case "inner": self = .inner
    case "all": self = .all
    case .some: throw DecodingError.dataCorruptedError(in: container, debugDescription: "inner, all or rules")
    case nil: self = .rules(try container.decode([LayerRule].self))
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .inner: try container.encode("inner")
    case .all: try container.encode("all")
    case .rules(let rules): try container.encode(rules)
    }
  }
}

extension LayerRule: Codable {
  enum CodingKeys: String, CodingKey, CaseIterable {
    case match, keep, method, options, activations, start
    case kind = "operator"
    case activationOptions = "activation-options"
  }

  public init(from decoder: any Decoder) throws {
    let part = try RecipePart<CodingKeys>(decoder, "a rule")
    match = try part.value(.match, String.self, "a pattern of names") ?? match
    kind = try part.choice(.kind, Kind.self)
    keep = try part.choice(.keep, Keep.self)
    method = try part.value(.method, String.self, "a name")
    options = try part.value(.options, [String: Word].self, "a list of 'option: value'")?.mapValues(\.text) ?? [:]
    activations = try part.value(.activations, String.self, "a name")
    let words = try part.value(.activationOptions, [String: Word].self, "a list of 'option: value'")
    activationOptions = words?.mapValues(\.text) ?? [:]
    start = try part.value(.start, Float.self, "a number")
  }

  /// As the first release did; what came later only where it says something.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(match, forKey: .match)
    try container.encodeIfPresent(kind, forKey: .kind)
    try container.encodeIfPresent(keep, forKey: .keep)
    try container.encodeIfPresent(method, forKey: .method)
    try container.encode(options, forKey: .options)
    try container.encodeIfPresent(activations, forKey: .activations)
    if !activationOptions.isEmpty { try container.encode(activationOptions, forKey: .activationOptions) }
    try container.encodeIfPresent(start, forKey: .start)
  }
}

extension Recipe.Progression: Codable {
  enum CodingKeys: String, CodingKey, CaseIterable { case from, to, order }

  public init(from decoder: any Decoder) throws {
    let part = try RecipePart<CodingKeys>(decoder, "it")
    from = try part.value(.from, Float.self, "a number") ?? from
    to = try part.value(.to, Float.self, "a number") ?? to
    order = try part.choice(.order, Order.self) ?? order
  }
}

/// What is wrong inside the value of a key, in words.
struct RecipeMisfit: Error { var problem: String }

/// The value of a key that has keys of its own.
private struct RecipePart<Key: CodingKey & CaseIterable & RawRepresentable> where Key.RawValue == String {
  let container: KeyedDecodingContainer<Key>

  init(_ decoder: any Decoder, _ what: String) throws {
    let known = Key.allCases.map(\.rawValue)
    let found = try decoder.container(keyedBy: RecipeSetting.Key.self).allKeys.map(\.stringValue)
    for key in found.sorted() where !known.contains(key) {
      throw RecipeMisfit(problem: "\(what) has no key '\(key)'" + suggestion(for: key, among: known.sorted()))
    }
    container = try decoder.container(keyedBy: Key.self)
  }

  func value<T: Decodable>(_ key: Key, _ type: T.Type, _ wanted: String) throws -> T? {
    do { return try container.decodeIfPresent(type, forKey: key) } catch {
      throw RecipeMisfit(problem: "its '\(key.rawValue)' wants \(wanted)")
    }
  }

  func choice<T: Decodable & CaseIterable & RawRepresentable>(_ key: Key, _ type: T.Type) throws -> T?
  where T.RawValue == String { try value(key, type, type.allCases.map(\.rawValue).joined(separator: " or ")) }
}

/// A word, number or truth value, as text.
struct Word: Decodable {
  var text: String

  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if let flag = try? container.decode(Bool.self) {
      text = "\(flag)"
    } else if let whole = try? container.decode(Int.self) {
      text = "\(whole)"
    } else if let number = try? container.decode(Double.self) {
      text = "\(number)"
    } else {
      text = try container.decode(String.self)
    }
  }
}
