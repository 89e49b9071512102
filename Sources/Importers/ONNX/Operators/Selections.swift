import Graphs
import Tensors

extension ONNXOperators {
  /// Operators that take parts of a value.
  static let selections: [String: Handler] = [
    "Gather": gather,
    "Split": split,
    "Where": choose,
  ]

  private static func gather(
    _ node: ONNXNode, _ translation: inout ONNXTranslation
  ) throws(ImportError.Problem) -> ONNXValue {
    let table = try translation.input(node, 0)
    let shape = try translation.shape(of: table, node)
    let axis = try node.axis(try node.integer("axis", default: 0), rank: shape.rank)
    guard case .literal(let places) = try translation.input(node, 1) else {
      return try lookUp(node, &translation, axis)
    }
    guard let wanted = places.integers else { throw node.problem("its indices must be integers") }
    var indices: [Int] = []
    for place in wanted {
      try node.require(place >= -shape[axis] && place < shape[axis], "takes number \(place) of \(shape[axis])")
      indices.append(place < 0 ? place + shape[axis] : place)
    }
    if case .literal(let table) = table { return try pick(node, &translation, table, axis, indices, places.shape) }
    return try part(node, &translation, axis, indices, places.shape)
  }

  /// Rows whose numbers are computed: an embedding.
  private static func lookUp(
    _ node: ONNXNode, _ translation: inout ONNXTranslation, _ axis: Int
  ) throws(ImportError.Problem) -> ONNXValue {
    let table = try translation.operand(node, 0)
    let places = try translation.operand(node, 1)
    try node.require(translation.isIntegral(places), "its indices are computed numbers that may not be whole")
    try node.require(!translation.isBatched(table), "looks up computed numbers in a computed table")
    var batch = translation.batch(of: places)
    batch?.axis += axis
    return try translation.value(node, Gather(axis: axis), [table, places], keepsBatch: false, batch: batch)
  }

  /// Of a computed value: one place or a range of them is cut out.
  private static func part(
    _ node: ONNXNode, _ translation: inout ONNXTranslation, _ axis: Int, _ indices: [Int], _ shape: Shape
  ) throws(ImportError.Problem) -> ONNXValue {
    let id = try translation.operand(node, 0)
    let source = translation.graph[id].shape
    let isRange = !indices.isEmpty && indices.enumerated().allSatisfy { $1 == indices[0] + $0 }
    let isList = source.rank == 1 || (translation.batch(of: id)?.axis == axis && shape.rank > 1)
    if isRange, isList, indices.count == source[axis] {
      // All of a list, in its order: only the shape is another.
      let (outer, inner) = (source.dimensions[..<axis], source.dimensions[(axis + 1)...])
      return .node(try translation.reshaped(node, id, to: outer + shape.dimensions + inner))
    }
    if isRange, shape.rank == 1 {
      return try translation.cut(node, id, Cut(source, axis: axis, start: indices[0], count: indices.count))
    }
    try node.require(translation.batch(of: id)?.axis != axis, "takes a part of the batch, which is not supported")
    guard isRange, shape.rank == 0 else {
      let numbers = Literal("\(node.name).places", Tensor(shape, scalars: indices.map { Float($0) }))
      var batch = translation.batch(of: id)
      if let old = batch?.axis, old > axis { batch?.axis += shape.rank - 1 }
      let places = try translation.constant(numbers, for: node)
      return try translation.value(node, Gather(axis: axis), [id, places], keepsBatch: false, batch: batch)
    }
    guard
      case .node(let cut) = try translation.cut(
        node, id, Cut(source, axis: axis, start: indices[0], count: 1), part: "part")
    else { throw node.problem("has no input 0") }
    var dimensions = source.dimensions
    dimensions.remove(at: axis)
    var batch = translation.batch(of: id)
    if let old = batch?.axis, old > axis { batch?.axis -= 1 }
    return .node(try translation.reshaped(node, cut, to: dimensions, batch: batch))
  }

  private static func pick(
    _ node: ONNXNode, _ translation: inout ONNXTranslation, _ table: Literal, _ axis: Int, _ indices: [Int],
    _ places: Shape
  ) throws(ImportError.Problem) -> ONNXValue {
    let (outer, inner) = (table.shape.dimensions[..<axis], table.shape.dimensions[(axis + 1)...])
    let shape = try translation.charge(node, outer + places.dimensions + inner)
    let (rows, width, size) = (outer.reduce(1, *), inner.reduce(1, *), table.shape[axis])
    func pick<Number>(_ numbers: [Number]) -> [Number] {
      var picked: [Number] = []
      for row in 0..<rows {
        for index in indices {
          let start = (row * size + index) * width
          picked += numbers[start..<start + width]
        }
      }
      return picked
    }
    if let integers = table.integers {
      return .literal(Literal("", shape, integers: pick(integers), type: table.type))
    }
    return .literal(Literal("", Tensor(shape, scalars: pick(table.tensor!.scalars))))
  }

  private static func split(
    _ node: ONNXNode, _ translation: inout ONNXTranslation
  ) throws(ImportError.Problem) -> ONNXValue {
    let value = try translation.input(node, 0)
    let shape = try translation.shape(of: value, node)
    let axis = try node.axis(try node.integer("axis", default: 0), rank: shape.rank)
    let given = try translation.integers(node, attribute: "split", orInput: 1, since: 13)
    let parts = given?.count ?? node.outputs.count
    try node.require((1...65536).contains(parts) && node.outputs.count <= parts, "makes \(parts) parts")
    // Equal ones; what is left over makes the last one smaller.
    let equal = (shape[axis] + parts - 1) / parts
    let sizes = given ?? (0..<parts).map { max(0, min(equal, shape[axis] - $0 * equal)) }
    try node.require(
      sizes.allSatisfy { $0 >= 0 && $0 <= shape[axis] } && sizes.reduce(0, +) == shape[axis],
      "the parts \(sizes) do not make up the \(shape[axis]) of axis \(axis)")
    var results: [ONNXValue] = []
    var start = 0
    for (index, size) in sizes.enumerated() {
      let cut = Cut(shape, axis: axis, start: size == 0 ? 0 : start, count: size)
      start += size
      if case .literal(let literal) = value {
        let result = try translation.charge(node, cut.counts)
        let offset = cut.starts[axis] * shape.strides[axis]
        results.append(.literal(literal.viewed(result, offset: offset, strides: shape.strides).renamed("")))
      } else {
        let id = try translation.operand(node, 0)
        results.append(try translation.cut(node, id, cut, part: index == 0 ? nil : "part\(index)"))
      }
    }
    translation.give(laterOutputs: Array(results.dropFirst()))
    return results[0]
  }

  private static func choose(
    _ node: ONNXNode, _ translation: inout ONNXTranslation
  ) throws(ImportError.Problem) -> ONNXValue {
    if case .literal(let chooser) = try translation.input(node, 0) {
      return try chosen(node, &translation, chooser)
    }
    let chooser = try translation.operand(node, 0)
    if let guarded = translation.unguarded(chooser, try translation.input(node, 2)) { return guarded }
    return try translation.value(
      node, Choose(), [chooser, try translation.operand(node, 1), try translation.operand(node, 2)],
      type: translation.type(of: try translation.input(node, 1)))
  }

  /// With a constant condition: of constants worked out, and where all of it is the same one side is left.
  private static func chosen(
    _ node: ONNXNode, _ translation: inout ONNXTranslation, _ chooser: Literal
  ) throws(ImportError.Problem) -> ONNXValue {
    guard let flags = chooser.integers else { throw node.problem("its condition must be made of booleans") }
    let (yes, no) = (try translation.input(node, 1), try translation.input(node, 2))
    let shapes = (try translation.shape(of: yes, node), try translation.shape(of: no, node))
    guard let sides = Shape.broadcast(shapes.0, shapes.1), let shape = Shape.broadcast(sides, chooser.shape) else {
      throw node.problem("the shapes \(chooser.shape), \(shapes.0) and \(shapes.1) do not go together")
    }
    if case .literal(let yes) = yes, case .literal(let no) = no {
      _ = try translation.charge(node, shape.dimensions)
      let (a, b, flags) = (yes.expanded(to: shape), no.expanded(to: shape), chooser.expanded(to: shape).integers!)
      if let a = a.integers, let b = b.integers {
        return .literal(
          Literal("", shape, integers: flags.indices.map { flags[$0] != 0 ? a[$0] : b[$0] }, type: yes.type))
      }
      guard let a = a.tensor?.scalars, let b = b.tensor?.scalars else {
        throw node.problem("mixes integers with floating point numbers")
      }
      return .literal(
        Literal("", Tensor(shape, scalars: flags.indices.map { flags[$0] != 0 ? a[$0] : b[$0] })))
    }
    if flags.allSatisfy({ $0 != 0 }), shapes.0 == shape { return yes }
    if flags.allSatisfy({ $0 == 0 }), shapes.1 == shape { return no }
    let numbers = Literal("\(node.name).condition", Tensor(chooser.shape, scalars: flags.map { Float($0) }))
    let condition = try translation.constant(numbers, for: node)
    return try translation.value(
      node, Choose(), [condition, try translation.operand(node, 1), try translation.operand(node, 2)],
      type: translation.type(of: yes))
  }
}

extension ONNXTranslation {
  /// What a guard against rows without a number guards, where there is no mask that could make such rows.
  ///
  /// Exporters write softmax → is it a number? → where; without a mask before the softmax the guard never acts.
  fileprivate func unguarded(_ condition: Graph.Node.ID, _ otherwise: ONNXValue) -> ONNXValue? {
    guard case .node(let value) = otherwise, graph[condition].operation is IsNotANumber,
      graph[condition].inputs == [value], graph[value].operation is Softmax
    else { return nil }
    let scores = graph[graph[value].inputs[0]].operation
    return scores is Graphs.MatrixMultiply || scores is Multiply || scores is Divide ? otherwise : nil
  }
}
