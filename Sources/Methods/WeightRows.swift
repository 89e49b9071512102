import Compute
import Tensors

extension Tensor {
  /// Calls the body for each output channel with its place and where its weights lie, on all threads.
  func forEachRow(_ body: (Int, Range<Int>) -> Void) {
    let row = rowLength
    Pool.forEach(shape[0]) { body($0, $0 * row..<($0 + 1) * row) }
  }

  /// The mean magnitude of each output channel; 0 for a channel of no weights.
  var rowMagnitudes: [Float] {
    rowSums { abs($0) }.map { Float($0 / Double(max(rowLength, 1))) }
  }

  /// The mean magnitude of all weights. The same whatever the number of threads.
  var meanMagnitude: Float { Float(rowSums { abs($0) }.reduce(0, +) / Double(max(count, 1))) }

  /// The sum and the number of the magnitudes of each output channel that are above its bound.
  func magnitudes(beyond bounds: [Float]) -> [(sum: Double, count: Double)] {
    var found = [(sum: Double, count: Double)](repeating: (0, 0), count: shape[0])
    inLayout(.rowMajor).withUnsafeFloats { weights in
      found.withUnsafeMutableBufferPointer { found in
        forEachRow { channel, span in
          var (sum, count) = (0.0, 0.0)
          for i in span where weights[i].magnitude > bounds[channel] {
            sum += Double(weights[i].magnitude)
            count += 1
          }
          found[channel] = (sum, count)
        }
      }
    }
    return found
  }

  /// The sum of a term of each weight, for each output channel.
  func rowSums(_ term: (Float) -> Float) -> [Double] {
    var sums = [Double](repeating: 0, count: shape[0])
    inLayout(.rowMajor).withUnsafeFloats { weights in
      sums.withUnsafeMutableBufferPointer { sums in
        forEachRow { channel, span in
          var sum = 0.0
          for i in span { sum += Double(term(weights[i])) }
          sums[channel] = sum
        }
      }
    }
    return sums
  }

  /// The sum of a term of each weight and of the number that stands in its place in another tensor.
  func sum(with other: Tensor, _ term: (Float, Float) -> Float) -> Float {
    let (first, second) = (inLayout(.rowMajor), other.inLayout(.rowMajor))
    var sums = [Double](repeating: 0, count: shape[0])
    first.withUnsafeFloats { first in
      second.withUnsafeFloats { second in
        sums.withUnsafeMutableBufferPointer { sums in
          forEachRow { channel, span in
            var sum = 0.0
            for i in span { sum += Double(term(first[i], second[i])) }
            sums[channel] = sum
          }
        }
      }
    }
    return Float(sums.reduce(0, +))
  }

  /// Each weight replaced on all threads, by its output channel, itself and the number in its place in another tensor.
  func mapRows(with other: Tensor, _ transform: (Int, Float, Float) -> Float) -> Tensor {
    let (first, second) = (inLayout(.rowMajor), other.inLayout(.rowMajor))
    return Tensor(shape) { result in
      first.withUnsafeFloats { first in
        second.withUnsafeFloats { second in
          forEachRow { channel, span in
            for i in span { result[i] = transform(channel, first[i], second[i]) }
          }
        }
      }
    }
  }

  /// The k-th smallest magnitude, and the next larger one that occurs; itself where there is none.
  ///
  /// Exact, by counting the bits of the numbers, which are in the order of their magnitudes. Complexity: O(count).
  ///
  /// - Precondition: `1 ≤ k ≤ count`.
  func magnitude(ranked k: Int) -> (value: Float, next: Float) {
    precondition(1...max(count, 1) ~= k)
    return withUnsafeFloats { numbers in
      var counts = [Int32](repeating: 0, count: 1 << 16)
      let (high, before) = counts.withUnsafeMutableBufferPointer { counts in
        for number in numbers { counts[Int(number.magnitude.bitPattern >> 16)] += 1 }
        return place(of: k, in: counts)
      }
      let (low, _) = counts.withUnsafeMutableBufferPointer { counts in
        counts.update(repeating: 0)
        for number in numbers where Int(number.magnitude.bitPattern >> 16) == high {
          counts[Int(number.magnitude.bitPattern & 0xFFFF)] += 1
        }
        return place(of: k - before, in: counts)
      }
      let value = Float(bitPattern: UInt32(high) << 16 | UInt32(low))
      var next = Float.infinity
      for number in numbers where number.magnitude > value && number.magnitude < next { next = number.magnitude }
      return (value, next.isFinite ? next : value)
    }
  }
}

/// Where the k-th of counted things lies, and how many come before that place.
private func place(of k: Int, in counts: UnsafeMutableBufferPointer<Int32>) -> (index: Int, before: Int) {
  var before = 0
  for index in counts.indices {
    if before + Int(counts[index]) >= k { return (index, before) }
    before += Int(counts[index])
  }
  return (counts.count - 1, before)
}

extension CodedTensor {
  /// The symbol of each weight, made on all threads from its output channel and itself.
  @inline(__always)  // The loop over millions of weights must see what it calls.
  init(
    coding weight: Tensor, _ alphabet: Alphabet, levels: [Float], negativeLevels: [Float]? = nil,
    _ symbol: (Int, Float) -> Int8
  ) {
    var symbols = [Int8](repeating: 0, count: weight.count)
    weight.inLayout(.rowMajor).withUnsafeFloats { weights in
      symbols.withUnsafeMutableBufferPointer { symbols in
        weight.forEachRow { channel, span in
          for i in span { symbols[i] = symbol(channel, weights[i]) }
        }
      }
    }
    self.init(weight.shape, alphabet, symbols: symbols, levels: levels, negativeLevels: negativeLevels)
  }

  /// One level for all output channels.
  @inline(__always)
  init(coding weight: Tensor, _ alphabet: Alphabet, level: Float, _ symbol: (Int, Float) -> Int8) {
    self.init(coding: weight, alphabet, levels: Array(repeating: level, count: weight.shape[0]), symbol)
  }
}

/// −1 below −threshold, +1 above threshold, else 0.
func ternarySymbol(_ weight: Float, beyond threshold: Float) -> Int8 {
  weight > threshold ? 1 : weight < -threshold ? -1 : 0
}
