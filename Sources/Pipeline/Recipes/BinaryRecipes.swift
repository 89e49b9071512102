extension ShippedRecipe {
  /// One bit a weight, as in the papers; training starts from the trained network nevertheless.
  static let binary: [ShippedRecipe] = [
    ShippedRecipe(
      "information-retention-1w32a", "IR-Net as its authors train ResNet-20 on CIFAR-10: 90.8 % in 400 epochs",
      paper: "Qin et al. 2020, arXiv 1909.10788",
      """
      # The authors start from random weights, and we from the trained network. Epochs, batch, rates, decay and the
      # sharpness of the estimator, which rises until the end, are theirs; so is the absence of a teacher.
      method: information-retention
      options: {sharpness-at-start: 0.1, sharpness-at-end: 10}
      hard-at: 1
      epochs: 400
      batch: 128
      optimizer: sgd
      momentum: 0.9
      learning-rate: 0.1
      schedule: cosine
      weight-decay: 0.0001
      teacher: none
      """),
    ShippedRecipe(
      "group-transform-1w32a", "exact gradients through a transformation of each channel's weights, by momentum SGD",
      paper: "Shulman 2021, arXiv 2107.01400",
      """
      # The paper says momentum SGD, large rates and L2, as for the float network; how many epochs is not known to us.
      # The formula of the transformation is ours.
      method: group-transform
      epochs: 60
      batch: 128
      optimizer: sgd
      momentum: 0.9
      learning-rate: 0.1
      schedule: cosine
      weight-decay: 0.0001
      teacher: none
      """),
    ShippedRecipe(
      "xnor-1w32a", "BWN, the half of XNOR-Net that leaves activations as they are: sign times mean magnitude",
      paper: "Rastegari et al. 2016, arXiv 1603.05279",
      """
      # The levels are the paper's. The gradient passes straight through, and rates and epochs are ours: from a trained
      # network a small rate answered best.
      method: xnor
      epochs: 60
      batch: 128
      optimizer: sgd
      momentum: 0.9
      learning-rate: 0.02
      schedule: cosine
      weight-decay: 0.0001
      """),
  ]
}
