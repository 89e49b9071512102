import Graphs
import Tensors

extension ONNXOperators {
  /// Layers that walk over a sequence.
  static let recurrence: [String: Handler] = [
    "LSTM": { (node, translation) throws(ImportError.Problem) in
      try recurrent(node, &translation, .lstm, activations: ["Sigmoid", "Tanh", "Tanh"])
    },
    "GRU": { (node, translation) throws(ImportError.Problem) in
      let resetsAfter = try node.flag("linear_before_reset")
      return try recurrent(node, &translation, resetsAfter ? .gruResetAfter : .gru, activations: ["Sigmoid", "Tanh"])
    },
    "RNN": { (node, translation) throws(ImportError.Problem) in
      try recurrent(node, &translation, .plain, activations: ["Tanh"])
    },
  ]

  /// The states of each direction side by side, then the last of them, and for LSTM the last cells.
  private static func recurrent(
    _ node: ONNXNode, _ translation: inout ONNXTranslation, _ cell: Recurrent.Cell, activations: [String]
  ) throws(ImportError.Problem) -> ONNXValue {
    let directions = try directions(node, activations)
    let isBatchFirst = try node.flag("layout")
    var x = try translation.operand(node, 0)
    try node.require(
      translation.graph[x].shape.rank == 3, "its input is \(translation.graph[x].shape), expected 3 axes")
    if isBatchFirst { x = try translation.turned(node, x, [1, 0, 2]) }
    let (tokens, batch) = (translation.graph[x].shape[0], translation.graph[x].shape[1])
    if let lengths = try translation.literal(node, 4)?.integers {
      try node.require(lengths.allSatisfy { $0 == tokens }, "sequences of different lengths are not supported")
    }
    var (states, lasts, cells): ([Graph.Node.ID], [Graph.Node.ID], [Graph.Node.ID]) = ([], [], [])
    for (index, isReversed) in directions.enumerated() {
      let inputs = [x] + (try weights(node, &translation, index, cell, isBatchFirst))
      let all = try translation.add(
        node, Recurrent(cell, isReversed: isReversed), inputs, part: "cells", keepsBatch: false,
        batch: translation.batch(of: x))
      let size = translation.graph[inputs[2]].shape[1]
      let state =
        cell == .lstm ? try translation.part(node, all, axis: 2, from: 0, count: size, named: "states") : all
      let last = try translation.part(node, all, axis: 0, from: isReversed ? 0 : tokens - 1, count: 1, named: "last")
      states.append(
        try translation.reshaped(
          node, state, to: [tokens, 1, batch, size],
          batch: translation.batch(of: x).map { _ in BatchPlace(axis: 2, outside: 1) }, part: "state"))
      lasts.append(try translation.part(node, last, axis: 2, from: 0, count: size, named: "lastState"))
      if cell == .lstm {
        cells.append(try translation.part(node, last, axis: 2, from: size, count: size, named: "lastCell"))
      }
    }
    return try joined(node, &translation, states, cell == .lstm ? [lasts, cells] : [lasts], isBatchFirst: isBatchFirst)
  }

  /// The directions side by side.
  private static func joined(
    _ node: ONNXNode, _ translation: inout ONNXTranslation, _ states: [Graph.Node.ID], _ lasts: [[Graph.Node.ID]],
    isBatchFirst: Bool
  ) throws(ImportError.Problem) -> ONNXValue {
    var results: [Graph.Node.ID] = []
    for (index, parts) in ([states] + lasts).enumerated() {
      let axis = index == 0 ? 1 : 0
      results.append(parts.count == 1 ? parts[0] : try translation.step(node, Concat(axis: axis), parts))
    }
    if isBatchFirst {
      results[0] = try translation.turned(node, results[0], [2, 0, 1, 3])
      for place in 1..<results.count { results[place] = try translation.turned(node, results[place], [1, 0, 2]) }
    }
    translation.give(laterOutputs: results.dropFirst().map { .node($0) })
    return .node(results[0])
  }

  /// Of each direction, whether it begins with the last token.
  private static func directions(
    _ node: ONNXNode, _ activations: [String]
  ) throws(ImportError.Problem) -> [Bool] {
    let directions: [Bool]
    switch try node.string("direction", default: "forward") {
    case "forward": directions = [false]
    case "reverse": directions = [true]
    case "bidirectional": directions = [false, true]
    case let other: throw node.problem("'direction' is '\(other)', expected forward, reverse or bidirectional")
    }
    let named = node.attributes["activations"]?.strings ?? []
    let usual = directions.flatMap { _ in activations }
    try node.require(
      named.isEmpty || named.map { $0.lowercased() } == usual.map { $0.lowercased() },
      "'activations' are \(named); only \(activations) are supported")
    try node.require(node.attributes["clip"] == nil, "'clip' is not supported")
    try node.require(!(try node.flag("input_forget")), "'input_forget' is 1; only 0 is supported")
    try node.require(
      node.inputs.count < 8 || node.inputs[7].isEmpty, "weights from the cell to the gates are not supported")
    return directions
  }

  /// Weight, recurrent weight, biases and state before, of one direction.
  private static func weights(
    _ node: ONNXNode, _ translation: inout ONNXTranslation, _ direction: Int, _ cell: Recurrent.Cell,
    _ isBatchFirst: Bool
  ) throws(ImportError.Problem) -> [Graph.Node.ID] {
    var result: [Graph.Node.ID] = []
    for index in 1...2 { result.append(try slab(node, &translation, index, direction)) }
    let (weight, recurrent) = (translation.graph[result[0]].shape, translation.graph[result[1]].shape)
    try node.require(
      weight.rank == 2 && recurrent.rank == 2, "its weights \(weight) and \(recurrent) are not of 3 axes")
    let (rows, size) = (weight[0], recurrent[1])
    if translation.optional(node, 3) != nil {
      result.append(try slab(node, &translation, 3, direction))
    } else {
      let none = Tensor(try translation.charge(node, [2 * rows]), repeating: 0)
      result.append(try translation.constant(Literal("\(node.name).bias", none), for: node))
    }
    var state: [Graph.Node.ID] = []
    for index in cell == .lstm ? 5...6 : 5...5 {
      if translation.optional(node, index) != nil {
        var given = try translation.operand(node, index)
        if isBatchFirst { given = try translation.turned(node, given, [1, 0, 2]) }
        let one = try translation.part(node, given, axis: 0, from: direction, count: 1, named: "before")
        state.append(try translation.without(node, axis: 0, one))
      } else {
        let nothing = Tensor(try translation.charge(node, [1, size]), repeating: 0)
        state.append(try translation.constant(Literal("\(node.name).zeros", nothing), for: node))
      }
    }
    result.append(state.count == 1 ? state[0] : try translation.step(node, Concat(axis: 1), state))
    return result
  }

  /// One direction of a weight, as a constant where it is one.
  private static func slab(
    _ node: ONNXNode, _ translation: inout ONNXTranslation, _ index: Int, _ direction: Int
  ) throws(ImportError.Problem) -> Graph.Node.ID {
    guard case .literal(let literal)? = translation.optional(node, index), literal.shape.rank >= 1 else {
      let id = try translation.operand(node, index)
      let one = try translation.part(node, id, axis: 0, from: direction, count: 1, named: "direction")
      return try translation.without(node, axis: 0, one)
    }
    try node.require(direction < literal.shape[0], "input \(index) is \(literal.shape), without direction \(direction)")
    let shape = try translation.charge(node, Array(literal.shape.dimensions.dropFirst()))
    let part = literal.viewed(shape, offset: direction * shape.count, strides: shape.strides)
    return try translation.constant(part, for: node, variant: "direction\(direction)")
  }
}
