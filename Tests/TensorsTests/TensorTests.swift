import TestSupport
import Tensors
import Testing

/// The numbers in the order in which they lie in memory.
private func memory(_ tensor: Tensor) -> [Float] { tensor.withUnsafeFloats { Array($0) } }

struct TensorTests {
  let counted = Tensor([1, 2, 2, 2], scalars: (0..<8).map(Float.init))

  @Test func channelsLastOrder() {
    let turned = counted.inLayout(.channelsLast)
    #expect(memory(turned) == [0, 4, 1, 5, 2, 6, 3, 7])
    #expect(turned.shape == counted.shape && turned.layout == .channelsLast)
    #expect(turned.scalars == counted.scalars)
  }

  @Test(arguments: [[3, 5, 4, 7], [1, 1, 4, 4], [2, 6, 1, 1], [2, 1, 1, 1], [0, 3, 2, 2], [4, 2, 1, 3]])
  func layoutRoundTrip(_ dimensions: [Int]) {
    let tensor = Tensor.random(Shape(dimensions), seed: 1)
    let turned = tensor.inLayout(.channelsLast)
    #expect(turned.layout == .channelsLast && turned.scalars == tensor.scalars)
    let back = turned.inLayout(.rowMajor)
    #expect(back.layout == .rowMajor && memory(back) == memory(tensor))
  }

  @Test func equalityLooksAtValuesAndShape() {
    let turned = counted.inLayout(.channelsLast)
    #expect(turned == counted && counted == turned)
    #expect(Set([turned, counted]).count == 1)
    #expect(counted != counted.reshaped([1, 2, 4, 1]))
    #expect(turned != counted.map { $0 == 3 ? 9 : $0 })
    #expect(Tensor(scalar: .nan) != Tensor(scalar: .nan))
    #expect(Tensor(scalar: 0).hashValue == Tensor(scalar: -0.0).hashValue)
  }

  @Test func writingCopiesWhatIsShared() {
    var copy = counted
    copy.withUnsafeMutableFloats { $0[0] = 100 }
    #expect(counted.scalars[0] == 0 && copy.scalars[0] == 100)
    #expect(copy.scalars.dropFirst() == counted.scalars.dropFirst())
  }

  @Test func writingDoesNotReachOtherViews() {
    var reshaped = counted.reshaped([8])
    reshaped.withUnsafeMutableFloats { $0[7] = -1 }
    #expect(counted.scalars[7] == 7)
    // One channel lies in memory the same in both layouts, so the two may share it.
    let gray = Tensor([1, 1, 2, 2], scalars: [1, 2, 3, 4])
    var turned = gray.inLayout(.channelsLast)
    turned.withUnsafeMutableFloats { $0[1] = 0 }
    #expect(gray.scalars == [1, 2, 3, 4] && turned.scalars == [1, 0, 3, 4])
  }

  @Test func writingInPlaceDoesNotCopy() {
    var own = Tensor([4], repeating: 1)
    let before = own.withUnsafeFloats { $0.baseAddress }
    own.withUnsafeMutableFloats { $0[0] = 2 }
    #expect(own.withUnsafeFloats { $0.baseAddress } == before && own.scalars == [2, 1, 1, 1])
  }

  @Test func memoryIsAligned() {
    for count in [0, 1, 3, 100] {
      #expect(Tensor([count], repeating: 0).withUnsafeFloats { Int(bitPattern: $0.baseAddress) % 64 } == 0)
    }
  }

  @Test func reshapingTakesRowMajorOrder() {
    #expect(counted.inLayout(.channelsLast).reshaped([2, 4]) == counted.reshaped([2, 4]))
    #expect(counted.reshaped([2, 4]).scalars == counted.scalars)
  }

  @Test func mapAndZip() {
    let turned = counted.inLayout(.channelsLast)
    #expect(
      turned.map { $0 * 2 }.scalars == counted.scalars.map { $0 * 2 } && turned.map { $0 }.layout == .channelsLast)
    #expect(turned.zip(counted, -).scalars == Array(repeating: 0, count: 8))
    #expect(counted.zip(turned) { $0 * 10 + $1 }.scalars == counted.scalars.map { $0 * 11 })
  }

  @Test func differences() {
    let other = counted.map { $0 == 5 ? 2.5 : $0 }.inLayout(.channelsLast)
    #expect(counted.largestDifference(to: other) == 2.5 && other.largestDifference(to: counted) == 2.5)
    #expect(Tensor([3], scalars: [1, .nan, 5]).largestDifference(to: Tensor([3], repeating: 0)).isNaN)
    #expect(Tensor([3], scalars: [1, -4, 2]).largestMagnitude == 4)
    #expect(Tensor([0], repeating: 0).largestMagnitude == 0)
  }

  @Test func largestColumns() {
    let rows = Tensor([3, 3], scalars: [1, 2, 0, 5, 5, 5, -3, -2, -1])
    #expect(rows.largestColumns == [1, 0, 2])
    #expect(Tensor([2, 1], repeating: 7).largestColumns == [0, 0])
  }
}

struct CodedTensorTests {
  @Test func decodingMultipliesByTheLevelOfTheChannel() {
    let coded = CodedTensor([2, 1, 1, 3], .binary, symbols: [1, -1, 1, -1, -1, 1], levels: [0.5, 3])
    #expect(coded.decoded() == Tensor([2, 1, 1, 3], scalars: [0.5, -0.5, 0.5, -3, -3, 3]))
  }

  @Test func channelsMayBeNumbersOrEmpty() {
    #expect(CodedTensor([2], .binary, symbols: [1, -1], levels: [2, 4]).decoded().scalars == [2, -4])
    #expect(CodedTensor([2, 0], .binary, symbols: [], levels: [2, 4]).decoded().shape == [2, 0])
    #expect(CodedTensor([0, 3], .binary, symbols: [], levels: []).decoded().count == 0)
  }

  @Test func aLevelOfZeroGivesZero() {
    #expect(CodedTensor([1, 2], .binary, symbols: [1, -1], levels: [0]).decoded().scalars == [0, 0])
  }
}
