import Datasets
import Graphs
import Tensors
import TestSupport
import Testing
import Training

struct LessonsTests {
  private static let augmentation: Augmentation = {
    var augmentation = Augmentation(padding: 1, flips: true)
    augmentation.views = 2
    return augmentation
  }()

  /// Pixels that show how they were moved.
  private static let pictures: any Dataset = {
    var generator = SplitMix64(seed: 5)
    let bytes = (0..<250 * 48).map { _ in UInt8(generator.below(256)) }
    return ImageArray(name: "pictures", imageShape: [3, 4, 4], pixels: .bytes(bytes), labels: nil)
  }()

  /// Answers an image with its first two numbers.
  private static func answer(_ images: Tensor) -> Tensor {
    let size = images.count / images.shape[0]
    let numbers = images.scalars
    return Tensor([images.shape[0], 2], scalars: (0..<images.shape[0]).flatMap { numbers[$0 * size..<$0 * size + 2] })
  }

  @Test func asksOnceAboutEachView() throws {
    let data = Self.pictures
    var lessons = try #require(Lessons(images: data.count, classes: 2, augmentation: Self.augmentation))
    var asked: [Int] = []
    for epoch in 0..<5 {
      var count = 0
      // The rest of an epoch is left out, and so are other images in each.
      for indices in data.shuffledBatches(of: 60, seed: 1, epoch: epoch, keepsRest: false) {
        let images = data.images(indices, augmentation: Self.augmentation, seed: 1, epoch: epoch)
        let answers = lessons.answers(to: images, of: indices, epoch: epoch) {
          count += $0.shape[0]
          return Self.answer($0)
        }
        #expect(answers == Self.answer(images))
      }
      asked.append(count)
    }
    let shown = data.count / 60 * 60
    #expect(shown < data.count && asked[..<2] == [shown, shown])
    #expect(asked[2...].allSatisfy { $0 <= data.count - shown })
    #expect(asked[0] + asked[2] + asked[4] <= data.count && asked[1] + asked[3] <= data.count)
  }

  @Test func keepsNothingThatNeverComesAgain() {
    #expect(Lessons(images: 10, classes: 2, augmentation: .cifar) == nil)
    var mixed = Self.augmentation
    mixed.mixup = 0.5
    #expect(Lessons(images: 10, classes: 2, augmentation: mixed) == nil)
    #expect(Lessons(images: Lessons.largestCount / 4, classes: 2, augmentation: Self.augmentation) == nil)
    #expect(Lessons(images: Int.max / 2, classes: Int.max / 2, augmentation: Self.augmentation) == nil)
  }

  @Test func aStateThatDoesNotFitChangesNothing() throws {
    var lessons = try #require(Lessons(images: 3, classes: 2, augmentation: Self.augmentation))
    _ = lessons.answers(to: .random([1, 4], seed: 1), of: [2], epoch: 1, asking: Self.answer)
    let kept = lessons.tensors
    #expect(kept.map(\.value.shape) == [[2, 3, 2], [2, 3]])
    #expect(kept[1].value.scalars == [0, 0, 0, 0, 0, 1])
    var states = Array(
      repeating: Dictionary(uniqueKeysWithValues: kept.map { ($0.name, $0.value) }), count: 4)
    states[0]["lessons/known"] = nil
    states[1]["lessons/answers"] = Tensor([2, 3, 3], repeating: 0)
    states[2]["lessons/answers"] = Tensor([2, 3, 2], repeating: .nan)
    for index in 0..<3 {
      #expect(lessons.restore(&states[index]).count == 1)
      #expect(lessons.tensors.map(\.value) == kept.map(\.value))
    }
    #expect(lessons.restore(&states[3]).isEmpty && states[3].isEmpty)
  }

  /// A training whose teacher is silent after its first epochs, stopped after any step, comes to the same bits.
  @Test func goesOnWithWhatTheTeacherSaid() throws {
    let plain = try SmallTraining.tuning {
      $0.augmentation = Self.augmentation
      $0.epochs = 5
    }
    let tuning = FineTuning(
      student: plain.student, teacher: try SmallTraining.network(), training: plain.training,
      validation: plain.validation, normalization: nil, settings: plain.settings)
    let (states, _, values) = try SmallTraining.states(tuning)
    #expect(states.allSatisfy { $0.tensors.contains { $0.name == "lessons/answers" } })
    for state in [states[0], states[4], states[8], states[11]] {
      let data = CheckpointFile.encode(Checkpoint(fingerprint: SmallTraining.fingerprint, state: state))
      let outcome = try tuning.run(from: CheckpointFile.decode(data, path: "c").state, watch: Watch())
      #expect(SmallTraining.values(outcome) == values, "\(state.course.place)")
    }
  }

  /// Views in turn are those of the first epochs.
  @Test func viewsComeInTurn() {
    let data = Self.pictures
    func images(_ epoch: Int, views: Int) -> Tensor {
      var augmentation = Self.augmentation
      augmentation.views = views
      return data.images(0..<8, augmentation: augmentation, seed: 1, epoch: epoch)
    }
    #expect(images(5, views: 2) == images(1, views: 0) && images(4, views: 2) == images(0, views: 0))
    #expect(images(5, views: 0) != images(1, views: 0))
  }
}
