import Tensors

/// Numbers that are known while importing: a weight, or part of a computation with shapes.
struct Literal {
  enum Numbers {
    /// Of the literal's shape.
    case floats(Tensor)
    /// Row-major. Booleans are 0 and 1.
    case integers([Int])
  }

  /// The name of the value in the file.
  var name: String
  let shape: Shape
  let numbers: Numbers

  init(_ name: String, _ tensor: Tensor) {
    self.name = name
    shape = tensor.shape
    numbers = .floats(tensor)
  }

  /// - Precondition: as many integers as the shape has elements.
  init(_ name: String, _ shape: Shape, integers: [Int]) {
    precondition(shape.count == integers.count)
    self.name = name
    self.shape = shape
    numbers = .integers(integers)
  }

  /// A list of integers.
  init(_ name: String, integers: [Int]) { self.init(name, [integers.count], integers: integers) }

  /// The numbers as integers; nil where they are floats.
  var integers: [Int]? { if case .integers(let integers) = numbers { integers } else { nil } }

  /// The numbers as a tensor; nil where they are integers.
  var tensor: Tensor? { if case .floats(let tensor) = numbers { tensor } else { nil } }

  /// The one number there is, of either kind.
  var scalar: Float? {
    guard shape.count == 1 else { return nil }
    return switch numbers {
    case .floats(let tensor): tensor.scalars[0]
    case .integers(let integers): Float(integers[0])
    }
  }

  /// The same numbers in another shape of as many elements.
  func reshaped(_ shape: Shape) -> Literal {
    switch numbers {
    case .floats(let tensor): Literal(name, tensor.reshaped(shape))
    case .integers(let integers): Literal(name, shape, integers: integers)
    }
  }

  /// The numbers at `offset + Σ index · stride`, for every index of `shape`: a transpose, a slice, an expansion.
  ///
  /// - Precondition: all of these places exist.
  func viewed(_ shape: Shape, offset: Int = 0, strides: [Int]) -> Literal {
    switch numbers {
    case .floats(let tensor):
      Literal(
        name,
        Tensor(shape) { target in
          tensor.withUnsafeFloats { source in
            var i = 0
            Literal.forEachPlace(shape, offset, strides) { target[i] = source[$0]; i += 1 }
          }
        })
    case .integers(let source):
      Literal(name, shape, integers: Literal.places(shape, offset, strides).map { source[$0] })
    }
  }

  private static func places(_ shape: Shape, _ offset: Int, _ strides: [Int]) -> [Int] {
    var places: [Int] = []
    places.reserveCapacity(shape.count)
    forEachPlace(shape, offset, strides) { places.append($0) }
    return places
  }

  private static func forEachPlace(_ shape: Shape, _ offset: Int, _ strides: [Int], _ body: (Int) -> Void) {
    guard shape.count > 0 else { return }
    guard let last = shape.dimensions.last else { return body(offset) }
    var index = [Int](repeating: 0, count: shape.rank)
    var base = offset
    while true {
      for i in 0..<last { body(base + i * strides[shape.rank - 1]) }
      var axis = shape.rank - 2
      while axis >= 0 {
        index[axis] += 1
        base += strides[axis]
        if index[axis] < shape[axis] { break }
        base -= shape[axis] * strides[axis]
        index[axis] = 0
        axis -= 1
      }
      if axis < 0 { return }
    }
  }

  func transposed(_ permutation: [Int]) -> Literal {
    viewed(Shape(permutation.map { shape[$0] }), strides: permutation.map { shape.strides[$0] })
  }

  /// The same numbers repeated along the axes of one element, to `shape`.
  ///
  /// - Precondition: the shapes broadcast to `shape`.
  func expanded(to shape: Shape) -> Literal {
    let missing = shape.rank - self.shape.rank
    let strides = self.shape.strides
    return viewed(
      shape, strides: shape.dimensions.indices.map { $0 < missing || self.shape[$0 - missing] == 1 ? 0 : strides[$0 - missing] })
  }
}

extension Shape {
  /// What two shapes make together where one element may stand for many; nil where they do not fit, or are too large.
  func broadcast(with other: Shape) -> Shape? {
    let rank = max(self.rank, other.rank)
    var dimensions: [Int] = []
    for axis in 0..<rank {
      let a = axis < rank - self.rank ? 1 : self[axis - rank + self.rank]
      let b = axis < rank - other.rank ? 1 : other[axis - rank + other.rank]
      guard a == b || a == 1 || b == 1 else { return nil }
      dimensions.append(a == 1 ? b : a)
    }
    return Shape.count(of: dimensions) == nil ? nil : Shape(dimensions)
  }
}
