extension ShippedRecipe {
  /// Weights, and activations, of several bits.
  static let manyBits: [ShippedRecipe] = []
}
