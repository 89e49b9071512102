import Compute
import Graphs
import Methods
import Tensors
import TestSupport
import Testing

struct SubBitTests {
  private static let refining = Moment(phase: .training, progress: 0.3, seed: 5, step: 24)
  private let every = Tensor(
    [512, 9], scalars: (0..<512).flatMap { pattern in (0..<9).map { pattern >> $0 & 1 == 1 ? Float(1) : -1 } })

  private func method(_ bits: Int, _ kernels: SubBit.Kernels = .random, refine: Bool = true) -> SubBit {
    var method = SubBit()
    (method.bits, method.kernels, method.refine) = (bits, kernels, refine)
    return method
  }

  private func pattern(_ signs: some Sequence<Float>) -> Int {
    signs.enumerated().reduce(0) { $1.element >= 0 ? $0 | 1 << $1.offset : $0 }
  }

  private func patterns(_ kernels: Tensor) -> [Int] {
    let numbers = kernels.scalars
    return (0..<kernels.shape[0]).map { pattern(numbers[$0 * 9..<$0 * 9 + 9]) }
  }

  /// With all 512 kernels nothing is lost but the magnitude: the nearest is the sign.
  @Test func theCompleteCodebookIsTheSign() {
    let weight = Tensor.random([8, 4, 3, 3], seed: 1)
    let expected = (0..<32).map { UInt16(pattern(weight.scalars[$0 * 9..<$0 * 9 + 9])) }
    #expect(KernelAssignment.nearest(weight, kernels: every) == expected)
  }

  /// The largest product is the smallest distance, in double precision, whole kernels or not.
  @Test(arguments: [[8, 4, 3, 3], [5, 13], [3, 20, 1, 1], [2, 5]] as [Shape], [1, 4, 7, 8])
  func theNearestKernelIsTaken(_ shape: Shape, _ bits: Int) {
    let weight = Tensor.random(shape, seed: 3)
    let kernels = method(bits).companions(for: weight, seed: 9)[0]
    let found = KernelAssignment.nearest(weight, kernels: kernels)
    let (numbers, signs, row) = (weight.scalars.map(Double.init), kernels.scalars, weight.count / shape[0])
    let inRow = (row + 8) / 9
    #expect(found.count == shape[0] * inRow)
    for (place, index) in found.enumerated() {
      let start = place % inRow * 9
      func distance(_ kernel: Int) -> Double {
        (start..<min(start + 9, row)).reduce(0) { sum, i in
          let gap = Double(signs[kernel * 9 + i - start]) - numbers[place / inRow * row + i]
          return sum + gap * gap
        }
      }
      let least = (0..<1 << bits).map(distance).min()!
      #expect(distance(Int(index)) < least + 1e-5)
    }
  }

  @Test func theFirstOfEqualsIsTaken() {
    #expect(KernelAssignment.nearest(Tensor([2, 9], repeating: 0), kernels: every) == [0, 0])
    let kernels = Tensor([3, 9], scalars: (0..<27).map { $0 < 9 ? -1 : 1 })
    #expect(KernelAssignment.nearest(Tensor([1, 9], repeating: 0.5), kernels: kernels) == [1])
  }

  @Test(arguments: [4, 5, 6, 7]) func everyKernelIsOfTheCodebook(_ bits: Int) throws {
    let weight = Tensor.random([16, 16, 3, 3], seed: 2)
    let coded = method(bits).code(
      weight, companions: method(bits).companions(for: weight, seed: 1), at: .inference)
    let codebook = try #require(coded.codebook)
    #expect(coded.alphabet == .codebook(bits: bits) && codebook.bits == bits)
    let known = Set(codebook.patterns.map(Int.init))
    #expect(known.count == 1 << bits)
    for kernel in 0..<256 {
      #expect(known.contains(pattern(coded.symbols[kernel * 9..<kernel * 9 + 9].map(Float.init))))
    }
    let mean = weight.scalars[..<144].reduce(0) { $0 + abs($1) } / 144
    #expect(abs(coded.levels[0] - mean) < 1e-6)
  }

  @Test func layersDrawKernelsOfTheirOwn() {
    let weight = Tensor.random([4, 4, 3, 3], seed: 2)
    let drawn = [1, 2, 1].map { patterns(method(6).companions(for: weight, seed: $0)[0]) }
    #expect(drawn[0] == drawn[2] && drawn[0] != drawn[1])
    #expect(drawn.allSatisfy { Set($0).count == 64 })
  }

  @Test func theMostFrequentKernelsComeFirst() {
    let scalars = [5, 7, 7, 300, 5, 7, 2].flatMap { pattern in (0..<9).map { pattern >> $0 & 1 == 1 ? Float(1) : -1 } }
    let companions = method(2, .frequent).companions(for: Tensor([7, 9], scalars: scalars), seed: 1)
    #expect(patterns(companions[0]) == [7, 5, 2, 300])
    // Where too few occur, others are drawn.
    let drawn = patterns(method(4, .frequent).companions(for: Tensor([7, 9], scalars: scalars), seed: 1)[0])
    #expect(Array(drawn[..<4]) == [7, 5, 2, 300] && Set(drawn).count == 16)
    #expect(companions[1].scalars.allSatisfy { abs(abs($0) - 0.1) < 1e-7 })
    #expect(method(4, refine: false).companions(for: Tensor([7, 9], scalars: scalars), seed: 1).count == 1)
  }

  /// Each kernel adds what is most beside those before it, found here by trying every one.
  @Test(arguments: [[8, 4, 3, 3], [5, 13]] as [Shape]) func theClosestKernelsAddMost(_ shape: Shape) {
    let weight = Tensor.random(shape, seed: 12)
    let found = patterns(method(3, .closest).companions(for: weight, seed: 1)[0])
    let (row, signs) = (weight.count / shape[0], every.scalars.map(Double.init))
    let numbers = weight.scalars.map(Double.init)
    func product(_ pattern: Int, _ channel: Int, _ start: Int) -> Double {
      (start..<min(start + 9, row)).reduce(0) { $0 + signs[pattern * 9 + $1 - start] * numbers[channel * row + $1] }
    }
    func kept(_ patterns: some Sequence<Int>) -> Double {
      var sum = 0.0
      for channel in 0..<shape[0] {
        for start in stride(from: 0, to: row, by: 9) {
          sum += patterns.reduce(-Double.infinity) { max($0, product($1, channel, start)) }
        }
      }
      return sum
    }
    for place in found.indices {
      let before = found[..<place]
      let most = (0..<512).map { kept(before + [$0]) }.max()!
      #expect(kept(found[...place]) > most - 1e-4)
    }
    #expect(Set(found).count == 8)
    let frequent = patterns(method(3, .frequent).companions(for: weight, seed: 1)[0])
    #expect(kept(found) > kept(frequent))
  }

  /// Of a weight with many kernels some are looked at, from all of it.
  @Test func theClosestKernelsOfALargeWeight() {
    let halves = [9, 200].flatMap { pattern in
      (0..<9 * 16384).map { pattern >> ($0 % 9) & 1 == 1 ? Float(1) : -1 }
    }
    let found = method(2, .closest).companions(for: Tensor([32, 1024, 3, 3], scalars: halves), seed: 1)[0]
    #expect(Set(patterns(found)).isSuperset(of: [9, 200]))
    // The two halves of every row; whole steps through the kernels would see one of them.
    let rows = Tensor(
      [8192, 18], scalars: (0..<8192).flatMap { _ in Array(halves[..<9]) + Array(halves[(9 * 16384)..<(9 * 16385)]) })
    #expect(Set(patterns(method(2, .closest).companions(for: rows, seed: 1)[0])).isSuperset(of: [9, 200]))
  }

  /// What is no number must not keep the choice from ending, nor what is so large that sums of it are infinite.
  @Test(arguments: [Float.nan, .infinity, 3e38]) func theClosestKernelsOfWhatIsNoWeight(_ value: Float) {
    var scalars = Tensor.random([4, 9], seed: 2).scalars
    for i in 9..<27 { scalars[i] = i % 2 == 0 ? value : -value }
    let found = patterns(method(3, .closest).companions(for: Tensor([4, 9], scalars: scalars), seed: 1)[0])
    #expect(Set(found).count == 8)
  }

  /// Every 25th step of training, not in inference and not when training stands still.
  @Test func refinesInEvery25thStep() {
    let latent = Tensor.random([4, 2, 3, 3], seed: 4)
    let companions = method(4).companions(for: latent, seed: 1)
    func refines(_ moment: Moment) -> Bool {
      let gradients = method(4).backward(
        .random(latent.shape, seed: 5), latent: latent, companions: companions, at: moment)
      #expect(gradients.count == 3 && gradients[1] == nil)
      var (after, settled) = ([companions[0], companions[1].map { -$0 }], latent)
      method(4).settle(&settled, companions: &after, at: moment)
      #expect(settled == latent)
      #expect((after[0] != companions[0]) == (gradients[2] != nil))
      return gradients[2] != nil
    }
    let steps = (0..<100).filter { refines(Moment(phase: .training, progress: 0.5, step: $0)) }
    #expect(steps == [24, 49, 74, 99])
    #expect(!refines(Moment(phase: .inference, progress: 0.5, step: 24)))
    #expect(!refines(Moment(phase: .training, progress: 1, step: 24)))
  }

  /// The gradient of a kernel is that of the weights it stands for, times their levels, brought to one size.
  @Test func theGradientOfAKernelIsTheSumOfItsWeights() {
    let latent = Tensor.random([3, 4, 3, 3], seed: 6)
    let gradient = Tensor.random([3, 4, 3, 3], seed: 7)
    let companions = method(2).companions(for: latent, seed: 2)
    let coded = method(2).code(latent, companions: companions, at: .inference)
    var expected = [Float](repeating: 0, count: 36)
    for place in 0..<12 {
      for i in 0..<9 {
        expected[Int(coded.indices[place]) * 9 + i] += coded.levels[place / 4] * gradient.scalars[place * 9 + i]
      }
    }
    let size = (expected.reduce(0) { $0 + $1 * $1 } / 36).squareRoot()
    let found = method(2).backward(gradient, latent: latent, companions: companions, at: Self.refining)
    #expect(found[0] == gradient)
    #expect(agree(found[2]!.scalars, expected.map { $0 / size * 0.02 }, within: 1e-5))
  }

  @Test func noGradientBeyondOne() {
    let latent = Tensor([1, 4], scalars: [-1.5, -1, 1, 1.1])
    let companions = method(1).companions(for: latent, seed: 1)
    let found = method(1).backward(
      Tensor([1, 4], repeating: 2), latent: latent, companions: companions, at: .inference)
    #expect(found[0]?.scalars == [0, 2, 2, 0])
  }

  /// A sign near 0 does not count: the kernel stays as it was.
  @Test func kernelsHesitate() {
    var latent = Tensor([1, 9], repeating: 1)
    var proxies = [Float](repeating: 0.1, count: 18)
    (proxies[0], proxies[1], proxies[2], proxies[9]) = (-0.0009, -0.0011, -2, 0.0009)
    var companions = [Tensor([2, 9], scalars: (0..<18).map { $0 < 9 ? 1 : -1 }), Tensor([2, 9], scalars: proxies)]
    method(1).settle(&latent, companions: &companions, at: Self.refining)
    #expect(companions[0].scalars == [1, -1, -1, 1, 1, 1, 1, 1, 1, -1, 1, 1, 1, 1, 1, 1, 1, 1])
    #expect(companions[1].scalars[2] == -0.3)
  }

  /// The later of two equal kernels is replaced in its place, the others stay where they are.
  @Test func duplicatesAreReplacedInPlace() {
    var latent = Tensor.random([2, 9], seed: 1)
    let start = method(3).companions(for: latent, seed: 4)
    func refilled(_ seed: UInt64) -> [Tensor] {
      var proxies = start[1].scalars
      for kernel in [2, 5] { proxies.replaceSubrange(kernel * 9..<kernel * 9 + 9, with: Array(proxies[..<9])) }
      var companions = [start[0], Tensor([8, 9], scalars: proxies)]
      let moment = Moment(phase: .training, progress: 0.3, seed: seed, step: 49)
      method(3).settle(&latent, companions: &companions, at: moment)
      return companions
    }
    let (old, new) = (patterns(start[0]), patterns(refilled(1)[0]))
    #expect(Set(new).count == 8)
    #expect([0, 1, 3, 4, 6, 7].allSatisfy { new[$0] == old[$0] })
    #expect(!old.enumerated().contains { $0.offset != 2 && $0.offset != 5 && [new[2], new[5]].contains($0.element) })
    #expect(refilled(1)[1].scalars[18..<27].allSatisfy { abs($0) == 0.1 })
    #expect(patterns(refilled(1)[1]) == new)
    #expect(refilled(1) == refilled(1))
    #expect(patterns(refilled(2)[0]) != new)
  }

  /// §5.7.5: with SGD at the default rate a steady gradient turns a sign within some hundreds of steps.
  @Test func kernelsCanTurn() {
    let rate = SubBit.learningRate
    var (proxy, velocity, refinements) = (Float(0.1), Float(0), 0)
    while proxy > -1e-3, refinements < 1000 {
      velocity = 0.9 * velocity + SubBit().refinementRate
      proxy -= rate * velocity
      refinements += 1
    }
    #expect(10...100 ~= refinements)
  }

  /// Refining gets nearer to a weight than kernels that stand still.
  @Test func refiningHelps() {
    let goal = Tensor.random([8, 4, 3, 3], seed: 8)
    func error(refine: Bool) -> Double {
      let method = method(3, refine: refine)
      var (latent, companions) = (goal, method.companions(for: goal, seed: 2))
      for step in 0..<2000 {
        let moment = Moment(phase: .training, progress: Float(step) / 2000, seed: UInt64(step), step: step)
        let gap = method.relax(latent, companions: companions, at: moment).zip(goal, -)
        let gradients = method.backward(gap, latent: latent, companions: companions, at: moment)
        if refine, let kernels = gradients[2] { companions[1] = companions[1].zip(kernels) { $0 - 0.5 * $1 } }
        method.settle(&latent, companions: &companions, at: moment)
      }
      return method.relax(latent, companions: companions, at: .inference).zip(goal, -).squareSum
    }
    #expect(error(refine: true) < 0.95 * error(refine: false))
  }

  @Test func refusesWhatItDoesNotKnow() {
    func message(_ options: [String: String]) -> String {
      do { return "made \(try makeMethod(named: "sub-bit", options: options))" } catch { return "\(error)" }
    }
    #expect(message(["bits": "9"]) == "method 'sub-bit': bits must be from 1 to 8")
    #expect(message(["refine-every": "0"]) == "method 'sub-bit': refine-every must be above 0")
    #expect(message(["refinement-rate": "0"]) == "method 'sub-bit': refinement-rate must be above 0")
    #expect(
      message(["kernels": "frequend"])
        == "method 'sub-bit': option 'kernels' has no 'frequend'; did you mean 'frequent'? "
        + "(known: closest, frequent, random)")
  }
}
