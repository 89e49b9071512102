import Tensors

/// A tensor in a file, known before a number of it is read.
package struct TensorEntry: Hashable, Sendable, Codable {
  /// As the file calls it.
  package var name: String
  package var shape: [Int]
  /// How the numbers are stored, such as `float32` or `int8`.
  package var type: String

  package init(name: String, shape: [Int], type: String) {
    self.name = name
    self.shape = shape
    self.type = type
  }

  /// How many numbers it holds; nil where that is more than an `Int` can count.
  package var count: Int? { shape.contains { $0 < 0 } ? nil : Shape.count(of: shape) }
}

/// A file of named tensors, with or without a graph. They are listed at once and read one at a time.
package protocol TensorSource {
  /// Every tensor that holds numbers, in the order of the file.
  var entries: [TensorEntry] { get }

  /// What the file holds besides, and why it is not among them: a line each.
  var notes: [String] { get }

  /// The numbers of a tensor as floats, in row-major order.
  ///
  /// Throws where there is none of this name, where it is no array of numbers or too large to be read, and where the
  /// file is damaged. Memory: the tensor, and parts of the file.
  func read(_ name: String) throws(ImportError) -> Tensor
}

extension TensorSource {
  package var notes: [String] { [] }
}
