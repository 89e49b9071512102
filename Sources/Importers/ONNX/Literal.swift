import Synchronization
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
  /// Another for each literal that is read or computed: branches and functions may give one name to several.
  private(set) var identity = Literal.count.wrappingAdd(1, ordering: .relaxed).newValue
  /// A hash of what was done to the numbers since then, so that what differs is not taken for the same.
  private(set) var history: UInt64 = 0
  private(set) var shape: Shape
  private(set) var numbers: Numbers
  /// The type that the numbers have in the file.
  private(set) var type: ONNXElementType

  private static let count = Atomic<UInt64>(0)

  init(_ name: String, _ tensor: Tensor, type: ONNXElementType = .float) {
    self.name = name
    self.type = type
    shape = tensor.shape
    numbers = .floats(tensor)
  }

  /// - Precondition: as many integers as the shape has elements.
  init(_ name: String, _ shape: Shape, integers: [Int], type: ONNXElementType = .int64) {
    precondition(shape.count == integers.count)
    self.name = name
    self.type = type
    self.shape = shape
    numbers = .integers(integers)
  }

  /// A list of integers.
  init(_ name: String, integers: [Int]) { self.init(name, [integers.count], integers: integers) }

  func renamed(_ name: String) -> Literal {
    var literal = self
    literal.name = name
    return literal
  }

  /// The numbers as integers; nil where they are floats.
  var integers: [Int]? { if case .integers(let integers) = numbers { integers } else { nil } }

  /// The numbers as a tensor; nil where they are integers.
  var tensor: Tensor? { if case .floats(let tensor) = numbers { tensor } else { nil } }

  /// The numbers as a tensor, of either kind; nil where one of them is too large for `Float` to hold it exactly.
  var floats: Tensor? {
    guard let integers else { return tensor }
    // What stands for no limit stands for it as the nearest Float too.
    guard integers.allSatisfy({ Float(exactly: $0) != nil || $0 == .max || $0 == Int(Int32.max) }) else { return nil }
    return Tensor(shape, scalars: integers.map { Float($0) })
  }

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
    var literal = self
    literal.shape = shape
    literal.history = Literal.mixed(history, 0, shape.dimensions)
    if let tensor { literal.numbers = .floats(tensor.reshaped(shape)) }
    return literal
  }

  /// The numbers at `offset + Σ index · stride`, for every index of `shape`: a transpose, a slice, an expansion.
  ///
  /// - Precondition: all of these places exist.
  func viewed(_ shape: Shape, offset: Int = 0, strides: [Int]) -> Literal {
    var literal = copied(shape, offset: offset, strides: strides)
    literal.identity = identity
    literal.history = Literal.mixed(history, 2, [offset] + shape.dimensions + strides)
    return literal
  }

  /// The same floats, each times a factor; other numbers as they are.
  func scaled(by factor: Float) -> Literal {
    guard let tensor else { return self }
    var literal = self
    literal.numbers = .floats(tensor.map { $0 * factor })
    literal.history = Literal.mixed(history, 3, [Int(factor.bitPattern)])
    return literal
  }

  private func copied(_ shape: Shape, offset: Int, strides: [Int]) -> Literal {
    switch numbers {
    case .floats(let tensor):
      Literal(
        name,
        Tensor(shape) { target in
          tensor.withUnsafeFloats { source in
            var i = 0
            Literal.forEachPlace(shape, offset, strides) {
              target[i] = source[$0]
              i += 1
            }
          }
        }, type: type)
    case .integers(let source):
      Literal(name, shape, integers: Literal.places(shape, offset, strides).map { source[$0] }, type: type)
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
    let strides = shape.strides
    var literal = viewed(Shape(permutation.map { shape[$0] }), strides: permutation.map { strides[$0] })
    literal.history = Literal.mixed(history, 1, permutation)
    return literal
  }

  private static func mixed(_ history: UInt64, _ kind: Int, _ numbers: [Int]) -> UInt64 {
    ([kind, numbers.count] + numbers).reduce(history) {
      var generator = SplitMix64(seed: $0 ^ UInt64(bitPattern: Int64($1)))
      return generator.next()
    }
  }

  /// The same numbers repeated along the axes of one element, to `shape`.
  ///
  /// - Precondition: the shapes broadcast to `shape`.
  func expanded(to shape: Shape) -> Literal {
    let missing = shape.rank - self.shape.rank
    let strides = self.shape.strides
    return viewed(
      shape,
      strides: shape.dimensions.indices.map {
        $0 < missing || self.shape[$0 - missing] == 1 ? 0 : strides[$0 - missing]
      })
  }
}

extension Shape {
  /// The largest value that a file may describe: four gigabytes of `Float` for one sample.
  static let largestCount = 1 << 30

  /// The shape, where it is one that can be worked with: not too large, not even with its empty axes left out.
  static func checked(_ dimensions: [Int]) -> Shape? {
    guard dimensions.count <= 16, dimensions.allSatisfy({ $0 >= 0 }) else { return nil }
    guard let count = Shape.count(of: dimensions.map { max($0, 1) }), count <= largestCount else { return nil }
    return Shape(dimensions)
  }
}
