import CImages
@testable import Datasets
import Foundation
import Tensors
import Testing

struct AugmentationTests {
  @Test(arguments: ImageFixtures.names("jitter/").filter { $0 != "jitter/image" })
  func coloursVaryAsInTorchvision(_ key: String) throws {
    let factors = key.split(separator: "/").compactMap { Float($0) }
    var pixels = try ImageFixtures.expected("jitter/image").numbers
    ci_jitter(&pixels, Int64(pixels.count / 3), 3, factors[0], factors[1], factors[2], 255)
    #expect(ImageFixtures.largestDifference(pixels, try ImageFixtures.expected(key).numbers) < 1e-3)
  }

  @Test func strengthsBoundTheFactors() {
    var augmentation = Augmentation.none
    (augmentation.brightness, augmentation.contrast) = (0.4, 2)
    let factors = (0..<4000).map { augmentation.colours(seed: 1, epoch: 2, index: $0) }
    let brightness = factors.map(\.brightness), contrast = factors.map(\.contrast)
    #expect(brightness.min()! >= 0.6 && brightness.min()! < 0.61 && brightness.max()! > 1.39 && brightness.max()! < 1.4)
    #expect(contrast.min()! >= 0 && contrast.min()! < 0.01 && contrast.max()! > 2.98 && contrast.max()! < 3)
    #expect(factors.allSatisfy { $0.saturation == 1 })
  }

  @Test func coloursAreVariedBeforeTheNormalisation() {
    let data = randomImages(6, [3, 5, 4])
    var augmentation = Augmentation(padding: 2, flips: true)
    augmentation.brightness = 0.8
    let seen = data.images(0..<6, normalization: BatchTests.cifar, augmentation: augmentation, seed: 4, epoch: 1)
    augmentation.brightness = 0
    var moved = data.images(0..<6, augmentation: augmentation, seed: 4, epoch: 1)
    augmentation.brightness = 0.8
    moved.withUnsafeMutableFloats { numbers in
      for i in numbers.indices {
        let factor = augmentation.colours(seed: 4, epoch: 1, index: i / 60).brightness
        let value = min(255, numbers[i] * factor)
        numbers[i] = (value * BatchTests.cifar.scale - BatchTests.cifar.mean[i % 3]) / BatchTests.cifar.deviation[i % 3]
      }
    }
    #expect(seen == moved)
  }

  @Test func floatsOfUnknownRangeAreNotBounded() {
    let data = ImageArray(name: "x", imageShape: [1, 1, 2], pixels: .floats([300, -2]), labels: nil)
    var augmentation = Augmentation.none
    augmentation.brightness = 0.5
    let factor = augmentation.colours(seed: 1, epoch: 0, index: 0).brightness
    #expect(data.images([0], augmentation: augmentation, seed: 1).scalars == [300 * factor, -2 * factor])
  }

  @Test func aSquareIsCovered() {
    let data = randomImages(50, [2, 9, 7])
    var augmentation = Augmentation.none
    augmentation.cutout = 4
    let normalization = Normalization(scale: 1, mean: [1000], deviation: [2])
    let plain = data.images(0..<50, normalization: normalization).scalars
    let seen = data.images(0..<50, normalization: normalization, augmentation: augmentation, seed: 9, epoch: 2).scalars
    var sizes: Set<Int> = []
    for index in 0..<50 {
      let hole = augmentation.hole(seed: 9, epoch: 2, index: index, height: 9, width: 7)
      sizes.insert(hole.rows.count * hole.columns.count)
      for position in 0..<126 {
        let (y, x) = (position % 63 / 7, position % 7)
        let isCovered = hole.rows.contains(y) && hole.columns.contains(x)
        #expect(seen[index * 126 + position] == (isCovered ? 0 : plain[index * 126 + position]))
      }
    }
    // At the edges less than the whole square, in the middle all of it; never nothing.
    #expect(sizes.max() == 16 && sizes.min()! < 16 && sizes.min()! >= 4)
  }

  @Test func whatIsAddedLeavesPlacesAsTheyAre() {
    var all = Augmentation.cifar
    (all.cutout, all.brightness, all.contrast, all.saturation, all.mixup) = (4, 0.2, 0.2, 0.2, 1)
    for index in 0..<100 {
      let (a, b) = (all, Augmentation.cifar)
      #expect(a.placement(seed: 5, epoch: 3, index: index) == b.placement(seed: 5, epoch: 3, index: index))
    }
  }

  /// The first places of seed 1, epoch 0: a recipe of last year makes the file of last year.
  @Test func placesAreWhatTheyWere() {
    let places = (0..<4).map { Augmentation.cifar.placement(seed: 1, epoch: 0, index: $0) }
    var expected: [Placement] = []
    for index in 0..<4 {
      var generator = SplitMix64(seed: 1, stream: 0, UInt64(index))
      expected.append(
        Placement(
          top: generator.below(9) - 4, left: generator.below(9) - 4, isFlipped: generator.below(2) == 1))
    }
    #expect(places == expected)
  }

  @Test func mixedImagesAreSharesOfTwo() throws {
    let data = randomImages(8, [3, 4, 4])
    var augmentation = Augmentation.none
    augmentation.mixup = 0.5
    let batch = data.batch(0..<8, augmentation: augmentation, seed: 2, epoch: 1, step: 5)
    let mixing = try #require(augmentation.mixing(seed: 2, epoch: 1, step: 5, count: 8))
    let found = try #require(batch.mixing)
    #expect(found.share == mixing.share && found.partnerLabels == mixing.partners.map { Int32($0) })
    #expect(batch.labels == (0..<8).map { Int32($0) })
    let plain = data.images(0..<8)
    let partners = data.images(mixing.partners)
    #expect(batch.images == plain.zip(partners) { mixing.share * $0 + (1 - mixing.share) * $1 })
    #expect(data.batch(0..<8, seed: 2).mixing == nil)
    let other = augmentation.mixing(seed: 2, epoch: 1, step: 6, count: 8)!
    #expect(other.share != mixing.share)
    let unlabelled = ImageArray(name: "u", imageShape: [2], pixels: .floats([1, 2, 3, 4]), labels: nil)
    let rows = unlabelled.batch(0..<2, augmentation: augmentation)
    #expect(rows.labels == nil && rows.mixing != nil && rows.mixing?.partnerLabels == nil)
  }

  @Test(arguments: [0.05, 0.2, 1, 4] as [Float])
  func sharesAreOfTheBetaDistribution(_ alpha: Float) {
    var augmentation = Augmentation.none
    augmentation.mixup = alpha
    let shares = (0..<20_000).map { Double(augmentation.mixing(seed: 3, epoch: 0, step: $0, count: 1)!.share) }
    #expect(shares.allSatisfy { $0 >= 0 && $0 <= 1 })
    let mean = shares.reduce(0, +) / 20_000
    let variance = shares.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 20_000
    let expected = 1 / (4 * (2 * Double(alpha) + 1))
    // Five deviations of the mean of 20,000; the variance of a bounded number is at least as certain.
    #expect(abs(mean - 0.5) < 5 * (expected / 20_000).squareRoot())
    #expect(abs(variance - expected) < 0.01)
  }

  @Test func whatCannotBeDoneIsRefused() {
    let rows = ImageArray(name: "rows", imageShape: [2], pixels: .floats([1, 2]), labels: nil)
    let images = randomImages(2, [3, 4, 4])
    func problem(_ data: some Dataset, _ change: (inout Augmentation) -> Void) -> String? {
      var augmentation = Augmentation.none
      change(&augmentation)
      let error = failure { () throws(DatasetError) in try data.check(augmentation) }
      return error.map { "\($0)" }
    }
    #expect(problem(rows) { $0.mixup = 1 } == nil && problem(images) { $0.cutout = 3 } == nil)
    #expect(problem(rows) { $0.cutout = 3 }?.contains("are no images that can be moved, mirrored or covered") == true)
    #expect(problem(rows) { $0.contrast = 1 } != nil)
    #expect(
      problem(images) { $0.cutout = -1 } == "random: cannot be augmented: a cutout of -1 pixels; 0 to 1024 is wanted")
    #expect(problem(images) { $0.saturation = .nan } != nil && problem(images) { $0.mixup = -1 } != nil)
  }
}

struct OverlapTests {
  @Test func countsImagesThatAreInBoth() {
    let all = randomImages(40, [3, 5, 5])
    let (first, second) = (Subset(all, indices: Array(0..<25)), Subset(all, indices: Array(20..<40)))
    #expect(second.overlap(with: first) == 5 && all.overlap(with: second) == 20)
    #expect(randomImages(40, [3, 5, 5], seed: 2).overlap(with: all) == 0)
    #expect(randomImages(40, [1, 5, 15]).overlap(with: all) == 0)
  }

  @Test func fingerprintsTellEveryDifference() {
    let data = randomImages(3, [1, 4, 4])
    guard case .bytes(let bytes) = data.pixels else { return }
    func made(_ bytes: [UInt8], _ labels: [Int32]?) -> UInt64 {
      ImageArray(name: "x", imageShape: [1, 4, 4], pixels: .bytes(bytes), labels: labels).fingerprint
    }
    var seen: Set = [made(bytes, [0, 1, 2]), made(bytes, nil), made(bytes, [0, 1, 3])]
    #expect(made(bytes, [0, 1, 2]) == data.fingerprint && seen.contains(data.fingerprint))
    for place in bytes.indices {
      var other = bytes
      other[place] ^= 1
      seen.insert(made(other, [0, 1, 2]))
    }
    #expect(seen.count == 3 + bytes.count)
    #expect(Subset(data, indices: [1, 0, 2]).fingerprint != data.fingerprint)
  }
}
