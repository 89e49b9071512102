extension ShippedRecipe {
  /// Weights of −, 0 and +.
  static let ternary: [ShippedRecipe] = []
}
