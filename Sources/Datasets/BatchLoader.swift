import Foundation
import Tensors

/// The batches of an epoch, prepared ahead on threads of their own while the one before is computed with.
///
/// Their order and their bytes are those of `Dataset.batch(…)`, whatever the number of threads and however busy they
/// are. At most `ahead` batches are prepared before they are asked for. Where a loop ends early, by `break` or by an
/// error, the threads end with the iterator.
///
///     for batch in BatchLoader(training, batches: order, augmentation: .cifar, seed: 1, epoch: 3) { … }
package struct BatchLoader: Sequence, Sendable {
  package let dataset: any Dataset
  /// The indices of each batch.
  package let batches: [[Int]]
  package var normalization: Normalization?
  package var augmentation: Augmentation
  package var seed: UInt64
  package var epoch: Int
  /// The step of the first of `batches` in its epoch: not 0 where an epoch is taken up again.
  package var firstStep: Int
  package var ahead: Int
  package var threads: Int

  /// - Parameter threads: nil takes what is worth while for the dataset.
  /// - Precondition: the indices are from 0 to `dataset.count` − 1; `ahead` and `threads` are at least 1.
  package init(
    _ dataset: any Dataset, batches: [[Int]], normalization: Normalization? = nil, augmentation: Augmentation = .none,
    seed: UInt64 = 0, epoch: Int = 0, firstStep: Int = 0, ahead: Int = 3, threads: Int? = nil
  ) {
    let threads = threads ?? dataset.loaderThreads
    precondition(ahead > 0 && threads > 0, "a loader has a thread, and at least one batch ahead")
    self.dataset = dataset
    self.batches = batches
    self.normalization = normalization
    self.augmentation = augmentation
    self.seed = seed
    self.epoch = epoch
    self.firstStep = firstStep
    self.ahead = ahead
    self.threads = threads
  }

  package var underestimatedCount: Int { batches.count }

  /// Starts the threads.
  package func makeIterator() -> Iterator { Iterator(self) }

  fileprivate func batch(_ number: Int) -> Batch {
    dataset.batch(
      batches[number], normalization: normalization, augmentation: augmentation, seed: seed, epoch: epoch,
      step: firstStep + number)
  }

  /// Hands out the batches in order; its threads end before it does.
  package final class Iterator: IteratorProtocol {
    private let queue: Queue

    fileprivate init(_ loader: BatchLoader) {
      queue = Queue(loader)
      for _ in 0..<Swift.min(loader.threads, loader.batches.count) { queue.startThread() }
    }

    deinit { queue.stop() }

    /// The next batch, as soon as it is there; nil after the last one.
    package func next() -> Batch? { queue.take() }
  }
}

/// What the threads of a loader and the loop that takes their batches share.
private final class Queue: @unchecked Sendable {
  private let loader: BatchLoader
  /// Guards everything below.
  private let condition = NSCondition()
  private var ready: [Int: Batch] = [:]
  /// The numbers of the batches that nobody prepares yet, and that nobody has taken yet.
  private var (unprepared, untaken) = (0, 0)
  private var running = 0
  private var isStopped = false

  init(_ loader: BatchLoader) { self.loader = loader }

  func startThread() {
    condition.withLock { running += 1 }
    Thread.detachNewThread {
      while let number = self.claim() { self.put(self.loader.batch(number), number) }
      self.condition.withLock {
        self.running -= 1
        self.condition.broadcast()
      }
    }
  }

  /// The number of the batch to prepare next, once there is room for it; nil where there is none any more.
  private func claim() -> Int? {
    condition.withLock {
      while !isStopped && unprepared < loader.batches.count && unprepared >= untaken + loader.ahead { condition.wait() }
      guard !isStopped && unprepared < loader.batches.count else { return nil }
      unprepared += 1
      return unprepared - 1
    }
  }

  private func put(_ batch: Batch, _ number: Int) {
    condition.withLock {
      ready[number] = batch
      condition.broadcast()
    }
  }

  func take() -> Batch? {
    condition.withLock {
      guard untaken < loader.batches.count else { return nil }
      while ready[untaken] == nil { condition.wait() }
      let batch = ready.removeValue(forKey: untaken)
      untaken += 1
      condition.broadcast()
      return batch
    }
  }

  /// Lets the threads end, and waits until they have.
  func stop() {
    condition.withLock {
      isStopped = true
      condition.broadcast()
      while running > 0 { condition.wait() }
    }
  }
}
