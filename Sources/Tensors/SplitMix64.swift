/// A small random number generator: the same seed gives the same numbers on every machine.
///
/// Steele, Lea and Flood, 2014, https://doi.org/10.1145/2714064.2660195
package struct SplitMix64: RandomNumberGenerator, Sendable {
  private var state: UInt64

  package init(seed: UInt64) { state = seed }

  /// A generator of its own for each purpose, so that drawing more in one place changes nothing in another.
  package init(seed: UInt64, stream: UInt64...) {
    var mixed = SplitMix64(seed: seed)
    for part in stream { mixed = SplitMix64(seed: mixed.next() ^ (part &* 0xD6E8_FEB8_6659_FD93)) }
    self = mixed
  }

  package mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// Evenly from 0 up to, but not including, 1.
  package mutating func uniform() -> Float { Float(next() >> 40) * 0x1p-24 }

  /// Evenly from 0 to `bound` − 1, by multiplication: the bias is below 2⁻³² for every bound that occurs here.
  package mutating func below(_ bound: Int) -> Int { Int(next().multipliedFullWidth(by: UInt64(bound)).high) }

  /// The numbers from 0 to `count` − 1 in a random order.
  package mutating func permutation(_ count: Int) -> [Int] {
    var order = Array(0..<count)
    for i in stride(from: count - 1, to: 0, by: -1) { order.swapAt(i, below(i + 1)) }
    return order
  }
}

extension Tensor {
  /// Numbers drawn evenly from `centre − bound` to `centre + bound`, in row-major order.
  ///
  ///     centre + bound · (2u − 1),   u = uniform(),   each operation rounded to a float
  package init(_ shape: Shape, bound: Float, around centre: Float = 0, from generator: inout SplitMix64) {
    self.init(shape) { target in
      for i in target.indices {
        let scaled = bound * (generator.uniform() * 2 - 1)
        target[i] = centre + scaled
      }
    }
  }
}
