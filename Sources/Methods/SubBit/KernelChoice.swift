import Compute
import Tensors

/// Which few of the 512 kernels of nine signs a trained weight is best made of.
struct KernelChoice {
  /// The kernels of the weight, nine numbers each; what a row lacks to whole kernels is 0.
  private let kernels: [Float]
  private var count: Int { kernels.count / Codebook.length }

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
          kernels[kernel * length + i - place * length] = weights[channel * row + i]
        }
      }
    }
    self.kernels = kernels
  }

  /// The patterns of signs that occur, the most frequent first, of equals the lowest. 0 counts as positive.
  var frequent: [UInt16] {
    var counts = [Int](repeating: 0, count: 512)
    for kernel in 0..<count {
      var pattern = 511
      for i in 0..<Codebook.length where kernels[kernel * Codebook.length + i] < 0 { pattern ^= 1 << i }
      counts[pattern] += 1
    }
    let order = counts.indices.filter { counts[$0] > 0 }.sorted { (counts[$1], $0) < (counts[$0], $1) }
    return order.map { UInt16($0) }
  }

  /// Patterns that together keep most of the weight, Σ over its kernels w of the largest ⟨pattern, w⟩, taken one by one:
  /// each is the one that adds most to those before it, of equals the lowest.
  ///
  /// What a pattern adds only falls as others are taken, so a pattern is asked again only while it could still be the
  /// one. Complexity: 512 products with each kernel, and 4 bytes of memory for each.
  func closest(_ wanted: Int) -> [UInt16] {
    let products = self.products
    // Below what any pattern keeps, so that the first adds what it keeps itself.
    var kept = (0..<count).map { kernel in
      -(0..<Codebook.length).reduce(Float(0)) { $0 + abs(kernels[kernel * Codebook.length + $1]) }
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

  /// ⟨pattern, w⟩, `[512, kernels]`.
  private var products: [Float] {
    [Float](unsafeUninitializedCapacity: 512 * count) { products, initialized in
      for pattern in 0..<512 {
        let signs = (0..<Codebook.length).map { pattern >> $0 & 1 == 1 ? Float(1) : -1 }
        for kernel in 0..<count {
          var sum: Float = 0
          for i in 0..<Codebook.length { sum += signs[i] * kernels[kernel * Codebook.length + i] }
          products[pattern * count + kernel] = sum
        }
      }
      initialized = 512 * count
    }
  }
}
