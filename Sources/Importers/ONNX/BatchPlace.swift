import Graphs
import Tensors

/// Where the batch of the first input is in a value: along which axis, and how many elements lie outside of it there.
///
/// A file says what happens to one batch; the graph must hold for all. In `[tokens · batch, features]` the batch is on
/// axis 0, with `tokens` outside of it.
struct BatchPlace: Hashable {
  var axis: Int
  var outside: Int
}

extension ONNXTranslation {
  /// The place of the batch in what is computed of these element by element: it stays, counted from the last axis.
  func alignedBatch(of inputs: [Graph.Node.ID], rank: Int) -> BatchPlace? {
    for input in inputs {
      guard var place = batch(of: input) else { continue }
      place.axis += rank - graph[input].shape.rank
      return place.axis >= 0 && place.axis < rank ? place : nil
    }
    return nil
  }

  /// Where the batch is after the same elements are taken for another shape: row-major order keeps what is outside of
  /// it.
  func batch(of id: Graph.Node.ID, reshapedTo dimensions: [Int]) -> BatchPlace? {
    guard let place = batch(of: id) else { return nil }
    let before = graph[id].shape.dimensions[..<place.axis].reduce(place.outside, *)
    var outside = 1
    var places: [BatchPlace] = []
    for (axis, size) in dimensions.enumerated() {
      if outside > 0, outside <= before, before % outside == 0, before * batch <= outside * size {
        // An axis of the very size of the batch is the batch.
        if outside == before && size == batch { return BatchPlace(axis: axis, outside: 1) }
        places.append(BatchPlace(axis: axis, outside: before / outside))
      }
      outside *= size
    }
    // Between two axes it belongs to either: rows of a matrix are [tokens · batch, features], but matrices are
    // [tokens, batch · heads, features].
    return dimensions.count <= 2 ? places.first : places.first { $0.outside == 1 } ?? places.first
  }

  /// A value in another shape of as many elements, made to hold for every batch. `batch` says where it goes, where that
  /// is known better than from the order of the elements.
  mutating func reshaped(
    _ node: ONNXNode, _ id: Graph.Node.ID, to dimensions: [Int], batch known: BatchPlace? = nil, part: String? = nil
  ) throws(ImportError.Problem) -> Graph.Node.ID {
    // Nothing is nothing in any shape; a 0 in a reshape would mean a copy.
    if dimensions.contains(0), Shape.checked(dimensions) != nil, graph[id].shape.count == 0 {
      let empty = Tensor(Shape(dimensions), repeating: 0)
      return try constant(Literal("\(node.name).empty", empty, type: type(of: id)), for: node)
    }
    let place = known.flatMap { $0.axis < dimensions.count ? $0 : nil } ?? batch(of: id, reshapedTo: dimensions)
    var free = dimensions
    if let place {
      let shape = graph[id].shape
      let stays = place == batch(of: id) && shape[place.axis] == dimensions[place.axis]
      free[place.axis] = stays ? 0 : -1
    }
    return try add(node, Reshape(dimensions: free), [id], part: part, keepsBatch: false, batch: place)
  }

  /// Input 0 in another shape of as many elements.
  mutating func reshaped(
    _ node: ONNXNode, to dimensions: [Int], batch: BatchPlace? = nil
  ) throws(ImportError.Problem) -> ONNXValue {
    guard let shape = Shape.checked(dimensions) else { throw node.problem("the shape \(dimensions) is too large") }
    switch try input(node, 0) {
    case .literal(let literal): return .literal(literal.reshaped(shape))
    case .node(let id): return .node(try reshaped(node, id, to: dimensions, batch: batch))
    default: throw node.problem("has no input 0")
    }
  }
}
