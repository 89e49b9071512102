@testable import Datasets
import Foundation
import Tensors
import Testing

struct BatchTests {
  static let cifar = Normalization(
    scale: 1 / 255, mean: [0.4914, 0.4822, 0.4465], deviation: [0.247, 0.2435, 0.2616])

  /// What the batch loop should do, written the slow way.
  func naive(_ bytes: [UInt8], _ shape: Shape, _ placement: Placement, _ normalization: Normalization?) -> [Float] {
    let (channels, height, width) = (shape[0], shape[1], shape[2])
    return (0..<channels).flatMap { c in
      (0..<height).flatMap { y in
        (0..<width).map { x in
          let column = (placement.isFlipped ? width - 1 - x : x) + placement.left
          let row = y + placement.top
          let inside = row >= 0 && row < height && column >= 0 && column < width
          let value = inside ? Float(bytes[(c * height + row) * width + column]) : 0
          guard let normalization else { return value }
          return (value * normalization.scale - normalization.mean[c]) / normalization.deviation[c]
        }
      }
    }
  }

  func image(_ dataset: ImageArray, _ index: Int, _ placement: Placement, _ pixels: PixelTransform) -> Tensor {
    Tensor(Shape([1] + dataset.imageShape.dimensions), layout: .channelsLast) {
      dataset.copyImage(index, placement: placement, pixels: pixels, into: $0)
    }
  }

  @Test(arguments: Fixtures.expected.placements.indices)
  func placesAsNumPyDoes(_ index: Int) throws {
    let expected = Fixtures.expected.placements[index]
    let dataset = try #require(try DatasetFinder.open(Fixtures.path("stored.npz"), split: .train) as? ImageArray)
    let placement = Placement(top: expected.top, left: expected.left, isFlipped: expected.isFlipped)
    let seen = image(dataset, 0, placement, PixelTransform(BatchTests.cifar, channels: 3))
    #expect(seen.scalars == expected.values)
  }

  @Test(arguments: [[1, 28, 28], [3, 8, 5], [3, 1, 1], [4, 3, 7]] as [Shape])
  func agreesWithTheNaiveLoop(_ shape: Shape) {
    let dataset = randomImages(5, shape)
    let normalization = Normalization(
      scale: 1 / 255, mean: (0..<shape[0]).map { Float($0) / 8 }, deviation: (0..<shape[0]).map { 0.3 + Float($0) / 8 })
    let indices = [4, 0, 2]
    for (step, normalization) in [nil, normalization].enumerated() {
      for augmentation in [
        Augmentation.none, .cifar, Augmentation(padding: 0, flips: true), .init(padding: 30, flips: false),
      ] {
        let batch = dataset.batch(
          indices, normalization: normalization, augmentation: augmentation, seed: 7, epoch: step)
        #expect(batch.images.shape == Shape([3] + shape.dimensions))
        #expect(batch.images.layout == .channelsLast)
        #expect(batch.labels == [4, 0, 2])
        guard case .bytes(let bytes) = dataset.pixels else { return }
        let expected = indices.flatMap { index in
          naive(
            Array(bytes[index * shape.count..<(index + 1) * shape.count]), shape,
            augmentation.placement(seed: 7, epoch: step, index: index), normalization)
        }
        #expect(batch.images.scalars == expected)
      }
    }
  }

  @Test func floatsAreTreatedAsBytesAre() {
    let bytes = randomImages(4, [3, 6, 6])
    guard case .bytes(let numbers) = bytes.pixels else { return }
    let floats = ImageArray(
      name: "floats", imageShape: [3, 6, 6], pixels: .floats(numbers.map { Float($0) }), labels: nil)
    for normalization in [nil, BatchTests.cifar] {
      let a = bytes.images(0..<4, normalization: normalization, augmentation: .cifar, seed: 3, epoch: 2)
      let b = floats.images(0..<4, normalization: normalization, augmentation: .cifar, seed: 3, epoch: 2)
      #expect(a == b)
    }
    #expect(floats.batch([0]).labels == nil)
  }

  @Test func augmentationDependsOnSeedEpochAndIndexAlone() {
    let dataset = randomImages(20, [3, 8, 8])
    func seen(_ indices: [Int], seed: UInt64 = 1, epoch: Int = 1) -> [[Float]] {
      let numbers = dataset.images(indices, augmentation: .cifar, seed: seed, epoch: epoch).scalars
      return indices.indices.map { Array(numbers[$0 * 192..<($0 + 1) * 192]) }
    }
    let all = seen(Array(0..<20))
    for (index, image) in all.enumerated() { #expect(seen([index])[0] == image) }
    #expect(seen([13, 5, 5, 0]) == [all[13], all[5], all[5], all[0]])
    #expect(seen(Array(0..<20), seed: 2) != all)
    #expect(seen(Array(0..<20), epoch: 2) != all)
  }

  @Test func placementsAreEven() {
    let augmentation = Augmentation(padding: 1, flips: true)
    var counts: [Placement: Int] = [:]
    for index in 0..<18_000 { counts[augmentation.placement(seed: 5, epoch: 3, index: index), default: 0] += 1 }
    #expect(counts.count == 18)
    // A thousand each is expected; five deviations are 154.
    #expect(counts.values.allSatisfy { abs($0 - 1000) < 160 })
    let unflipped = Augmentation(padding: 1, flips: false)
    for index in 0..<100 {
      let (a, b) = (
        augmentation.placement(seed: 5, epoch: 3, index: index), unflipped.placement(seed: 5, epoch: 3, index: index)
      )
      #expect(a.top == b.top && a.left == b.left && !b.isFlipped)
    }
  }

  @Test func featuresStayRowMajor() {
    let dataset = ImageArray(name: "rows", imageShape: [3], pixels: .floats([1, 2, 3, 4, 5, 6]), labels: [0, 1])
    let images = dataset.images([1, 0], normalization: Normalization(scale: 1, mean: [1, 2, 3]))
    #expect(images.shape == [2, 3] && images.layout == .rowMajor)
    #expect(images.scalars == [3, 3, 3, 0, 0, 0])
  }

  @Test func ordersCoverEachImageOnce() {
    let dataset = randomImages(23, [1, 2, 2])
    let batches = dataset.shuffledBatches(of: 5, seed: 1, epoch: 0)
    #expect(batches.map(\.count) == [5, 5, 5, 5, 3])
    #expect(batches.joined().sorted() == Array(0..<23))
    #expect(batches == dataset.shuffledBatches(of: 5, seed: 1, epoch: 0))
    #expect(batches != dataset.shuffledBatches(of: 5, seed: 1, epoch: 1))
    #expect(batches != dataset.shuffledBatches(of: 5, seed: 2, epoch: 0))
    #expect(dataset.shuffledBatches(of: 5, seed: 1, epoch: 0, keepsRest: false).map(\.count) == [5, 5, 5, 5])
    #expect(dataset.orderedBatches(of: 10).map { $0.first } == [0, 10, 20])
  }

  /// `SIGNUM_MEASURE=1 swift test -c release --filter DatasetsTests.BatchTests` prints how long a batch takes.
  @Test(.enabled(if: ProcessInfo.processInfo.environment["SIGNUM_MEASURE"] != nil))
  func measure() {
    let dataset = randomImages(2048, [3, 32, 32])
    for (name, augmentation) in [("plain", Augmentation.none), ("augmented", .cifar)] {
      let times = (0..<200).map { round in
        let order = (0..<128).map { ($0 * 37 + round * 61) % 2048 }
        return ContinuousClock().measure {
          _ = dataset.batch(order, normalization: BatchTests.cifar, augmentation: augmentation, seed: 1, epoch: round)
        }
      }.sorted()
      print("128 × 3 × 32 × 32, \(name): median \(times[100]), best \(times[0])")
    }
  }
}
