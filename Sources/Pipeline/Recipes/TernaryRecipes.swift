extension ShippedRecipe {
  /// Weights of −, 0 and +.
  static let ternary: [ShippedRecipe] = [
    ShippedRecipe(
      "trained-ternary-2w32a", "TTQ: two trained levels a layer, as its authors train ResNet-20 on CIFAR-10: 91.1 %",
      paper: "Zhu et al. 2017, arXiv 1612.01064",
      """
      # From the trained network, as in the paper. The rate falls to a tenth after 82, 123 and 150 epochs; that they are
      # 164 is from the paper on residual networks.
      method: trained-ternary
      options: {threshold: 0.05}
      epochs: 164
      batch: 128
      optimizer: sgd
      momentum: 0.9
      learning-rate: 0.1
      schedule: step
      milestones: [82 epochs, 123 epochs, 150 epochs]
      milestone-factor: 0.1
      weight-decay: 0.0001
      teacher: none
      """),
    ShippedRecipe(
      "ternary-weights-2w32a", "TWN: one level a layer and a threshold of 0.7 mean magnitudes, in all layers",
      paper: "Li et al. 2016, arXiv 1605.04711",
      """
      # As its authors train LeNet-5 on MNIST: 30,000 steps, the rate falls to a tenth after 15,000 and 25,000. Theirs
      # starts from random weights.
      method: ternary-weights
      options: {threshold: 0.7}
      layers: all
      epochs: 25
      batch: 50
      optimizer: sgd
      momentum: 0.9
      learning-rate: 0.01
      schedule: step
      milestones: [0.5, 0.8333]
      milestone-factor: 0.1
      weight-decay: 0.0001
      teacher: none
      """),
    ShippedRecipe(
      "absolute-mean-2w32a",
      "the rounding of BitNet b1.58: weights over their mean magnitude, to the nearest of −1, 0, 1",
      paper: "Ma et al. 2024, arXiv 2402.17764",
      """
      # The rounding is the paper's. Its training is of language models, so rates and epochs are ours; activations,
      # which it takes in eight bits, stay float.
      method: absolute-mean
      epochs: 60
      batch: 128
      optimizer: sgd
      momentum: 0.9
      learning-rate: 0.02
      schedule: cosine
      weight-decay: 0.0001
      """),
    ShippedRecipe(
      "sparsity-control-2w32a",
      "SCA: weights are drawn to −1, 0 and 1 by a penalty whose controller says how many are 0",
      paper: "Deng and Zhang 2020, arXiv 2011.00580",
      """
      # A larger alpha makes more zeros; 0.1 is what re-implementations use. Decay would be a second pull to 0. How the
      # authors train is not known to us: rates and epochs are ours.
      method: sparsity-control
      options: {alpha: 0.1}
      epochs: 60
      batch: 128
      optimizer: sgd
      momentum: 0.9
      schedule: cosine
      weight-decay: 0
      """),
    ShippedRecipe(
      "target-sparsity-2w32a", "SCA with a controller that finds its own alpha: six weights of ten become 0",
      paper: "Deng and Zhang 2020, arXiv 2011.00580",
      """
      # The penalty is the paper's; that a share of zeros is asked for, and all else here, is ours.
      method: target-sparsity
      options: {zeros: 0.6}
      epochs: 60
      batch: 128
      optimizer: sgd
      momentum: 0.9
      schedule: cosine
      weight-decay: 0
      """),
  ]
}
