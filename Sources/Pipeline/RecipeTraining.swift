import Datasets
import Graphs
import Methods
import Tensors
import Training

extension Recipe {
  /// This recipe with everything filled in that it leaves to the method and to the images.
  func resolved(for data: any Dataset, training count: Int) throws -> Recipe {
    var recipe = self
    let method = try makeMethod(named: method, options: options)
    recipe.learningRate = learningRate ?? (optimizer.momentCount == 2 ? 0.001 : type(of: method).learningRate)
    recipe.batch = min(batch, count)
    recipe.warmUp = warmUp ?? (schedule == .oneCycle ? .share(0.3) : .share(0))
    let augmentation = augmentation(for: data)
    recipe.crop = augmentation.padding
    recipe.flip = augmentation.flips
    return recipe
  }

  /// How this recipe, resolved, trains.
  func settings(for data: any Dataset) -> FineTuning.Settings {
    var settings = FineTuning.Settings()
    settings.epochs = epochs
    settings.batch = batch
    settings.learningRate = learningRate ?? settings.learningRate
    settings.schedule.curve = schedule
    settings.schedule.warmUp = warmUp
    settings.schedule.milestones = milestones
    settings.schedule.milestoneFactor = milestoneFactor
    settings.schedule.end = learningRateAtEnd
    settings.update = updateRule
    settings.distillation = distillation
    settings.temperature = temperature
    settings.labelSmoothing = labelSmoothing
    settings.matching = Matching.Kind(rawValue: matching.rawValue).map {
      Matching($0, weight: matchingWeight, pattern: matchingLayers)
    }
    settings.augmentation = augmentation(for: data)
    settings.hardAt = hardAt
    settings.seed = seed
    return settings
  }

  /// What may not be meant, in words: where the learning rate would move after training is over.
  var doubts: [String] {
    guard epochs > 0 else { return [] }
    func isLate(_ span: Span) -> Bool {
      if case .epochs(let length) = span { length > Float(epochs) } else { false }
    }
    var doubts: [String] = []
    if warmUp.map(isLate) ?? false {
      doubts.append("'warm-up' is longer than the \(counted(epochs, "epoch")) of training")
    }
    if schedule == .step, milestones.contains(where: isLate) {
      doubts.append("'milestones' has some after the \(counted(epochs, "epoch")) of training")
    }
    return doubts
  }

  private var updateRule: UpdateRule {
    var rule = UpdateRule()
    rule.optimizer = optimizer
    rule.momentum = momentum
    rule.secondMomentum = secondMomentum
    rule.epsilon = epsilon
    rule.decay = [
      .weight: weightDecay, .bias: decayBiases, .normalization: decayNormalization, .companion: decayCompanions,
    ]
    rule.companionRate = companionRate
    rule.clipping = clipGradient
    rule.averaging = average
    return rule
  }

  /// Colour photographs are moved and mirrored; grey images, which may be letters or digits, are only moved.
  func augmentation(for data: any Dataset) -> Augmentation {
    let isImage = data.imageShape.rank == 3
    let isColour = isImage && data.imageShape[0] == 3
    var augmentation = Augmentation(
      padding: isImage ? crop ?? (isColour ? 4 : 2) : 0, flips: isImage && flip ?? isColour)
    augmentation.cutout = cutout
    augmentation.brightness = brightness
    augmentation.contrast = contrast
    augmentation.saturation = saturation
    augmentation.mixup = mixup
    augmentation.views = views
    return augmentation
  }
}
