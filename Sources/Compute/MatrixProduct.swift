import CCompute
import COneDNN
import Tensors

/// Products of matrices, by oneDNN.
package enum MatrixProduct {
  /// `a · b`, either of them transposed first: a is `[rows, inner]` and b `[inner, columns]` after that.
  package static func product(
    _ a: Tensor, _ b: Tensor, transposingA transposeA: Bool = false, transposingB transposeB: Bool = false
  ) -> Tensor {
    precondition(a.shape.rank == 2 && b.shape.rank == 2)
    let (rows, inner) = transposeA ? (a.shape[1], a.shape[0]) : (a.shape[0], a.shape[1])
    let columns = transposeB ? b.shape[0] : b.shape[1]
    precondition(inner == (transposeB ? b.shape[1] : b.shape[0]), "the inner sizes of \(a.shape) and \(b.shape) differ")
    return Tensor([rows, columns]) { result in
      a.withUnsafeFloats { a in
        b.withUnsafeFloats { b in
          check(
            od_matrix_product(
              transposeA, transposeB, Int64(rows), Int64(columns), Int64(inner), a.baseAddress, b.baseAddress,
              result.baseAddress))
        }
      }
    }
  }

  /// Adds `bias` `[columns]` to each row of `[rows, columns]`.
  package static func addBias(_ bias: Tensor, to matrix: inout Tensor) {
    let (rows, columns) = (Int64(matrix.shape[0]), Int64(matrix.shape[1]))
    matrix.withUnsafeMutableFloats { matrix in
      bias.withUnsafeFloats { cc_add_bias(rows, columns, $0.baseAddress, matrix.baseAddress) }
    }
  }

  /// The sum of the rows of `[rows, columns]`.
  package static func columnSums(_ matrix: Tensor) -> Tensor {
    Tensor([matrix.shape[1]]) { sums in
      matrix.withUnsafeFloats {
        cc_column_sums(Int64(matrix.shape[0]), Int64(matrix.shape[1]), $0.baseAddress, sums.baseAddress)
      }
    }
  }
}
