import Tensors

/// Changes of files, drawn from a seed.
struct Mutation {
  private var generator: SplitMix64
  private let corpus: [[UInt8]]

  init(seed: UInt64, corpus: [[UInt8]]) {
    generator = SplitMix64(seed: seed)
    self.corpus = corpus
  }

  /// The n-th changed file of a seed, whatever came before it.
  static func bytes(_ index: Int, seed: UInt64, corpus: [[UInt8]]) -> [UInt8] {
    var mutation = Mutation(seed: seed &* 0x9E37_79B9_7F4A_7C15 &+ UInt64(index), corpus: corpus)
    return mutation.changed()
  }

  private mutating func changed() -> [UInt8] {
    var bytes = corpus[generator.below(corpus.count)]
    // Mostly a few changes, so that most of the file is still read; now and then many.
    let count = generator.below(8) == 0 ? 1 + generator.below(64) : 1 + generator.below(4)
    for _ in 0..<count where !bytes.isEmpty { change(&bytes) }
    return bytes
  }

  private static let oddNumbers: [UInt64] = [
    0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 1 << 40, 1 << 62,
    UInt64(Int64.max), 1 << 63, .max,
  ]
  private static let oddTexts = [
    "-1", "99999999999999999999", "1e400", "NaN", "null", "..", "/etc/passwd", "[[[[", "\"",
  ]

  private mutating func change(_ bytes: inout [UInt8]) {
    let place = generator.below(bytes.count)
    let length = min(1 + generator.below(16), bytes.count - place)
    let part = place..<place + length
    switch generator.below(10) {
    case 0: bytes[place] = UInt8(truncatingIfNeeded: generator.next())
    case 1: bytes[place] ^= 1 << UInt8(generator.below(8))
    case 2: bytes.removeSubrange(part)
    case 3: bytes.insert(contentsOf: bytes[part], at: place)
    case 4: bytes.replaceSubrange(part, with: number())
    case 5: bytes.replaceSubrange(part, with: variableNumber())
    case 6: bytes.insert(contentsOf: Self.oddTexts[generator.below(Self.oddTexts.count)].utf8, at: place)
    case 7: splice(&bytes, at: place)
    case 8: bytes.removeSubrange(place...)
    default: swapParts(&bytes, part)
    }
  }

  /// Little- or big-endian, of 1 to 8 bytes.
  private mutating func number() -> [UInt8] {
    let value = Self.oddNumbers[generator.below(Self.oddNumbers.count)]
    let width = 1 << generator.below(4)
    let bytes = (0..<width).map { UInt8(truncatingIfNeeded: value >> UInt64(8 * $0)) }
    return generator.below(2) == 0 ? bytes : bytes.reversed()
  }

  /// As protobuf writes numbers.
  private mutating func variableNumber() -> [UInt8] {
    var value = Self.oddNumbers[generator.below(Self.oddNumbers.count)]
    var bytes: [UInt8] = []
    while value >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: value) | 0x80)
      value >>= 7
    }
    return bytes + [UInt8(value)]
  }

  /// A piece of another file, or of this one, in its place or beside it.
  private mutating func splice(_ bytes: inout [UInt8], at place: Int) {
    let other = corpus[generator.below(corpus.count)]
    guard !other.isEmpty else { return }
    let start = generator.below(other.count)
    let piece = other[start..<min(start + 1 + generator.below(256), other.count)]
    if generator.below(2) == 0 {
      bytes.insert(contentsOf: piece, at: place)
    } else {
      bytes.replaceSubrange(place..<min(place + piece.count, bytes.count), with: piece)
    }
  }

  private mutating func swapParts(_ bytes: inout [UInt8], _ part: Range<Int>) {
    let other = generator.below(bytes.count)
    for offset in 0..<part.count where other + offset < bytes.count {
      bytes.swapAt(part.lowerBound + offset, other + offset)
    }
  }
}
