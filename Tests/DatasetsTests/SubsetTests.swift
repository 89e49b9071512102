@testable import Datasets
import Tensors
import Testing

struct SubsetTests {
  let dataset = randomImages(10, [1, 3, 3])

  @Test func firstImages() {
    let few = dataset.first(4)
    #expect(few.count == 4 && few.labels == [0, 1, 2, 3] && few.imageShape == [1, 3, 3])
    #expect(few.images(0..<4) == dataset.images(0..<4))
    #expect(dataset.first(99).count == 10 && dataset.first(-1).count == 0)
  }

  @Test func lastImagesForValidation() {
    let (training, validation) = dataset.split(validation: 3)
    #expect(training.indices == Array(0..<7) && validation.indices == [7, 8, 9])
    #expect(validation.batch([0, 2]).labels == [7, 9])
    #expect(validation.images([0, 2]) == dataset.images([7, 9]))
  }

  @Test func randomImagesForValidation() {
    let (training, validation) = dataset.split(validation: 4, seed: 3)
    #expect(validation.count == 4 && (training.indices + validation.indices).sorted() == Array(0..<10))
    #expect(dataset.split(validation: 4, seed: 3).validation.indices == validation.indices)
    #expect((0..<5).contains { dataset.split(validation: 4, seed: $0).validation.indices != validation.indices })
    #expect(dataset.split(validation: 40).training.count == 0)
  }

  @Test func subsetsOfSubsets() {
    let inner = Subset(dataset.split(validation: 5).validation, indices: [4, 0])
    #expect(inner.labels == [9, 5])
    #expect(inner.images([0]) == dataset.images([9]))
  }

  @Test func labelsAreChecked() throws {
    try dataset.checkLabels(classCount: 10)
    let error = failure { () throws(DatasetError) in try dataset.checkLabels(classCount: 9) }
    #expect(error == .labelOutOfRange("random", index: 9, label: 9, classCount: 9))
    #expect("\(error!)" == "random: the label of image 9 is 9, but the classes are 0 to 8")
    let bare = ImageArray(name: "bare", imageShape: [1], pixels: .bytes([1]), labels: nil)
    #expect(failure { () throws(DatasetError) in try bare.checkLabels(classCount: 9) } == .noLabels("bare"))
    let negative = ImageArray(name: "n", imageShape: [1], pixels: .bytes([1]), labels: [-1])
    #expect(failure { () throws(DatasetError) in try negative.checkLabels(classCount: 9) } != nil)
  }

  @Test func whatARecipeAsksIsChecked() throws {
    let rows = ImageArray(name: "rows", imageShape: [3], pixels: .floats([1, 2, 3]), labels: nil)
    func message(_ body: () throws(DatasetError) -> Void) -> String? { failure(body).map { "\($0)" } }
    try dataset.check(Normalization(scale: 1 / 255, mean: [0.2], deviation: [0.3]))
    try dataset.check(Augmentation.cifar)
    try rows.check(Augmentation.none)
    try rows.check(Normalization(scale: 1, mean: [1, 2, 3]))
    try rows.checkImages(shape: [3])
    let three = Normalization(scale: 1, mean: [1, 2, 3])
    #expect(
      message { () throws(DatasetError) in try dataset.check(three) }
        == "random: its normalisation has 3 means; one is wanted, or one for each of 1 channels")
    for wrong in [
      Normalization(scale: 1, deviation: [0]), Normalization(scale: .infinity), Normalization(scale: 1, mean: [.nan]),
      Normalization(scale: 1, deviation: []),
    ] {
      #expect(failure { () throws(DatasetError) in try dataset.check(wrong) } != nil)
    }
    #expect(message { () throws(DatasetError) in try rows.check(Augmentation.cifar) }!.contains("are no images"))
    var far = Augmentation.cifar
    far.padding = -1
    #expect(message { () throws(DatasetError) in try dataset.check(far) }!.contains("a padding of -1 pixels"))
    #expect(
      message { () throws(DatasetError) in try dataset.checkImages(shape: [3, 3, 3]) }
        == "random: images are [1, 3, 3], but the network takes [3, 3, 3]")
  }
}
