import Datasets
import Graphs
import Tensors

/// How long training will take, from a few steps of it.
package struct Estimate: Hashable, Sendable {
  /// The median of the steps that were timed, with a teacher that is asked.
  package var secondsPerStep: Double
  /// The same in epochs in which the teacher's answers are known already.
  package var secondsPerKnownStep: Double
  package var stepsPerEpoch: Int
  /// For an image that is only looked at: validation, calibration.
  package var secondsPerImage: Double
  /// Of all of training, with its validation and calibration.
  package var seconds: Double
}

extension FineTuning {
  /// Trains for some steps on real images, and throws the weights away.
  ///
  /// - Precondition: there are images for one batch.
  package func estimate(steps: Int = 3) -> Estimate {
    let perStep = secondsPerStep(asking: true, steps: steps)
    let views = lessons == nil ? settings.epochs : min(settings.augmentation.views, settings.epochs)
    let perKnownStep = views < settings.epochs ? secondsPerStep(asking: false, steps: steps) : perStep
    let sample = training.first(250)
    let start = ContinuousClock.now
    _ = student.answers(on: sample, normalization: normalization)
    let perImage = start.duration(to: .now) / .seconds(1) / Double(max(sample.count, 1))
    let stepsPerEpoch = training.count / settings.batch
    let calibrations = 2 * min(20 * 250, training.count)
    let looked = settings.epochs * validation.count + 2 * validation.count + calibrations
    return Estimate(
      secondsPerStep: perStep, secondsPerKnownStep: perKnownStep, stepsPerEpoch: stepsPerEpoch,
      secondsPerImage: perImage,
      seconds: Double(views * stepsPerEpoch) * perStep
        + Double((settings.epochs - views) * stepsPerEpoch) * perKnownStep + Double(looked) * perImage)
  }

  /// The median of some steps on real images.
  private func secondsPerStep(asking: Bool, steps: Int) -> Double {
    var parameters = Parameters(of: student, rule: settings.update)
    let batches = training.shuffledBatches(of: settings.batch, seed: settings.seed, epoch: 0, keepsRest: false)
    var seconds: [Double] = []
    // The first one warms up.
    for step in 0...steps {
      let start = ContinuousClock.now
      let batch = training.batch(
        batches[step % batches.count], normalization: normalization, augmentation: settings.augmentation,
        seed: settings.seed, epoch: 0, step: step)
      // Weights that diverge take as long.
      _ = try? self.step(
        &parameters, batch, answers: asking ? nil : Tensor(answerShape, repeating: 0), epoch: 0, step: step,
        of: max(batches.count, steps + 1))
      if step > 0 { seconds.append(start.duration(to: .now) / .seconds(1)) }
    }
    return seconds.sorted()[seconds.count / 2]
  }

  /// `[batch, classes]`
  private var answerShape: Shape {
    let output = student[student.logits].shape
    return [settings.batch, output.count / max(output[0], 1)]
  }
}
