@testable import Datasets
import Foundation
import Synchronization
import Tensors
import Testing

struct BatchLoaderTests {
  let dataset = randomImages(60, [3, 6, 6])
  static let everything: Augmentation = {
    var augmentation = Augmentation.cifar
    (augmentation.cutout, augmentation.brightness, augmentation.mixup) = (3, 0.4, 1)
    return augmentation
  }()

  @Test(arguments: [(1, 1), (1, 3), (2, 1), (4, 2), (3, 50)])
  func givesTheBatchesOfTheDataset(_ threads: Int, _ ahead: Int) {
    let order = dataset.shuffledBatches(of: 7, seed: 2, epoch: 3)
    let loader = BatchLoader(
      dataset, batches: order, normalization: BatchTests.cifar, augmentation: Self.everything, seed: 2, epoch: 3,
      ahead: ahead, threads: threads)
    var count = 0
    for (step, batch) in loader.enumerated() {
      let expected = dataset.batch(
        order[step], normalization: BatchTests.cifar, augmentation: Self.everything, seed: 2, epoch: 3, step: step)
      #expect(batch.images == expected.images && batch.labels == expected.labels)
      #expect(batch.mixing?.share == expected.mixing?.share)
      #expect(batch.mixing?.partnerLabels == expected.mixing?.partnerLabels)
      count += 1
    }
    #expect(count == order.count)
  }

  @Test func takesUpAnEpochInItsMiddle() {
    let order = dataset.shuffledBatches(of: 7, seed: 2, epoch: 3)
    let whole = Array(BatchLoader(dataset, batches: order, augmentation: Self.everything, seed: 2, epoch: 3))
    let rest = Array(
      BatchLoader(
        dataset, batches: Array(order[4...]), augmentation: Self.everything, seed: 2, epoch: 3, firstStep: 4))
    #expect(whole.count == 9 && rest.map(\.images) == whole[4...].map(\.images))
  }

  @Test func noBatches() {
    #expect(Array(BatchLoader(dataset, batches: [])).isEmpty)
    let iterator = BatchLoader(dataset, batches: [[1]], threads: 5).makeIterator()
    #expect(iterator.next()?.labels == [1] && iterator.next() == nil && iterator.next() == nil)
  }

  @Test func preparesNoMoreThanItMay() {
    let watched = Watched(base: dataset)
    let loader = BatchLoader(watched, batches: (0..<20).map { [$0] }, ahead: 2, threads: 3)
    for (number, _) in loader.enumerated() {
      // Taken: number + 1; ahead of those: two.
      #expect(watched.largest.withLock { $0 } <= number + 2)
    }
    #expect(watched.copies.withLock { $0 } == 20)
  }

  @Test func endsWithALoopThatEndsEarly() {
    struct Stop: Error {}
    let watched = Watched(base: dataset)
    for ahead in 1...4 {
      _ = try? {
        for _ in BatchLoader(watched, batches: (0..<40).map { [$0] }, ahead: ahead, threads: 2) { throw Stop() }
      }()
      // The threads have ended: nothing is copied any more, however long one looked.
      let copies = watched.copies.withLock { $0 }
      #expect(copies <= 1 + ahead)
      #expect(watched.inside.withLock { $0 } == 0)
      watched.copies.withLock { $0 = 0 }
    }
  }
}

/// Counts what is copied of a dataset.
private final class Watched: Dataset {
  let base: ImageArray
  let copies = Mutex(0)
  let inside = Mutex(0)
  let largest = Mutex(0)
  init(base: ImageArray) { self.base = base }

  var name: String { base.name }
  var count: Int { base.count }
  var imageShape: Shape { base.imageShape }
  var classCount: Int? { nil }
  var labels: [Int32]? { base.labels }

  func copyImage(
    _ index: Int, placement: Placement, pixels: PixelTransform, into target: UnsafeMutableBufferPointer<Float>
  ) {
    inside.withLock { $0 += 1 }
    copies.withLock { $0 += 1 }
    largest.withLock { $0 = max($0, index) }
    base.copyImage(index, placement: placement, pixels: pixels, into: target)
    inside.withLock { $0 -= 1 }
  }
}
