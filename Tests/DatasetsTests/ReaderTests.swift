@testable import Datasets
import Foundation
import Tensors
import Testing

struct ReaderTests {
  func opening(_ path: String, _ split: Split = .train) -> DatasetError? {
    failure { () throws(DatasetError) in try DatasetFinder.open(path, split: split) }
  }

  /// Records whose label and bytes follow from their number.
  func cifar(_ records: Int, label: (Int) -> UInt8 = { UInt8($0 % 10) }) -> [UInt8] {
    (0..<records).flatMap { record in [label(record)] + randomBytes(3072, seed: UInt64(record)) }
  }

  @Test func everyReaderTellsWhatItReads() {
    for reader in datasetReaders {
      #expect(!reader.name.isEmpty && !reader.summary.isEmpty)
      for split in Split.allCases { #expect(!reader.fileNames(split).isEmpty) }
      #expect(reader.select([], split: .train).isEmpty)
    }
    #expect(Set(datasetReaders.map { $0.name }).count == datasetReaders.count)
  }

  @Test func cifarByItsParts() throws {
    let folder = try TemporaryFolder()
    try folder.write("data_batch_1.bin", cifar(3))
    try folder.write("data_batch_2.bin", cifar(2))
    try folder.write("batches.meta.txt", Array("airplane\n".utf8))
    let test = try folder.write("test_batch.bin", cifar(1, label: { _ in 7 }))
    let training = try DatasetFinder.open(folder.path, split: .train)
    #expect(training.count == 5 && training.imageShape == [3, 32, 32] && training.classCount == 10)
    #expect(training.labels == [0, 1, 2, 0, 1])
    #expect(training.images([4]).scalars == randomBytes(3072, seed: 1).map { Float($0) })
    #expect(try DatasetFinder.open(folder.path, split: .test).labels == [7])
    #expect(try DatasetFinder.open(test, split: .train).labels == [7])
    #expect(try DatasetFinder.open(folder.write("mine.bin", cifar(4)), split: .test).count == 4)
  }

  @Test func cifarThatIsNot() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("data_batch_1.bin", Array(cifar(2).dropLast()))
    #expect(opening(folder.path) == .partialRecord(path, bytes: 6145, record: 3073))
    try folder.write("data_batch_1.bin", cifar(3, label: { $0 == 2 ? 10 : 0 }))
    #expect(opening(path) == .labelOutOfRange(path, index: 2, label: 10, classCount: 10))
    try folder.write("data_batch_1.bin", [])
    #expect(opening(path) == .empty(path))
    #expect(
      opening(folder.path, .test) == .noPart(folder.path, split: .test, lookedFor: ["test_batch.bin", "test.bin"]))
  }

  /// Records of CIFAR-100: the number of the group of classes, that of the class, and the bytes.
  private func cifar100(_ records: Int) -> [UInt8] {
    (0..<records).flatMap { (record: Int) -> [UInt8] in
      let labels = [UInt8(record % 20), UInt8(99 - record)]
      return labels + randomBytes(3072, seed: UInt64(record))
    }
  }

  @Test func cifar100ByItsParts() throws {
    let folder = try TemporaryFolder()
    try folder.write("train.bin", cifar100(4))
    let test = try folder.write("test.bin", cifar100(2))
    let training = try DatasetFinder.open(folder.path, split: .train)
    #expect(training.count == 4 && training.classCount == 100 && training.labels == [99, 98, 97, 96])
    #expect(training.images([3]).scalars == randomBytes(3072, seed: 3).map { Float($0) })
    #expect(try DatasetFinder.open(folder.path, split: .test).labels == [99, 98])
    #expect(try DatasetFinder.open(test, split: .train).count == 2)
    // Under the names of CIFAR-100, and yet records of CIFAR-10.
    try folder.write("train.bin", cifar(3))
    #expect(try DatasetFinder.open(folder.path, split: .train).classCount == 10)
    let cut = try folder.write("test.bin", Array(cifar100(2).dropLast()))
    #expect(opening(folder.path, .test) == .partialRecord(cut, bytes: 6147, record: 3074))
    var wrong = cifar100(1)
    wrong[1] = 100
    try folder.write("test.bin", wrong)
    #expect(opening(cut) == .labelOutOfRange(cut, index: 0, label: 100, classCount: 100))
  }

  @Test func aLimitHoldsForEveryKind() throws {
    var request = DatasetRequest(.train)
    (request.limit, request.limitSeed) = (100, 7)
    let some = try DatasetFinder.open(Fixtures.folder + "/fashion-mnist", request)
    let all = try DatasetFinder.open(Fixtures.folder + "/fashion-mnist", split: .train)
    let indices = try #require(some as? Subset).indices
    #expect(some.count == 100 && indices == indices.sorted() && Set(indices).count == 100 && indices.last! > 2500)
    #expect(some.labels == indices.map { all.labels![$0] })
    request.limitSeed = nil
    #expect(try DatasetFinder.open(Fixtures.folder + "/fashion-mnist", request).images(0..<100) == all.images(0..<100))
  }

  @Test func filesOfBothKindsAreNotMixed() throws {
    let folder = try TemporaryFolder()
    try folder.write("data_batch_1.bin", cifar(1))
    try folder.write("data_batch_2.bin", cifar100(1))
    #expect(
      opening(folder.path)
        == .ambiguous(
          folder.path + "/", candidates: ["data_batch_1.bin", "data_batch_2.bin"]))
  }

  @Test func packedFilesSayHowToUnpackThem() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("data_batch_1.bin.xz", [1])
    try folder.write("test_batch.bin.xz", [1])
    #expect(opening(folder.path) == .stillPacked(path, unpack: "xz -dk *.bin.xz"))
    #expect("\(opening(folder.path)!)" == "\(path): is packed; unpack it first: xz -dk *.bin.xz")
    #expect(opening(path) == .stillPacked(path, unpack: "xz -dk *.bin.xz"))
    try folder.write("data_batch_1.bin", cifar(1))
    #expect(opening(folder.path) == nil)
    guard case .stillPacked(_, _) = opening(folder.path, .test) else {
      Issue.record("the packed test part is not seen")
      return
    }
  }

  @Test func idxByItsParts() throws {
    let training = try DatasetFinder.open(Fixtures.path("idx"), split: .train)
    #expect(training.imageShape == [1, 6, 5] && training.labels == [3, 1, 4, 1] && training.classCount == nil)
    #expect(training.images(0..<4).scalars == Fixtures.expected.idx.train)
    let test = try DatasetFinder.open(Fixtures.path("idx/"), split: .test)
    #expect(test.images(0..<2).scalars == Fixtures.expected.idx.test && test.labels == [9, 2])
    #expect(try DatasetFinder.open(Fixtures.path("idx/t10k-images-idx3-ubyte"), split: .train).count == 2)
  }

  @Test func fashionIsWhatItWas() throws {
    let folder = Fixtures.folder + "/fashion-mnist"
    let (training, test) = (try DatasetFinder.open(folder, split: .train), try DatasetFinder.open(folder, split: .test))
    #expect(training.count == 5000 && test.count == 2000 && test.imageShape == [1, 28, 28])
    try training.checkLabels(classCount: 10)
    // The first labels of Fashion-MNIST, and the first image's sum, by numpy.
    #expect(training.labels?.prefix(10) == [9, 0, 0, 3, 0, 2, 7, 2, 5, 5])
    #expect(test.labels?.prefix(10) == [9, 2, 1, 1, 6, 1, 4, 6, 5, 7])
    #expect(training.images([0]).scalars.reduce(0, +) == 76247)
  }

  @Test func idxThatIsNot() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("train-images-idx3-ubyte", idxHeader([2, 2, 2]) + [UInt8](repeating: 0, count: 8))
    #expect(try DatasetFinder.open(folder.path, split: .train).labels == nil)
    let labels = try folder.write("train-labels-idx1-ubyte", idxHeader([3]) + [1, 2, 3])
    #expect(opening(folder.path) == .countsDiffer(path, images: 2, labelsPath: labels, labels: 3))
    #expect("\(opening(labels)!)".contains("give the file of the images"))
    #expect(
      opening(folder.path, .test)
        == .noPart(
          folder.path, split: .test, lookedFor: ["t10k-images-idx3-ubyte[.gz]", "t10k-labels-idx1-ubyte[.gz]"]))
    try folder.write("old-train-images-idx3-ubyte", [])
    guard
      case .ambiguous(_, candidates: ["old-train-images-idx3-ubyte", "train-images-idx3-ubyte"]) = opening(folder.path)
    else {
      Issue.record("\(String(describing: opening(folder.path)))")
      return
    }
  }

  @Test func archivesByTheirParts() throws {
    let expected = Fixtures.expected.archive
    for name in ["stored.npz", "deflated.npz"] {
      let training = try DatasetFinder.open(Fixtures.path(name), split: .train)
      #expect(training.imageShape == [3, 5, 4] && training.labels == expected.trainLabels)
      #expect(training.images(0..<3).scalars == expected.train)
      let test = try DatasetFinder.open(Fixtures.path(name), split: .test)
      #expect(test.images(0..<2).scalars == expected.test && test.labels == expected.testLabels)
    }
    let pair = try DatasetFinder.open(Fixtures.path("pair.npz"), split: .test)
    #expect(pair.imageShape == [1, 5, 4] && pair.labels == [2, 0, 1])
    let large = try DatasetFinder.open(Fixtures.path("large.npz"), split: .train)
    #expect(large.images(0..<3).scalars == expected.train && large.labels == expected.trainLabels)
    let folder = try TemporaryFolder()
    try folder.write("mine.npz", Fixtures.bytes("deflated.npz"))
    #expect(try DatasetFinder.open(folder.path, split: .test).count == 2)
  }

  @Test func arraysBesideEachOther() throws {
    let folder = try TemporaryFolder()
    func save(_ name: String, _ shape: Shape) throws {
      try NumPyFile.write(Tensor(shape, scalars: (0..<shape.count).map { Float($0) }), to: folder.path + "/" + name)
    }
    try save("x_train.npy", [3, 1, 2, 2])
    try save("y_train.npy", [3])
    try save("images.npy", [2, 4])
    let training = try DatasetFinder.open(folder.path, split: .train)
    #expect(training.labels == [0, 1, 2] && training.images([1]).scalars == [4, 5, 6, 7])
    #expect(try DatasetFinder.open(folder.path + "/images.npy", split: .test).imageShape == [4])
    guard case .noPart = opening(folder.path, .test) else {
      Issue.record("\(String(describing: opening(folder.path, .test)))")
      return
    }
    try save("y_train.npy", [3, 10])
    #expect(opening(folder.path) == .labelShape(folder.path + "/y_train.npy", [3, 10]))
    try save("y_train.npy", [4])
    #expect("\(opening(folder.path)!)".contains("3 images, but"))
    try NumPyFile.write(Tensor([3], scalars: [0, 1.5, 2]), to: folder.path + "/y_train.npy")
    #expect(opening(folder.path) == .labelNotInteger(folder.path + "/y_train.npy", index: 1, value: "1.5"))
    try save("x_train.npy", [3])
    #expect(opening(folder.path) == .imageShape(folder.path + "/x_train.npy", [3]))
    try save("x_train.npy", [3, 0])
    #expect(opening(folder.path) == .imageShape(folder.path + "/x_train.npy", [3, 0]))
    try save("x_train.npy", [0, 3])
    #expect(opening(folder.path) == .empty(folder.path + "/x_train.npy"))
  }

  @Test func placesThatHoldNothing() throws {
    let folder = try TemporaryFolder()
    let missing = folder.path + "/none"
    #expect(opening(missing) == .missing(missing))
    #expect("\(opening(missing)!)" == "\(missing): no such file or folder")
    #expect(
      "\(opening(folder.path)!)".hasPrefix("\(folder.path): holds no dataset that is known; looked for data_batch_1"))
    let text = try folder.write("notes.txt", [65])
    #expect("\(opening(text)!)".contains("no dataset reader takes a file of this name"))
    #expect(failure { () throws(DatasetError) in try NumPyFile.read(folder.path) } == .isFolder(folder.path))
    #expect(failure { () throws(DatasetError) in try NumPyFile.read("/dev/null") } == .notRegularFile("/dev/null"))
    try FileManager.default.createDirectory(
      atPath: folder.path + "/data_batch_1.bin", withIntermediateDirectories: false)
    #expect(opening(folder.path) == .isFolder(folder.path + "/data_batch_1.bin"))
  }

  @Test(.enabled(if: getuid() != 0)) func placesThatAreLocked() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("a.npy", [1])
    chmod(path, 0)
    #expect(opening(path) == .noPermission(path))
    chmod(folder.path, 0)
    #expect(opening(folder.path) == .noPermission(folder.path))
    chmod(folder.path, 0o700)
  }
}
