import Foundation
import Tensors
import TestSupport
import Testing
import Training

struct ObjectiveTests {
  static let objectives = [
    Objective(distillation: 0, temperature: 1), Objective(distillation: 0.7, temperature: 3),
    Objective(distillation: 1, temperature: 2),
  ]

  @Test(arguments: objectives.indices) func gradientAgreesWithFiniteDifferences(_ index: Int) {
    let objective = Self.objectives[index]
    let (logits, teacher, labels) = (
      Tensor.random([3, 4], seed: 1), Tensor.random([3, 4], seed: 2), [Int32(2), 0, 3]
    )
    let found = objective(logits, teacher: teacher, labels: labels).gradient.scalars
    for i in 0..<12 {
      func loss(_ change: Float) -> Float {
        var scalars = logits.scalars
        scalars[i] += change
        return objective(Tensor([3, 4], scalars: scalars), teacher: teacher, labels: labels).loss
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
