import Tensors
import Testing

struct SplitMix64Tests {
  /// From the reference implementation, https://prng.di.unimi.it/splitmix64.c
  @Test func publishedNumbers() {
    var generator = SplitMix64(seed: 1_234_567)
    let published: [UInt64] = [
      6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423, 4_593_380_528_125_082_431,
      16_408_922_859_458_223_821,
    ]
    #expect(published.map { _ in generator.next() } == published)
  }

  @Test func streamsDiffer() {
    func first(_ generator: SplitMix64) -> UInt64 {
      var generator = generator
      return generator.next()
    }
    let streams = [
      SplitMix64(seed: 1), SplitMix64(seed: 2), SplitMix64(seed: 1, stream: 0), SplitMix64(seed: 1, stream: 1),
      SplitMix64(seed: 1, stream: 0, 1), SplitMix64(seed: 1, stream: 1, 0),
    ]
    #expect(Set(streams.map(first)).count == streams.count)
    #expect(first(SplitMix64(seed: 1, stream: 3, 4)) == first(SplitMix64(seed: 1, stream: 3, 4)))
  }

  @Test func uniformIsInTheUnitInterval() {
    var generator = SplitMix64(seed: 3)
    let numbers = (0..<20_000).map { _ in generator.uniform() }
    #expect(numbers.allSatisfy { $0 >= 0 && $0 < 1 })
    // The standard deviation of this mean is 0.002.
    #expect(abs(numbers.reduce(0, +) / 20_000 - 0.5) < 0.01)
    #expect(numbers.contains { $0 < 0.01 } && numbers.contains { $0 > 0.99 })
  }

  @Test func belowReachesAllAndNothingElse() {
    var generator = SplitMix64(seed: 4)
    var seen = [Int](repeating: 0, count: 7)
    for _ in 0..<7000 { seen[generator.below(7)] += 1 }
    #expect(seen.allSatisfy { (800...1200).contains($0) })
    #expect(generator.below(1) == 0)
  }

  @Test(arguments: [0, 1, 2, 10, 1000])
  func permutationIsOne(_ count: Int) {
    var generator = SplitMix64(seed: 5)
    let order = generator.permutation(count)
    #expect(order.sorted() == Array(0..<count))
    if count >= 10 { #expect(order != Array(0..<count) && order != generator.permutation(count)) }
  }

  @Test func everyPermutationOccurs() {
    var generator = SplitMix64(seed: 6)
    var seen: [[Int]: Int] = [:]
    for _ in 0..<6000 { seen[generator.permutation(3), default: 0] += 1 }
    #expect(seen.count == 6 && seen.values.allSatisfy { (800...1200).contains($0) })
  }
}
