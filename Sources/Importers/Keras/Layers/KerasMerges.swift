import Compute
import Graphs
import Tensors

extension KerasLayers {
  static let merges: [String: Handler] = [
    "Add": { (step, translation) throws(ImportError.Problem) in try combined(step, &translation, .sum) },
    "Subtract": { (step, translation) throws(ImportError.Problem) in try combined(step, &translation, .difference) },
    "Multiply": { (step, translation) throws(ImportError.Problem) in try combined(step, &translation, .product) },
    "Average": { (step, translation) throws(ImportError.Problem) in try combined(step, &translation, .average) },
    "Maximum": { (step, translation) throws(ImportError.Problem) in try combined(step, &translation, .maximum) },
    "Minimum": { (step, translation) throws(ImportError.Problem) in try combined(step, &translation, .minimum) },
    "Divide": { (step, translation) throws(ImportError.Problem) in try combined(step, &translation, .quotient) },
    "TrueDivide": { (step, translation) throws(ImportError.Problem) in try combined(step, &translation, .quotient) },
    "Concatenate": { (step, translation) throws(ImportError.Problem) in
      try concatenated(step, &translation, axis: try step.integer("axis", default: -1))
    },
    "Merge": merge,
  ]

  private enum Combination {
    case sum, difference, product, average, maximum, minimum, quotient
  }

  /// The layer of Keras 1 that has a mode.
  private static func merge(
    _ step: KerasStep, _ translation: inout KerasTranslation
  ) throws(ImportError.Problem) -> [KerasTensor] {
    switch try step.string("mode", default: "sum") {
    case "sum": try combined(step, &translation, .sum)
    case "mul": try combined(step, &translation, .product)
    case "ave": try combined(step, &translation, .average)
    case "max": try combined(step, &translation, .maximum)
    case "concat": try concatenated(step, &translation, axis: try step.integer("concat_axis", default: -1))
    case let mode: throw step.problem("'mode' is '\(mode)', expected sum, mul, ave, max or concat")
    }
  }

  private static func combined(
    _ step: KerasStep, _ translation: inout KerasTranslation, _ combination: Combination
  ) throws(ImportError.Problem) -> [KerasTensor] {
    var (nodes, layout) = try translation.aligned(step)
    // A call of the bare function may hand a number over.
    let scalars = step.call.arguments.enumerated().compactMap { place, argument -> (Int, Float)? in
      guard case .value(let value) = argument, let number = KerasStep.number(value) else { return nil }
      return (place, number)
    }
    for (place, number) in scalars where place <= nodes.count {
      nodes.insert(translation.constant(step, Tensor(scalar: number), "number\(place)"), at: place)
    }
    try step.require(nodes.count >= 2, "takes two inputs or more, not \(nodes.count)")
    var result = nodes[0]
    for (index, node) in nodes.enumerated().dropFirst() {
      let isLast = index == nodes.count - 1 && combination != .average
      let part = isLast ? nil : "step\(index)"
      switch combination {
      case .sum, .average: result = try translation.add(step, Add(), [result, node], part: part)
      case .difference: result = try translation.add(step, Subtract(), [result, node], part: part)
      case .product: result = try translation.add(step, Multiply(), [result, node], part: part)
      case .quotient: result = try translation.add(step, Divide(), [result, node], part: part)
      case .maximum, .minimum:
        let order = combination == .maximum ? [node, result] : [result, node]
        let over = try translation.add(step, Subtract(), order, part: "over\(index)")
        let isOver = try translation.add(step, Relu(), [over], part: "isOver\(index)")
        result = try translation.add(step, Choose(), [isOver, node, result], part: part)
      }
    }
    if combination == .average {
      let share = translation.constant(step, Tensor(scalar: 1 / Float(nodes.count)), "share")
      result = try translation.add(step, Multiply(), [result, share])
    }
    return [KerasTensor(node: result, layout: layout)]
  }

  private static func concatenated(
    _ step: KerasStep, _ translation: inout KerasTranslation, axis: Int
  ) throws(ImportError.Problem) -> [KerasTensor] {
    try step.require(!step.inputs.isEmpty, "has no inputs")
    var inputs = step.inputs
    // Flattened images one after the other are no flattened image.
    if inputs.contains(where: { $0.layout != .image && $0.layout != .sequence && $0.layout != .plain }) {
      for place in inputs.indices {
        inputs[place] = KerasTensor(node: try translation.plain(inputs[place], step.name))
      }
    }
    let (nodes, layout) = try translation.aligned(step, inputs)
    let place = try translation.axis(axis, of: KerasTensor(node: nodes[0], layout: layout), step)
    try step.require(place > 0, "'axis' is \(axis): images of a batch stay apart")
    return [KerasTensor(node: try translation.add(step, Concat(axis: place), nodes), layout: layout)]
  }
}

extension KerasTranslation {
  /// The inputs in one layout: that of all of them, images where one is an image, else as Keras has them.
  fileprivate mutating func aligned(
    _ step: KerasStep, _ given: [KerasTensor]? = nil
  ) throws(ImportError.Problem) -> ([Graph.Node.ID], KerasTensor.Layout) {
    let inputs = given ?? step.inputs
    guard let first = inputs.first else { throw step.problem("has no inputs") }
    let ranks = Set(inputs.map { shape($0).rank == 4 && $0.layout == .sequence ? 3 : shape($0).rank })
    try step.require(ranks.count == 1, "takes inputs of as many axes, not of \(ranks.sorted())")
    if inputs.allSatisfy({ $0.layout == first.layout }) { return (inputs.map(\.node), first.layout) }
    var nodes: [Graph.Node.ID] = []
    let hasImage = inputs.contains { $0.layout == .image }
    for input in inputs { nodes.append(try hasImage ? image(input, step) : plain(input, step.name)) }
    return (nodes, hasImage ? .image : .plain)
  }
}
