import Compute
import TestSupport
import Tensors
import Testing

struct MatrixProductTests {
  @Test(arguments: [[1, 1, 1], [1, 7, 5], [4, 1, 3], [3, 5, 1], [17, 33, 9], [64, 64, 64]], [0, 1, 2, 3])
  func product(_ sizes: [Int], _ transposes: Int) {
    let (rows, columns, inner) = (sizes[0], sizes[1], sizes[2])
    let (transposesA, transposesB) = (transposes & 1 == 1, transposes & 2 == 2)
    let a = Tensor.random(transposesA ? [inner, rows] : [rows, inner], seed: 1)
    let b = Tensor.random(transposesB ? [columns, inner] : [inner, columns], seed: 2)
    let (left, right) = (a.scalars, b.scalars)
    var wanted = [Double](repeating: 0, count: rows * columns)
    for i in 0..<rows {
      for j in 0..<columns {
        for k in 0..<inner {
          let l = left[transposesA ? k * rows + i : i * inner + k]
          let r = right[transposesB ? j * inner + k : k * columns + j]
          wanted[i * columns + j] += Double(l) * Double(r)
        }
      }
    }
    let result = MatrixProduct.product(a, b, transposingA: transposesA, transposingB: transposesB)
    expectClose(result, tensor([rows, columns], wanted))
  }

  @Test func biasAndSums() {
    var matrix = Tensor([2, 3], scalars: [1, 2, 3, 4, 5, 6])
    #expect(MatrixProduct.columnSums(matrix).scalars == [5, 7, 9])
    let before = matrix
    MatrixProduct.addBias(Tensor([3], scalars: [10, 20, 30]), to: &matrix)
    #expect(matrix.scalars == [11, 22, 33, 14, 25, 36] && before.scalars == [1, 2, 3, 4, 5, 6])
    #expect(MatrixProduct.columnSums(Tensor([0, 2], scalars: [Float]())).scalars == [0, 0])
  }
}
