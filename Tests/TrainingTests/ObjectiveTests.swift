import Foundation
import Tensors
import TestSupport
import Testing
import Training

struct ObjectiveTests {
  static let objectives = [
    Objective(distillation: 0, temperature: 1), Objective(distillation: 0.7, temperature: 3),
    Objective(distillation: 1, temperature: 2), Objective(distillation: 0.3, temperature: 2, smoothing: 0.2),
  ]

  @Test(arguments: TorchCases.all.objectives.indices) func isThatOfPyTorch(_ index: Int) {
    let torch = TorchCases.all.objectives[index]
    let objective = Objective(
      distillation: torch.distillation, temperature: torch.temperature, smoothing: torch.smoothing)
    let value = objective(
      Tensor([5, 7], scalars: torch.logits), teacher: Tensor([5, 7], scalars: torch.teacher), labels: torch.labels,
      partners: torch.share == nil ? nil : torch.partners, share: torch.share ?? 1)
    #expect(abs(value.loss - torch.loss) < 1e-5 * max(1, abs(torch.loss)))
    #expect(value.gradient.largestDifference(to: Tensor([5, 7], scalars: torch.gradient)) < 1e-6)
  }

  @Test func aMixedImageCountsAsWhatMostOfItShows() {
    let logits = Tensor([2, 2], scalars: [5, 0, 0, 5])
    let objective = Objective(distillation: 0, temperature: 1)
    #expect(objective(logits, teacher: nil, labels: [0, 1], partners: [1, 0], share: 0.7).correct == 2)
    #expect(objective(logits, teacher: nil, labels: [0, 1], partners: [1, 0], share: 0.3).correct == 0)
  }

  /// A batch whose rows are shared among threads adds up as one that is not.
  @Test func manyClassesAddUp() {
    let (logits, teacher) = (Tensor.random([70, 1000], seed: 1), Tensor.random([70, 1000], seed: 2))
    let labels = (0..<70).map { Int32($0 * 13 % 1000) }
    let objective = Objective(distillation: 0.4, temperature: 2, smoothing: 0.1)
    let whole = objective(logits, teacher: teacher, labels: labels)
    var (loss, gradients): (Double, [Float]) = (0, [])
    for row in 0..<70 {
      let span = row * 1000..<(row + 1) * 1000
      let one = objective(
        Tensor([1, 1000], scalars: logits.scalars[span]), teacher: Tensor([1, 1000], scalars: teacher.scalars[span]),
        labels: [labels[row]])
      loss += Double(one.loss) / 70
      gradients += one.gradient.scalars.map { $0 / 70 }
    }
    #expect(abs(Double(whole.loss) - loss) < 1e-4)
    #expect(whole.gradient.largestDifference(to: Tensor([70, 1000], scalars: gradients)) < 1e-7)
  }

  @Test(arguments: objectives.indices, [1, 0.3] as [Float])
  func gradientAgreesWithFiniteDifferences(_ index: Int, _ share: Float) {
    let objective = Self.objectives[index]
    let (logits, teacher, labels) = (
      Tensor.random([3, 4], seed: 1), Tensor.random([3, 4], seed: 2), [Int32(2), 0, 3]
    )
    let found = objective(logits, teacher: teacher, labels: labels, partners: [1, 3, 2], share: share).gradient.scalars
    for i in 0..<12 {
      func loss(_ change: Float) -> Float {
        var scalars = logits.scalars
        scalars[i] += change
        return objective(
          Tensor([3, 4], scalars: scalars), teacher: teacher, labels: labels, partners: [1, 3, 2], share: share
        ).loss
      }
      let expected = (loss(0.01) - loss(-0.01)) / 0.02
      #expect(abs(found[i] - expected) < 1e-3)
    }
  }

  @Test func crossEntropyOfEvenLogitsIsTheLogarithmOfTheClasses() {
    let value = Objective(distillation: 0, temperature: 1)(Tensor([2, 8], repeating: 3), teacher: nil, labels: [0, 7])
    #expect(abs(value.loss - log(8)) < 1e-6)
    #expect(value.correct == 1)
  }

  @Test func aStudentLikeItsTeacherHasNoLoss() {
    let logits = Tensor.random([4, 5], seed: 3)
    let value = Objective(distillation: 0.5, temperature: 4)(logits, teacher: logits, labels: nil)
    #expect(abs(value.loss) < 1e-6 && value.gradient.largestMagnitude < 1e-6)
    #expect(value.correct == 4)
  }

  @Test func hugeLogitsStayFinite() {
    let logits = Tensor([1, 3], scalars: [1e4, -1e4, 0])
    let value = Objective(distillation: 0.5, temperature: 3)(logits, teacher: logits.map { -$0 }, labels: [1])
    #expect(value.loss.isFinite && value.gradient.scalars.allSatisfy { $0.isFinite })
  }
}
