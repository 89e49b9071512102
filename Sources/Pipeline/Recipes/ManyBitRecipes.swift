extension ShippedRecipe {
  /// Weights, and activations, of several bits.
  static let manyBits: [ShippedRecipe] =
    [learnedStep(2, nil), learnedStep(4, 4), learnedStep(3, 3), semiRelaxed(4), semiRelaxed(3), learnedBits, rounded]

  private static func learnedStep(_ bits: Int, _ activationBits: Int?) -> ShippedRecipe {
    let reads = activationBits.map { "\nactivations: learned-step\nactivation-options: {bits: \($0)}" } ?? ""
    return ShippedRecipe(
      "learned-step-\(bits)w\(activationBits ?? 32)a",
      "LSQ: rounding to \(bits) bits by a step that is trained" + (activationBits == nil ? "" : ", activations too"),
      paper: "Esser et al. 2020, arXiv 1902.08153",
      """
      # From the trained network, SGD along a cosine for 90 epochs, as in the paper. There the first and the last layer
      # have 8 bits; here they stay float.
      method: learned-step
      options: {bits: \(bits)}\(reads)
      epochs: 90
      batch: 128
      optimizer: sgd
      momentum: 0.9
      learning-rate: 0.01
      schedule: cosine
      weight-decay: 0.0001
      teacher: none
      """)
  }

  private static func semiRelaxed(_ bits: Int) -> ShippedRecipe {
    ShippedRecipe(
      "semi-relaxed-\(bits)w\(bits)a",
      "SRQ with DropBits: rounding to \(bits) bits, trained through the probabilities of its grid points",
      paper: "Lee et al. 2021, arXiv 2109.02100",
      """
      # The method is the paper's, as far as it is known, but for the estimator: 'soft' is ours, and what learns best;
      # 'estimator: multi-class' is the paper's. How its authors train is not known: Adam with small rates for the
      # method's own parameters is ours. The paper codes the first and the last layer too; here they stay float.
      method: semi-relaxed
      options: {bits: \(bits), drop-bits: true}
      activations: semi-relaxed
      activation-options: {bits: \(bits)}
      epochs: 60
      batch: 128
      optimizer: adam
      learning-rate: 0.001
      companion-rate: 0.1
      schedule: cosine
      weight-decay: 0
      """)
  }

  private static let learnedBits = ShippedRecipe(
    "semi-relaxed-learned-bits", "SRQ where each layer learns how many bits it needs, at most four",
    paper: "Lee et al. 2021, arXiv 2109.02100",
    """
    # That masks of bits are learned with a penalty is the paper's; the penalty's weight and all else is ours.
    method: semi-relaxed
    options: {bits: 4, drop-bits: true, learn-bits: true, bits-penalty: 0.5}
    epochs: 60
    batch: 128
    optimizer: sgd
    momentum: 0.9
    learning-rate: 0.02
    schedule: cosine
    weight-decay: 0
    """)

  private static let rounded = ShippedRecipe(
    "round-4w32a", "no training at all: each channel is rounded to 4 bits at its best scale",
    """
    method: round
    options: {bits: 4}
    epochs: 0
    """)
}
