import Tensors

/// The shapes that a user gives for inputs whose size a model leaves open.
package enum InputShapes {
  /// By the name of the input, for every import that is not given others.
  @TaskLocal package static var given: [String: Shape] = [:]
  /// Whether they are for several models, so that one need not have an input of each name.
  @TaskLocal package static var areForSeveral = false

  /// `name=1x3x224x224`, or nil where it is nothing like that. The name may itself contain `=`.
  package static func parsed(_ text: String) -> (name: String, shape: Shape)? {
    guard let sign = text.lastIndex(of: "="), sign > text.startIndex else { return nil }
    let sizes = text[text.index(after: sign)...].split(separator: "x", omittingEmptySubsequences: false).map { Int($0) }
    let dimensions = sizes.compactMap { $0 }
    guard dimensions.count == sizes.count, dimensions.allSatisfy({ $0 > 0 }), let shape = Shape.checked(dimensions)
    else {
      return nil
    }
    return (String(text[..<sign]), shape)
  }
}
