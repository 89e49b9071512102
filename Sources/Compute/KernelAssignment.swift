import CCompute
import Tensors

/// Kernels of nine signs that stand for the kernels of a weight, as `Codebook` cuts it.
package enum KernelAssignment {
  /// Which of the kernels `[count, 9]` of −1 and +1 is nearest to each kernel of the rows of x, `[rows, kernels in a
  /// row]`: the one with the largest product, for all are of one length; the first of equals.
  ///
  /// Complexity: O(x.count · count), as vector code on all threads.
  ///
  /// - Precondition: from 1 to 512 kernels.
  package static func nearest(_ x: Tensor, kernels: Tensor) -> [UInt16] {
    let (count, length) = (kernels.shape[0], Codebook.length)
    precondition(kernels.shape.rank == 2 && kernels.shape[1] == length && 1...512 ~= count)
    let (x, rows) = (x.inLayout(.rowMajor), x.shape[0])
    let columns = rows == 0 ? 0 : x.count / rows
    let numbers = kernels.scalars
    // By place in the kernel first, so that one weight meets all kernels in one stretch of memory.
    let signs = (0..<length * count).map { numbers[$0 % count * length + $0 / count] }
    let total = rows * Codebook.kernels(inRow: columns)
    return [UInt16](unsafeUninitializedCapacity: total) { indices, initialized in
      x.withUnsafeFloats {
        cc_nearest_kernels(Int64(rows), Int64(columns), Int64(count), $0.baseAddress, signs, indices.baseAddress)
      }
      initialized = total
    }
  }

  /// The gradient for each of `count` kernels, `[count, 9]`: what the weights that it stands for pass on, each times
  /// the level of its row.
  package static func gradient(_ gradient: Tensor, indices: [UInt16], levels: [Float], count: Int) -> Tensor {
    let (gradient, rows) = (gradient.inLayout(.rowMajor), levels.count)
    let columns = rows == 0 ? 0 : gradient.count / rows
    precondition(indices.count == rows * Codebook.kernels(inRow: columns) && indices.allSatisfy { $0 < count })
    var sums = [Double](repeating: 0, count: count * Codebook.length)
    gradient.withUnsafeFloats {
      cc_kernel_sums(Int64(rows), Int64(columns), Int64(count), $0.baseAddress, levels, indices, &sums)
    }
    return Tensor([count, Codebook.length], scalars: sums.map { Float($0) })
  }
}
