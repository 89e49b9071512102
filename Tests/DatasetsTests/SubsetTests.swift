import Tensors
import Testing

@testable import Datasets

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
}
