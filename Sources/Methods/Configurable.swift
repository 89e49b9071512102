/// What a recipe names and sets: its stored properties are its options.
package protocol Configurable: Sendable, Codable, Hashable {
  /// The name in recipes and on the command line. Never changes once released.
  static var name: String { get }
  /// What it does, in a sentence, for `signum list`.
  static var summary: String { get }
  /// Where it was published: `Rastegari et al. 2016, arXiv 1603.05279`. Empty for what is nobody's.
  static var paper: String { get }

  /// The paper's defaults.
  init()

  /// What is wrong with the options, or nil.
  var problem: String? { get }
}

extension Configurable {
  package var problem: String? { nil }
}

/// What a recipe makes bits of.
package enum MethodKind: String, Hashable, Sendable {
  /// Weights, by a `Method`.
  case method
  /// What layers read, by an `ActivationMethod`.
  case activation

  var known: [String] {
    switch self {
    case .method: methods.map { $0.name }
    case .activation: ["float"] + activationMethods.map { $0.name }
    }
  }
}
