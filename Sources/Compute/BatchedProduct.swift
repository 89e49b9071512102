import CCompute
import COneDNN
import Tensors

extension MatrixProduct {
  /// A product of matrices for each index of the axes before the last two, which repeat as in `Tensor.combined`.
  ///
  /// `a` is `[…, rows, inner]` and `b` `[…, inner, columns]`, either of them transposed first if asked. Each product
  /// runs on one thread, so that it does not depend on how many there are.
  package static func batched(
    _ a: Tensor, _ b: Tensor, transposingA: Bool = false, transposingB: Bool = false
  ) -> Tensor {
    let (a, b) = (a.inLayout(.rowMajor), b.inLayout(.rowMajor))
    let (aSize, bSize) = (a.shape.dimensions.suffix(2), b.shape.dimensions.suffix(2))
    let rows = transposingA ? aSize.last! : aSize.first!
    let inner = transposingA ? aSize.first! : aSize.last!
    let columns = transposingB ? bSize.first! : bSize.last!
    precondition(
      inner == (transposingB ? bSize.last! : bSize.first!), "the inner sizes of \(a.shape) and \(b.shape) differ")
    let outer = Shape.broadcast(Shape(a.shape.dimensions.dropLast(2)), Shape(b.shape.dimensions.dropLast(2)))!
    let (aPlaces, bPlaces) = (places(of: a.shape, in: outer), places(of: b.shape, in: outer))
    return Tensor(Shape(outer.dimensions + [rows, columns])) { result in
      a.withUnsafeFloats { a in
        b.withUnsafeFloats { b in
          aPlaces.withUnsafeBufferPointer { aPlaces in
            bPlaces.withUnsafeBufferPointer { bPlaces in
              var work = Work(
                transposesA: transposingA, transposesB: transposingB, rows: Int64(rows), columns: Int64(columns),
                inner: Int64(inner), a: a.baseAddress!, b: b.baseAddress!, result: result.baseAddress!,
                aPlaces: aPlaces.baseAddress!, bPlaces: bPlaces.baseAddress!)
              cc_parallel(Int64(outer.count), multiply, &work)
            }
          }
        }
      }
    }
  }

  /// Where the matrix for each index of `outer` begins.
  private static func places(of shape: Shape, in outer: Shape) -> [Int] {
    let size = shape.dimensions.suffix(2).reduce(1, *)
    let own = Shape(shape.dimensions.dropLast(2))
    let missing = outer.rank - own.rank
    let strides = own.strides
    var places = [0]
    for axis in 0..<outer.rank {
      let step = axis < missing || own[axis - missing] == 1 ? 0 : strides[axis - missing] * size
      places = places.flatMap { place in (0..<outer[axis]).map { place + $0 * step } }
    }
    return places
  }

  private struct Work {
    var transposesA, transposesB: Bool
    var rows, columns, inner: Int64
    var a, b: UnsafePointer<Float>
    var result: UnsafeMutablePointer<Float>
    var aPlaces, bPlaces: UnsafePointer<Int>
  }

  private static let multiply: cc_work = { context, first, last in
    let work = context!.assumingMemoryBound(to: Work.self).pointee
    for index in Int(first)..<Int(last) {
      check(
        od_matrix_product(
          work.transposesA, work.transposesB, work.rows, work.columns, work.inner, work.a + work.aPlaces[index],
          work.b + work.bPlaces[index], work.result + index * Int(work.rows * work.columns)))
    }
  }
}
