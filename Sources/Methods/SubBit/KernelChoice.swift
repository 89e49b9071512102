import Compute
import Tensors

/// Which few of the 512 kernels of nine signs a trained weight is best made of.
struct KernelChoice {
  /// The first number of each kernel of the weight, then the second of each, `[9, kernels]`; what a row lacks to whole
  /// kernels is 0.
  private let kernels: [Float]
  private let count: Int

  /// - Parameter limit: of a weight with more kernels, so many are looked at, evenly taken.
  init(_ weight: Tensor, limit: Int = .max) {
    let (row, length) = (weight.rowLength, Codebook.length)
    let inRow = Codebook.kernels(inRow: row)
    let total = weight.shape[0] * inRow
    let taken = min(total, limit)
    var kernels = [Float](repeating: 0, count: taken * length)
    weight.inLayout(.rowMajor).withUnsafeFloats { weights in
      for kernel in 0..<taken {
        let (channel, place) = (kernel * total / taken).quotientAndRemainder(dividingBy: inRow)
        for i in place * length..<min((place + 1) * length, row) {
          kernels[(i - place * length) * taken + kernel] = weights[channel * row + i]
        }
      }
    }
    (self.kernels, count) = (kernels, taken)
  }

  /// The patterns of signs that occur, the most frequent first, of equals the lowest. 0 counts as positive.
  var frequent: [UInt16] {
    var counts = [Int](repeating: 0, count: 512)
    for kernel in 0..<count {
      var pattern = 511
      for i in 0..<Codebook.length where kernels[i * count + kernel] < 0 { pattern ^= 1 << i }
      counts[pattern] += 1
    }
    let order = counts.indices.filter { counts[$0] > 0 }.sorted { (counts[$1], $0) < (counts[$0], $1) }
    return order.map { UInt16($0) }
  }

  /// Patterns that together keep most of the weight, Σ over its kernels w of the largest ⟨pattern, w⟩, taken one by one:
  /// each is the one that adds most to those before it, of equals the lowest.
  ///
  /// What a pattern adds only falls as others are taken, so a pattern is asked again only while it could still be the
  /// one. Complexity: 512 sums for each kernel, and 2 KB of memory.
  func closest(_ wanted: Int) -> [UInt16] {
    let products = self.products
    // Below what any pattern keeps, so that the first adds what it keeps itself.
    var kept = (0..<count).map { kernel in
      -(0..<Codebook.length).reduce(Float(0)) { $0 + abs(kernels[$1 * count + kernel]) }
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
        for pattern in 0..<512 where atMost[pattern] > atMost[best] { best = pattern }
        let now = added(by: best)
        if now == atMost[best] { break }
        atMost[best] = now
        best = 0
      }
      chosen.append(UInt16(best))
      atMost[best] = -1
      for kernel in 0..<count { kept[kernel] = max(kept[kernel], products[best * count + kernel]) }
    }
    return chosen
  }

  /// ⟨pattern, w⟩, `[512, kernels]`: each from the one with a sign less that is +.
  private var products: [Float] {
    [Float](unsafeUninitializedCapacity: 512 * count) { products, initialized in
      for kernel in 0..<count {
        products[kernel] = (0..<Codebook.length).reduce(0) { $0 - kernels[$1 * count + kernel] }
      }
      kernels.withUnsafeBufferPointer { kernels in
        for pattern in 1..<512 {
          let (before, place) = (pattern & (pattern - 1), pattern.trailingZeroBitCount)
          for kernel in 0..<count {
            products[pattern * count + kernel] = products[before * count + kernel] + 2 * kernels[place * count + kernel]
          }
        }
      }
      initialized = 512 * count
    }
  }
}
