import Compute
import Graphs
import Tensors

extension ONNXOperators {
  /// Operators that take numbers from, or put numbers at, places that are computed.
  static let elements: [String: Handler] = [
    "GatherElements": gatherElements,
    "GatherND": gatherPoints,
    "ScatterElements": scatterElements,
    "Scatter": scatterElements,
    "ScatterND": scatterPoints,
    "OneHot": oneHot,
  ]

  private static func gatherElements(
    _ node: ONNXNode, _ translation: inout ONNXTranslation
  ) throws(ImportError.Problem) -> ONNXValue {
    var table = try translation.operand(node, 0)
    let places = try translation.operand(node, 1)
    let (shape, wanted) = (translation.graph[table].shape, translation.graph[places].shape)
    let axis = try node.axis(try node.integer("axis", default: 0), rank: shape.rank)
    try node.require(translation.isIntegral(places), "its indices are no whole numbers")
    try node.require(wanted.rank == shape.rank, "the indices \(wanted) do not fit \(shape)")
    for other in 0..<shape.rank where other != axis && wanted[other] < shape[other] {
      table = try translation.part(node, table, axis: other, from: 0, count: wanted[other])
    }
    return try translation.value(
      node, GatherElements(axis: axis), [table, places], type: translation.type(of: table))
  }

  /// Rows at points of several axes: the axes are made one, and the points numbers along it.
  private static func gatherPoints(
    _ node: ONNXNode, _ translation: inout ONNXTranslation
  ) throws(ImportError.Problem) -> ONNXValue {
    let table = try translation.operand(node, 0)
    let shape = translation.graph[table].shape
    let batched = try node.integer("batch_dims", default: 0)
    let points = try Points(node, &translation, input: 1, of: shape, batched: batched)
    let inner = Array(shape.dimensions[points.depth...])
    let outer = points.shape.dimensions.dropLast()
    if let places = points.known, places.enumerated().allSatisfy({ $0 == $1 }),
      places.count == shape.dimensions[..<points.depth].reduce(1, *)
    {
      return .node(try translation.reshaped(node, table, to: outer + inner))
    }
    try node.require(
      (translation.batch(of: table)?.axis ?? points.depth) >= points.depth,
      "takes a part of the batch, which is not supported")
    let rows = try translation.reshaped(
      node, table, to: [shape.dimensions[..<points.depth].reduce(1, *)] + inner,
      batch: translation.batch(of: table).map { BatchPlace(axis: $0.axis - points.depth + 1, outside: $0.outside) },
      part: "rows")
    var batch = translation.batch(of: points.places)
    if batch == nil, let place = translation.batch(of: rows) {
      batch = BatchPlace(axis: place.axis - 1 + outer.count, outside: place.outside)
    }
    return try translation.value(node, Gather(axis: 0), [rows, points.places], keepsBatch: false, batch: batch)
  }

  private static func scattering(_ node: ONNXNode) throws(ImportError.Problem) -> Scattering {
    switch try node.string("reduction", default: "none") {
    case "none": return .replacing
    case "add": return .adding
    case "mul": return .multiplying
    case "max": return .largest
    case "min": return .smallest
    case let other: throw node.problem("'reduction' is '\(other)', expected none, add, mul, max or min")
    }
  }

  private static func scatterElements(
    _ node: ONNXNode, _ translation: inout ONNXTranslation
  ) throws(ImportError.Problem) -> ONNXValue {
    let (x, places) = (try translation.operand(node, 0), try translation.operand(node, 1))
    let values = try translation.operand(node, 2)
    let (shape, wanted) = (translation.graph[x].shape, translation.graph[places].shape)
    let axis = try node.axis(try node.integer("axis", default: 0), rank: shape.rank)
    try node.require(translation.isIntegral(places), "its indices are no whole numbers")
    let scattering = try scattering(node)
    let fits = wanted.rank == shape.rank && (0..<shape.rank).allSatisfy { $0 == axis || wanted[$0] <= shape[$0] }
    try node.require(fits, "the indices \(wanted) do not fit \(shape)")
    guard (0..<shape.rank).contains(where: { $0 != axis && wanted[$0] < shape[$0] }) else {
      return try translation.value(node, ScatterElements(axis: axis, scattering), [x, places, values])
    }
    // Indices for a part of the other axes: everything as one list, the places as numbers in it.
    try node.require(translation.batch(of: x) == nil, "puts numbers into a part of the batch, which is not supported")
    let strides = shape.strides
    var along = try translation.counted(node, places, of: shape[axis])
    along = try translation.scaled(node, along, by: Float(strides[axis]))
    let own = wanted.strides
    let offsets = try translation.charge(node, wanted.dimensions)
    let fixed = try translation.numbers(
      node, "offsets", offsets,
      (0..<wanted.count).map { place in
        (0..<shape.rank).reduce(0) { $0 + ($1 == axis ? 0 : place / own[$1] % wanted[$1] * strides[$1]) }
      })
    let flat = try translation.step(node, Add(), [along, fixed])
    let lists = [
      try translation.reshaped(node, x, to: [shape.count], part: "list"),
      try translation.reshaped(node, flat, to: [wanted.count], part: "places"),
      try translation.reshaped(node, values, to: [wanted.count], part: "values"),
    ]
    let result = try translation.step(node, ScatterElements(axis: 0, scattering), lists)
    return .node(try translation.reshaped(node, result, to: shape.dimensions))
  }

  private static func scatterPoints(
    _ node: ONNXNode, _ translation: inout ONNXTranslation
  ) throws(ImportError.Problem) -> ONNXValue {
    let (x, values) = (try translation.operand(node, 0), try translation.operand(node, 2))
    let shape = translation.graph[x].shape
    let points = try Points(node, &translation, input: 1, of: shape, batched: 0)
    try node.require(
      (translation.batch(of: x)?.axis ?? points.depth) >= points.depth,
      "puts numbers into a part of the batch, which is not supported")
    let inner = Array(shape.dimensions[points.depth...])
    let outer = Array(points.shape.dimensions.dropLast())
    try node.require(
      translation.graph[values].shape.dimensions == outer + inner,
      "the values \(translation.graph[values].shape) do not fit the indices \(points.shape)")
    let (width, count) = (inner.reduce(1, *), outer.reduce(1, *))
    let rows = try translation.reshaped(
      node, x, to: [shape.dimensions[..<points.depth].reduce(1, *), width], part: "rows")
    let put = try translation.reshaped(node, values, to: [count, width], part: "values")
    var places = try translation.reshaped(node, points.places, to: [count, 1], part: "places")
    let zeros = try translation.charge(node, [1, width])
    let row = Literal("\(node.name).zeros", Tensor(zeros, repeating: 0))
    places = try translation.step(node, Add(), [places, try translation.constant(row, for: node)])
    let scattered = try translation.step(
      node, ScatterElements(axis: 0, try scattering(node)), [rows, places, put], type: translation.type(of: x))
    return .node(
      try translation.reshaped(node, scattered, to: shape.dimensions, batch: translation.batch(of: x)))
  }

  /// Along a new axis the one value at the place that an index names, the other one elsewhere.
  private static func oneHot(
    _ node: ONNXNode, _ translation: inout ONNXTranslation
  ) throws(ImportError.Problem) -> ONNXValue {
    let indices = try translation.operand(node, 0)
    guard let depth = try translation.literal(node, 1)?.scalar, depth >= 1, depth <= Float(1 << 24) else {
      throw node.problem("its depth must be one number from 1 to \(1 << 24)")
    }
    let size = Int(depth)
    let shape = translation.graph[indices].shape
    let axis = try node.axis(try node.integer("axis", default: -1), rank: shape.rank + 1)
    var dimensions = shape.dimensions
    dimensions.insert(1, at: axis)
    var batch = translation.batch(of: indices)
    if let old = batch?.axis, old >= axis { batch?.axis += 1 }
    let counted = try translation.counted(node, indices, of: size)
    let laid = try translation.reshaped(node, counted, to: dimensions, batch: batch, part: "laid")
    let places = try translation.numbers(
      node, "places", Shape([size] + Array(repeating: 1, count: shape.rank - axis)), Array(0..<size))
    let isHere = try translation.step(node, Combine(.equal), [laid, places], type: .truth)
    let values = try translation.operand(node, 2)
    try node.require(translation.graph[values].shape == [2], "its values are not two")
    let off = try translation.without(
      node, axis: 0, try translation.part(node, values, axis: 0, from: 0, count: 1, named: "off"))
    let on = try translation.without(
      node, axis: 0, try translation.part(node, values, axis: 0, from: 1, count: 1, named: "on"))
    return try translation.value(node, Choose(), [isHere, on, off], type: translation.type(of: values))
  }
}

/// Points of the first axes of a value, as numbers along these axes taken as one.
private struct Points {
  /// How many of the first axes they name.
  var depth: Int
  /// Of the input: the last axis is that of a point.
  var shape: Shape
  var places: Graph.Node.ID
  /// The numbers, where they are known.
  var known: [Int]?

  init(
    _ node: ONNXNode, _ translation: inout ONNXTranslation, input: Int, of table: Shape, batched: Int
  ) throws(ImportError.Problem) {
    let value = try translation.input(node, input)
    shape = try translation.shape(of: value, node)
    guard let last = shape.dimensions.last, (0...16).contains(batched), last >= 1, batched + last <= table.rank,
      batched < shape.rank, shape.dimensions[..<batched] == table.dimensions[..<batched]
    else { throw node.problem("the indices \(shape) do not fit \(table)") }
    depth = batched + last
    let strides = Shape(Array(table.dimensions[..<depth])).strides
    let (sizes, steps) = (Array(table.dimensions[batched..<depth]), Array(strides[batched...]))
    let outer = Shape(Array(shape.dimensions.dropLast()))
    _ = try translation.charge(node, outer.dimensions)
    // Where the part of a batch begins.
    let each = outer.dimensions[batched...].reduce(1, *)
    let begin = batched == 0 ? 0 : strides[batched - 1]
    let offsets = (0..<outer.count).map { each == 0 ? 0 : $0 / each * begin }
    if case .literal(let literal) = value {
      guard let indices = literal.integers else { throw node.problem("its indices must be integers") }
      var numbers = offsets
      for (place, index) in indices.enumerated() {
        let (point, axis) = (place / last, place % last)
        try node.require(index >= -sizes[axis] && index < sizes[axis], "takes number \(index) of \(sizes[axis])")
        numbers[point] += (index < 0 ? index + sizes[axis] : index) * steps[axis]
      }
      known = numbers
      places = try translation.numbers(node, "places", outer, numbers)
      return
    }
    places = try Points.computed(node, &translation, input, sizes: sizes, steps: steps)
    if batched > 0 {
      places = try translation.step(
        node, Add(), [places, try translation.numbers(node, "offsets", outer, offsets)])
    }
  }

  /// Computed indices as numbers of rows.
  private static func computed(
    _ node: ONNXNode, _ translation: inout ONNXTranslation, _ input: Int, sizes: [Int], steps: [Int]
  ) throws(ImportError.Problem) -> Graph.Node.ID {
    let id = try translation.operand(node, input)
    try node.require(translation.isIntegral(id), "its indices are computed numbers that may not be whole")
    let axis = translation.graph[id].shape.rank - 1
    let zero = try translation.number(node, 0, type: .int64)
    let isBelow = try translation.step(node, Combine(.less), [id, zero], type: .truth)
    let fromEnd = try translation.step(
      node, Add(), [id, try translation.numbers(node, "sizes", [sizes.count], sizes)])
    let counted = try translation.step(node, Choose(), [isBelow, fromEnd, id], type: .int64)
    let scaled = try translation.step(
      node, Multiply(), [counted, try translation.numbers(node, "steps", [sizes.count], steps)])
    let sum = try translation.step(node, Sum(axes: [axis]), [scaled])
    return try translation.without(node, axis: axis, sum)
  }
}
