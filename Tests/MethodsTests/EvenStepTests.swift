import Graphs
import Methods
import Tensors
import TestSupport
import Testing

/// Values that are evenly spaced: DoReFa's, and those of least squares.
struct EvenStepTests {
  @Test(arguments: 2...8) func doReFaHasOddMultiples(_ bits: Int) throws {
    let method = try makeMethod(named: "dorefa", options: ["bits": "\(bits)"])
    let latent = Tensor.random([4, 200], seed: 1)
    let coded = method.code(latent, companions: [], at: .inference)
    let steps = Float(1 << bits - 1)
    #expect(coded.alphabet == .symmetric(bits: bits))
    for value in coded.decoded().scalars {
      let multiple = value * steps
      #expect(abs(multiple - multiple.rounded()) < 1e-4 && Int(multiple.rounded()) % 2 != 0)
      #expect(abs(value) <= 1.000_001)
    }
    // The largest weight sets the scale: it becomes 1.
    #expect(abs(coded.decoded().largestMagnitude - 1) < 1e-6)
    #expect(Set(coded.symbols).count <= 1 << bits)
  }

  @Test func doReFaRefusesOtherBits() {
    #expect(throws: MethodError.self) { try makeMethod(named: "dorefa", options: ["bits": "0"]) }
    #expect(throws: MethodError.self) { try makeMethod(named: "dorefa", options: ["bits": "9"]) }
    #expect(throws: MethodError.self) { try makeMethod(named: "round", options: ["bits": "9"]) }
  }

  /// No step of a fine search is much better than the one that was found.
  @Test(arguments: ["1", "2", "3", "4", "6", "8", "ternary"]) func roundIsNearTheBestStep(_ bits: String) throws {
    let options = bits == "ternary" ? ["ternary": "true"] : ["bits": bits]
    let method = try makeMethod(named: "round", options: options)
    let (low, high) =
      method.alphabet == .binary
      ? (Float(-1), Float(1)) : (Float(method.alphabet.symbols.lowerBound), Float(method.alphabet.symbols.upperBound))
    let latents = [Tensor.normal([6, 150], seed: 2), spiked()]
    for latent in latents {
      let decoded = method.code(latent, companions: [], at: .inference).decoded().scalars
      let row = latent.count / 6
      for channel in 0..<6 {
        let span = channel * row..<(channel + 1) * row
        let weights = Array(latent.scalars[span])
        let found = zip(weights, decoded[span]).reduce(Float(0)) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
        let largest = weights.map { abs($0) }.max()!
        let best = (1...1500).map { part -> Float in
          let step = largest * 1.5 * Float(part) / 1500
          return weights.reduce(0) { sum, weight in
            var symbol = max(low, min(high, (weight / step).rounded()))
            if method.alphabet == .binary { symbol = weight < 0 ? -1 : 1 }
            return sum + (weight - step * symbol) * (weight - step * symbol)
          }
        }.min()!
        #expect(found <= 1.2 * best + 1e-6, "\(found) where \(best) is possible")
      }
    }
  }

  /// A few weights far from the rest.
  private func spiked() -> Tensor {
    Tensor([6, 80], scalars: Tensor.normal([6, 80], seed: 4).scalars.enumerated().map { $0 % 80 == 7 ? 12 : $1 })
  }

  @Test func roundIsExactWhereItCanBe() throws {
    let method = try makeMethod(named: "round", options: ["bits": "3"])
    let scalars: [Float] = (-4...3).map { Float($0) * 0.37 }
    let coded = method.code(Tensor([1, 8], scalars: scalars), companions: [], at: .inference)
    #expect(coded.symbols == [-4, -3, -2, -1, 0, 1, 2, 3] && abs(coded.levels[0] - 0.37) < 1e-6)
    let ternary = try makeMethod(named: "round", options: ["ternary": "true"])
    let three = ternary.code(Tensor([1, 4], scalars: [2, 0, -2, 2]), companions: [], at: .inference)
    #expect(three.symbols == [1, 0, -1, 1] && abs(three.levels[0] - 2) < 1e-6 && three.alphabet == .ternary)
  }
}
