import Tensors
import Testing

struct AlphabetTests {
  @Test func ternaryHasLevelsForBothSides() {
    let coded = CodedTensor(
      [2, 3], .ternary, symbols: [1, 0, -1, -1, 1, 0], levels: [2, 3], negativeLevels: [5, 7])
    #expect(coded.decoded().scalars == [2, 0, -5, -7, 3, 0])
    #expect(CodedTensor([1, 3], .ternary, symbols: [1, 0, -1], levels: [2]).decoded().scalars == [2, 0, -2])
  }

  @Test func uniformCountsStepsAndSymmetricHalfOnes() {
    let symbols: [Int8] = [-4, -1, 0, 3]
    #expect(
      CodedTensor([1, 4], .uniform(bits: 3), symbols: symbols, levels: [0.5]).decoded().scalars == [-2, -0.5, 0, 1.5])
    #expect(
      CodedTensor([1, 4], .symmetric(bits: 3), symbols: symbols, levels: [2]).decoded().scalars == [-7, -1, 1, 7])
  }

  @Test func aCodebookMakesRowsOfKernels() {
    // All −1, and +1 in the first and last place.
    let codebook = Codebook(bits: 1, patterns: [0, 0b1_0000_0001])
    let coded = CodedTensor([2, 11], codebook, indices: [1, 0, 0, 1], levels: [1, 2])
    #expect(coded.alphabet == .codebook(bits: 1))
    #expect(coded.symbols == [1, -1, -1, -1, -1, -1, -1, -1, 1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 1, -1])
    #expect(coded.decoded().scalars[20] == 2)
  }

  @Test func scalingMultipliesWhatIsDecoded() {
    let codebook = Codebook(bits: 1, patterns: [3, 5])
    let weights = [
      CodedTensor([2, 2], .binary, symbols: [1, -1, -1, -1], levels: [1, 2]),
      CodedTensor([2, 2], .ternary, symbols: [1, 0, -1, -1], levels: [1, 2], negativeLevels: [3, 4]),
      CodedTensor([2, 2], .uniform(bits: 2), symbols: [1, -2, -1, 0], levels: [1, 2]),
      CodedTensor([2, 2], .symmetric(bits: 2), symbols: [1, -2, -1, 0], levels: [1, 2]),
      CodedTensor([2, 2], codebook, indices: [1, 0], levels: [1, 2]),
    ]
    for weight in weights {
      let scaled = weight.scaled(by: [-2, 3])
      #expect(scaled.alphabet == weight.alphabet)
      #expect(scaled.decoded().scalars == zip(weight.decoded().scalars, [-2, -2, 3, 3]).map { $0 * $1 })
    }
  }
}
