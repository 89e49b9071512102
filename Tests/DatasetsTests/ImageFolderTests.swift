@testable import Datasets
import Foundation
import Tensors
import Testing

struct ImageFolderTests {
  private func opening(_ path: String, _ request: DatasetRequest) -> DatasetError? {
    failure { () throws(DatasetError) in try DatasetFinder.open(path, request) }
  }

  private func request(_ split: Split = .train, _ shape: Shape? = [3, 16, 16], isStrict: Bool = false) -> DatasetRequest
  {
    var request = DatasetRequest(split)
    (request.imageShape, request.isStrict) = (shape, isStrict)
    return request
  }

  /// Nine images in three classes, one of them in a folder of its own.
  private func classes(_ prefix: String = "") throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    for (name, image) in [
      ("bird/a.png", "colour.png"), ("bird/b.JPG", "colour.jpg"), ("cat/a.png", "grey.png"),
      ("cat/b.jpeg", "full.jpeg"),
      ("cat/more/c.png", "palette.png"), ("dog/a.jpg", "inks.jpg"), ("dog/b.png", "alpha.png"),
      ("dog/c.jpg", "progressive.jpg"), ("dog/d.png", "interlaced.png"),
    ] { try folder.copy(image, to: prefix + name) }
    return folder
  }

  @Test func aFolderAClass() throws {
    let folder = try classes()
    try folder.put("cat/notes.txt", [1])
    try folder.put(".hidden/x.png", [1])
    try folder.put("empty/notes.txt", [1])
    let images = try DatasetFinder.open(folder.path, request())
    #expect(images.count == 9 && images.imageShape == [3, 16, 16] && images.classCount == 3)
    let labels = try #require(images.labels)
    #expect(labels.sorted() == [0, 0, 1, 1, 1, 2, 2, 2, 2])
    // Not class by class: the first images and the last ones are of all classes.
    #expect(labels != labels.sorted())
    try images.checkLabels(classCount: 3)
    let again = try DatasetFinder.open(folder.path, request(.test))
    #expect(again.labels == labels && again.images(0..<9) == images.images(0..<9))
  }

  @Test func pixelsAreThoseOfTheFile() throws {
    let folder = try TemporaryFolder()
    try folder.copy("colour.png", to: "only/a.png")
    let images = try DatasetFinder.open(folder.path, request(.train, nil))
    let (dimensions, expected) = try ImageFixtures.expected("decoded/colour.png")
    #expect(images.imageShape.dimensions == [3, dimensions[0], dimensions[1]])
    #expect(images.images([0]).withUnsafeFloats { Array($0) } == expected)
  }

  @Test func decodedWhenShownOrKeptIsTheSame() throws {
    let folder = try classes()
    try folder.put("bird/broken.png", [1, 2, 3])
    var request = request()
    let kept = try DatasetFinder.open(folder.path, request)
    request.cachedBytes = 9 * 3 * 16 * 16
    let shown = try DatasetFinder.open(folder.path, request)
    #expect(kept is ImageArray && shown is ImageFiles)
    #expect(shown.count == 9 && shown.labels == kept.labels && shown.largestPixel == 255)
    // Three of them are the same picture, stored in three ways.
    #expect(shown.fingerprints == kept.fingerprints && Set(shown.fingerprints).count == 7)
    #expect(kept.overlap(with: shown) == 9)
    let order = [[3, 1], [8, 0, 2], [4]]
    let batches = [kept, shown].map {
      Array(BatchLoader($0, batches: order, normalization: BatchTests.cifar, augmentation: .cifar, seed: 3, epoch: 1))
    }
    #expect(batches[0].map(\.images) == batches[1].map(\.images))
  }

  @Test func partsByTheirNames() throws {
    let folder = try classes("train/")
    try folder.copy("colour.png", to: "val/cat/x.png")
    try folder.copy("colour.jpg", to: "val/dog/x.jpg")
    #expect(try DatasetFinder.open(folder.path, request()).count == 9)
    let test = try DatasetFinder.open(folder.path, request(.test))
    // Numbers are those of the training part, which has one class more.
    #expect(test.count == 2 && test.labels?.sorted() == [1, 2] && test.classCount == 3)
    #expect(test.name == folder.path + "/val")
    try folder.copy("grey.png", to: "test/1.png")
    #expect(try DatasetFinder.open(folder.path, request(.test)).count == 2)
    try folder.copy("grey.png", to: "test/bird/1.png")
    try FileManager.default.removeItem(atPath: folder.path + "/test/1.png")
    #expect(try DatasetFinder.open(folder.path, request(.test)).labels == [0])
  }

  @Test func partsThatDoNotFit() throws {
    let folder = try classes("train/")
    #expect(
      opening(folder.path, request(.test))
        == .noPart(
          folder.path, split: .test, lookedFor: ["test/CLASS/*.jpg|jpeg|png"]))
    try folder.copy("colour.png", to: "test/zebra/x.png")
    #expect(
      opening(folder.path, request(.test))
        == .unknownClasses(
          folder.path + "/test", ["zebra"], training: folder.path + "/train"))
    try folder.copy("colour.png", to: "train/loose.png")
    #expect(opening(folder.path, request()) == .looseImages(folder.path + "/train", example: "loose.png"))
  }

  @Test func imagesWithoutClassesHaveNoLabels() throws {
    let folder = try TemporaryFolder()
    for name in ["1.png", "2.png"] { try folder.copy("colour.png", to: name) }
    let images = try DatasetFinder.open(folder.path, request(.train, [1, 10, 10]))
    #expect(images.count == 2 && images.labels == nil && images.classCount == nil && images.imageShape == [1, 10, 10])
    let one = try DatasetFinder.open(folder.path + "/1.png", request())
    #expect(one.count == 1 && one.labels == nil)
    let none = try TemporaryFolder()
    guard case .nothingKnown = opening(none.path, request()) else {
      Issue.record("an empty folder is no dataset")
      return
    }
  }

  @Test func damagedImagesAreLeftOutAndNamed() throws {
    let folder = try classes()
    let whole = try DatasetFinder.open(folder.path, request())
    let cut = try folder.put("dog/cut.jpg", Array(FileBytes.read(ImageFixtures.path("colour.jpg")).dropLast(300)))
    let text = try folder.put("cat/text.png", Array("no image".utf8))
    var heard: [String] = []
    var request = request()
    request.warn = { heard.append($0) }
    let images = try DatasetFinder.open(folder.path, request)
    #expect(images.count == 9 && Set(images.fingerprints) == Set(whole.fingerprints))
    #expect(images.overlap(with: whole) == 9)
    #expect(
      heard == [
        "\(folder.path): 2 of 11 images cannot be read and are left out",
        "\(text): is neither a JPEG nor a PNG",
        "\(cut): is damaged: Premature end of JPEG file",
      ])
    request.isStrict = true
    let error = opening(folder.path, request)
    #expect("\(error!)" == "\(text): is neither a JPEG nor a PNG\n\(cut): is damaged: Premature end of JPEG file")
  }

  @Test func aLimitTakesTheFirstOrSomeBySeed() throws {
    let folder = try classes()
    let all = try DatasetFinder.open(folder.path, request())
    var request = request()
    request.limit = 4
    let first = try DatasetFinder.open(folder.path, request)
    #expect(first.count == 4 && first.images(0..<4) == all.images(0..<4))
    request.limitSeed = 5
    let some = try DatasetFinder.open(folder.path, request)
    #expect(some.count == 4 && some.overlap(with: all) == 4 && some.images(0..<4) != first.images(0..<4))
    #expect(try DatasetFinder.open(folder.path, request).images(0..<4) == some.images(0..<4))
    request.limit = 40
    #expect(try DatasetFinder.open(folder.path, request).count == 9)
  }

  @Test func nothingButDamagedImages() throws {
    let folder = try TemporaryFolder()
    let path = try folder.put("a/x.png", [0x89])
    #expect(
      opening(folder.path, request())
        == .unreadableImages(
          folder.path, [UnreadableImage(path: path, reason: "is neither a JPEG nor a PNG")]))
  }
}
