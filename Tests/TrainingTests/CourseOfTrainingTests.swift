import Datasets
import Graphs
import Methods
import Tensors
import TestSupport
import Testing
import Training

/// Whatever a recipe asks for, a small network learns by it.
struct CourseOfTrainingTests {
  private func learned(
    start: Float = 0, signs: Float? = nil, validation: Int = 32, _ change: (inout FineTuning.Settings) -> Void
  ) throws -> (outcome: FineTuning.Outcome, top1: Float) {
    var builder = Networks.Builder(seed: 3)
    let x = builder.graph.addInput("x", [1, 3, 8, 8])
    let stem = try builder.normalized("stem", x, from: 3, to: 8, relu: true)
    let middle = try builder.normalized("middle", stem, from: 8, to: 8, relu: true)
    let flat = try builder.graph.add("flat", Flatten(), [middle])
    builder.graph.outputs = [try builder.dense("head", flat, from: 8 * 64, to: 4)]
    var passes: [any Pass] = [AttachMethod(ScaledSign(), layers: ["middle"], start: start)]
    if let signs { passes.append(AttachActivation(ActivationSign(), layers: ["middle"], start: signs)) }
    var settings = FineTuning.Settings()
    settings.epochs = 4
    settings.batch = 32
    change(&settings)
    let data = Quarters()
    let (training, held) = data.split(validation: validation)
    let outcome = try FineTuning(
      student: builder.graph.applying(passes + [FuseBatchNorm()]), teacher: nil, training: training, validation: held,
      normalization: nil, settings: settings
    ).run { _ in }
    let frozen = try outcome.graph.applying([Freeze(), MakeThresholds()])
    return (outcome, frozen.answers(on: data, normalization: nil).top1(data.labels!))
  }

  @Test(arguments: Optimizer.allCases) func everyOptimizerLearns(_ optimizer: Optimizer) throws {
    let found = try learned { settings in
      settings.update.optimizer = optimizer
      settings.learningRate = optimizer.momentCount == 2 ? 0.005 : 0.02
    }
    #expect(found.top1 > 0.95)
  }

  @Test(arguments: Schedule.Curve.allCases) func everyScheduleLearns(_ curve: Schedule.Curve) throws {
    let found = try learned { settings in
      settings.schedule.curve = curve
      settings.schedule.warmUp = .epochs(1)
    }
    #expect(found.top1 > 0.95)
  }

  @Test(arguments: [0, 32]) func averagesAreShipped(_ validation: Int) throws {
    let plain = try learned(validation: validation) { _ in }
    let averaged = try learned(validation: validation) { $0.update.averaging = 0.9 }
    #expect(averaged.top1 > 0.95)
    let weights = [plain, averaged].map { found in
      found.outcome.graph.nodes.first { $0.name == "head.weight" }!.constant!.tensor
    }
    #expect(weights[0] != weights[1] && plain.outcome.history[0].loss == averaged.outcome.history[0].loss)
  }

  @Test func clippingAndSmoothingLearn() throws {
    let found = try learned { settings in
      settings.update.clipping = 2
      settings.learningRate = 0.1
      settings.labelSmoothing = 0.1
    }
    #expect(found.top1 > 0.95)
    #expect(found.outcome.history.last!.loss > 0.3, "a smoothed label costs its entropy")
  }

  /// Activations first, weights in the middle of training.
  @Test func twoStepsEndAsBits() throws {
    let found = try learned(start: 0.5, signs: 0) { $0.epochs = 6 }
    #expect(found.top1 > 0.9)
    let found2 = try learned(start: 0, signs: 0.5) { $0.epochs = 6 }
    #expect(found2.top1 > 0.9)
  }
}
