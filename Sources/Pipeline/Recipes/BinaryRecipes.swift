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
      "information-retention-1w1a", "IR-Net with bits for activations too, a shortcut around each convolution: 86.5 %",
      paper: "Qin et al. 2020, arXiv 1909.10788",
      """
      # As the authors train ResNet-20 on CIFAR-10, but from the trained network: its blocks get the shortcuts of
      # Bi-Real Net, Hardtanh stands in place of ReLU, and weights and activations share the estimator.
      method: information-retention
      options: {sharpness-at-start: 0.001, sharpness-at-end: 10}
      activations: sign
      activation-options: {estimator: error-decay, sharpness-at-start: 0.001, sharpness-at-end: 10}
      structure: [bi-real, hardtanh]
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
    ShippedRecipe(
      "binary-connect-1w32a", "BinaryConnect: the sign of weights that are kept between two levels, in all layers",
      paper: "Courbariaux et al. 2015, arXiv 1511.00363",
      """
      # As for CIFAR-10: Adam, no decay, every layer. The paper's loss is a squared hinge and its rate falls
      # geometrically from 0.003; here the loss is cross entropy, and the rate falls to the same end along a cosine.
      method: binary-connect
      layers: all
      epochs: 500
      batch: 50
      optimizer: adam
      learning-rate: 0.003
      learning-rate-at-end: 0.000002
      schedule: cosine
      weight-decay: 0
      teacher: none
      """),
    ShippedRecipe(
      "dorefa-1w32a", "DoReFa with one bit a weight: the sign times one level for the whole layer",
      paper: "Zhou et al. 2016, arXiv 1606.06160",
      """
      # The coding is the paper's, the first and the last layer stay float as there. Rates and epochs are ours.
      method: dorefa
      options: {bits: 1}
      epochs: 60
      batch: 128
      optimizer: sgd
      momentum: 0.9
      learning-rate: 0.02
      schedule: cosine
      weight-decay: 0.0001
      """),
    ShippedRecipe(
      "bi-real-1w1a", "Bi-Real Net: one bit for weights and activations, a shortcut around each convolution",
      paper: "Liu et al. 2018, arXiv 1808.00278",
      """
      # As the authors' code trains on ImageNet, but from the trained network.
      method: xnor
      activations: sign
      activation-options: {estimator: approximate}
      structure: [bi-real, no-rectifiers, average-pool-downsampling]
      epochs: 256
      batch: 512
      optimizer: adam
      learning-rate: 0.001
      schedule: linear
      weight-decay: 0
      label-smoothing: 0.1
      teacher: none
      """),
    ShippedRecipe(
      "react-1w1a", "ReActNet: shifts before signs and in rectifiers are trained, activations become bits first",
      paper: "Liu et al. 2020, arXiv 2003.03488",
      """
      # Two steps of 128 epochs in one: activations are bits from the beginning, weights from the middle on. The loss
      # is the teacher's answers alone; the paper's teacher is a ResNet-34, here it is the float network itself.
      method: xnor
      activations: react-sign
      structure: [bi-real, average-pool-downsampling]
      weights-from: 0.5
      epochs: 256
      batch: 512
      optimizer: adam
      learning-rate: 0.0025
      schedule: linear
      weight-decay: 0
      distillation: 1
      temperature: 1
      """),
  ]

  /// Less than a bit a weight: indices into few kernels.
  static let subBit: [ShippedRecipe] =
    [(6, "0.67"), (5, "0.56"), (4, "0.44")].map { bits, share in
      ShippedRecipe(
        "sub-bit-\(share)w32a", "sub-bit networks with \(1 << bits) kernels a layer: \(bits) bits for nine weights",
        paper: "Wang et al. 2021, arXiv 2110.09195",
        """
        # Adam, falling to 0 in a line, without decay, taught by the float network's answers alone, as in the second step
        # of the paper; which leaves activations float here.
        method: sub-bit
        options: {bits: \(bits), kernels: random}
        epochs: 256
        batch: 128
        optimizer: adam
        learning-rate: 0.001
        schedule: linear
        weight-decay: 0
        distillation: 1
        temperature: 1
        """)
    }
    + [(6, "0.67"), (5, "0.56"), (4, "0.44")].map { bits, share in
      ShippedRecipe(
        "sub-bit-\(share)w1a", "sub-bit networks with bits for activations too: \(bits) bits for nine weights",
        paper: "Wang et al. 2021, arXiv 2110.09195",
        """
        # The two steps of the paper in one: activations are bits from the beginning, weights from the middle on. Its
        # teacher is a ResNet-34, here it is the float network itself; its batch is 512.
        method: sub-bit
        options: {bits: \(bits), kernels: random}
        activations: react-sign
        structure: [bi-real, average-pool-downsampling]
        weights-from: 0.5
        epochs: 512
        batch: 512
        optimizer: adam
        learning-rate: 0.001
        schedule: linear
        weight-decay: 0
        distillation: 1
        temperature: 1
        """)
    }
}
