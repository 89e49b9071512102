/// The size of a tensor along each of its axes.
///
/// A shape of no axes has one element: a scalar.
package struct Shape: Hashable, Sendable, Codable, ExpressibleByArrayLiteral, CustomStringConvertible {
  package let dimensions: [Int]

  /// - Precondition: `Shape.count(of: dimensions)` is not nil.
  package init(_ dimensions: [Int]) {
    precondition(Shape.count(of: dimensions) != nil, "a shape must have a countable number of elements: \(dimensions)")
    self.dimensions = dimensions
  }

  package init(arrayLiteral elements: Int...) { self.init(elements) }

  package var rank: Int { dimensions.count }
  package var count: Int { dimensions.reduce(1, *) }
  package subscript(axis: Int) -> Int { dimensions[axis] }
  package var description: String { "[" + dimensions.map(String.init).joined(separator: ", ") + "]" }

  /// The same shape with another size along its first axis, which is the batch of every activation.
  package func withBatch(_ batch: Int) -> Shape { Shape([batch] + dimensions.dropFirst()) }

  /// How far apart in memory two neighbours along each axis are, for row-major order.
  package var strides: [Int] {
    var strides = [Int](repeating: 1, count: rank)
    for axis in stride(from: rank - 2, through: 0, by: -1) { strides[axis] = strides[axis + 1] * dimensions[axis + 1] }
    return strides
  }

  /// The number of elements, or nil where a dimension is negative or the product overflows: for checking what a file
  /// says.
  ///
  /// An axis of size 0 counts as 1 in that check, so that the same axes in another order are a shape too.
  package static func count(of dimensions: [Int]) -> Int? {
    var (count, reach) = (1, 1)
    for dimension in dimensions {
      let (product, overflow) = reach.multipliedReportingOverflow(by: max(dimension, 1))
      guard dimension >= 0, !overflow else { return nil }
      reach = product
      count *= dimension
    }
    return count
  }
}
