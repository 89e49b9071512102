import Compute
import Tensors

/// Which few of the 512 kernels of nine signs a trained weight is best made of.
enum KernelChoice {
  /// The patterns of signs that occur, the most frequent first, of equals the lowest. What a row lacks to whole kernels
  /// counts as positive, and so does 0.
  static func frequent(in weight: Tensor) -> [UInt16] {
    let row = weight.rowLength
    var counts = [Int](repeating: 0, count: 512)
    weight.inLayout(.rowMajor).withUnsafeFloats { weights in
      for channel in 0..<weight.shape[0] {
        for start in stride(from: 0, to: row, by: Codebook.length) {
          var pattern = 511
          for i in start..<min(start + Codebook.length, row) where weights[channel * row + i] < 0 {
            pattern ^= 1 << (i - start)
          }
          counts[pattern] += 1
        }
      }
    }
    let order = counts.indices.filter { counts[$0] > 0 }.sorted { (counts[$1], $0) < (counts[$0], $1) }
    return order.map { UInt16($0) }
  }

  /// Patterns that together keep most of the weight, Σ over its kernels w of the largest ⟨pattern, w⟩, taken one by
  /// one: each is the one that adds most to those before it, of equals the lowest.
  ///
  /// What a pattern adds only falls as others are taken, so a pattern is asked again only while it could still be the
  /// one. Complexity: 512 sums for each kernel that is looked at, and 2 KB of memory.
  ///
  /// - Parameters:
  ///   - limit: of a weight with more kernels so many are looked at, one drawn from each of as many equal parts.
  static func closest(_ wanted: Int, to weight: Tensor, limit: Int) -> [UInt16] {
    let kernels = Sample(weight, limit: limit)
    let (count, products) = (kernels.count, kernels.products)
    // Below what any pattern keeps, so that the first adds what it keeps itself.
    var kept = (0..<count).map { kernel in
      -(0..<Codebook.length).reduce(Float(0)) { $0 + abs(kernels.numbers[$1 * count + kernel]) }
    }
    func added(by pattern: Int) -> Double {
      products.withUnsafeBufferPointer { products in
        var sum = 0.0
        for kernel in 0..<count { sum += Double(max(products[pattern * count + kernel] - kept[kernel], 0)) }
        return sum
      }
    }
    var atMost = (0..<512).map(added)
    var chosen: [UInt16] = []
    while chosen.count < wanted {
      var best = 0
      while true {
        best = 0
        for pattern in 0..<512 where atMost[pattern] > atMost[best] { best = pattern }
        let now = added(by: best)
        if now >= atMost[best] { break }
        atMost[best] = now
      }
      chosen.append(UInt16(best))
      atMost[best] = -1
      for kernel in 0..<count { kept[kernel] = max(kept[kernel], products[best * count + kernel]) }
    }
    return chosen
  }

  /// Kernels of a weight, brought to magnitudes of at most 1; what is no number, or infinite, counts as 0.
  private struct Sample {
    let count: Int
    /// The first number of each kernel, then the second of each, `[9, count]`; what a row lacks to whole kernels is 0.
    let numbers: [Float]

    init(_ weight: Tensor, limit: Int) {
      let (row, length) = (weight.rowLength, Codebook.length)
      let inRow = Codebook.kernels(inRow: row)
      let total = weight.shape[0] * inRow
      let count = min(total, limit)
      var generator = SplitMix64(seed: 0)
      var numbers = [Float](repeating: 0, count: count * length)
      weight.inLayout(.rowMajor).withUnsafeFloats { weights in
        for kernel in 0..<count {
          // Drawn, because whole steps could meet the same place of every row.
          let part = kernel * total / count..<(kernel + 1) * total / count
          let drawn = part.count == 1 ? part.lowerBound : part.lowerBound + Int(generator.next() % UInt64(part.count))
          let (channel, place) = drawn.quotientAndRemainder(dividingBy: inRow)
          for i in place * length..<min((place + 1) * length, row) where weights[channel * row + i].isFinite {
            numbers[(i - place * length) * count + kernel] = weights[channel * row + i]
          }
        }
      }
      let largest = numbers.reduce(0) { max($0, abs($1)) }
      if largest > 0 { for i in numbers.indices { numbers[i] /= largest } }
      (self.count, self.numbers) = (count, numbers)
    }

    /// ⟨pattern, w⟩, `[512, count]`: each from the one with a + less.
    var products: [Float] {
      [Float](unsafeUninitializedCapacity: 512 * count) { products, initialized in
        for kernel in 0..<count {
          products[kernel] = (0..<Codebook.length).reduce(0) { $0 - numbers[$1 * count + kernel] }
        }
        numbers.withUnsafeBufferPointer { numbers in
          for pattern in 1..<512 {
            let (before, place) = (pattern & (pattern - 1), pattern.trailingZeroBitCount)
            for kernel in 0..<count {
              products[pattern * count + kernel] =
                products[before * count + kernel] + 2 * numbers[place * count + kernel]
            }
          }
        }
        initialized = 512 * count
      }
    }
  }
}
