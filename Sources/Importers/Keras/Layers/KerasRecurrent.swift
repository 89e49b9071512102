import Compute
import Graphs
import Tensors

extension KerasLayers {
  static let recurrent: [String: Handler] = [
    "LSTM": { (step, translation) throws(ImportError.Problem) in
      try recurrent(step, &translation, LongShortTermMemory.self)
    },
    "GRU": { (step, translation) throws(ImportError.Problem) in try recurrent(step, &translation, GatedUnit.self) },
    "SimpleRNN": { (step, translation) throws(ImportError.Problem) in try recurrent(step, &translation, SimpleUnit.self)
    },
    "Bidirectional": bidirectional,
  ]

  private static func recurrent(
    _ step: KerasStep, _ translation: inout KerasTranslation, _ cell: any RecurrentCell.Type
  ) throws(ImportError.Problem) -> [KerasTensor] {
    try step.require(step.inputs.count == 1, "starts from a given state, which is not supported")
    try step.requireFalse("stateful")
    try step.requireFalse("time_major")
    let run = try RecurrentRun(
      step, &translation, cell, part: cell.parts, branch: ["cell"], isPartOptional: true, prefix: "",
      isBackwards: try step.boolean("go_backwards", default: false))
    let isSequence = try step.boolean("return_sequences", default: false)
    let result = KerasTensor(node: try isSequence ? run.sequence(step, &translation, name: nil) : run.last)
    guard try step.boolean("return_state", default: false) else { return [result] }
    return [result] + run.state.map { KerasTensor(node: $0) }
  }

  /// One layer forwards and one backwards, whose results are put together.
  private static func bidirectional(
    _ step: KerasStep, _ translation: inout KerasTranslation
  ) throws(ImportError.Problem) -> [KerasTensor] {
    try step.require(step.inputs.count == 1, "starts from a given state, which is not supported")
    let (layer, _) = try step.wrapped("layer", branch: "forward_layer")
    let cells: [String: any RecurrentCell.Type] = [
      "LSTM": LongShortTermMemory.self, "GRU": GatedUnit.self, "SimpleRNN": SimpleUnit.self,
    ]
    guard let cell = cells[layer.fullType] else {
      throw step.problem("stands around a \(layer.fullType), which is not supported")
    }
    let backwards = step.layer.config["backward_layer"]?.classOwner
    try step.require(backwards == nil, "'backward_layer' is of a class of '\(backwards!)', which is not supported")
    let inner = KerasStep(
      layer: layer, name: step.name, place: step.place, inputs: step.inputs, call: step.call, keywordInputs: [:])
    try inner.requireFalse("stateful")
    try inner.requireFalse("return_state")
    try inner.requireFalse("go_backwards")
    let isSequence = try inner.boolean("return_sequences", default: false)
    var sides: [Graph.Node.ID] = []
    for (direction, isBackwards) in [("forward", false), ("backward", true)] {
      let run = try RecurrentRun(
        inner, &translation, cell, part: [direction], branch: ["\(direction)_layer/cell"], isPartOptional: false,
        prefix: "\(direction)/", isBackwards: isBackwards)
      // The sequence of the layer that runs backwards is put in the order of the input.
      sides.append(
        try isSequence
          ? run.sequence(inner, &translation, name: "\(direction)/sequence", isTurned: isBackwards) : run.last)
    }
    let axis = translation.graph[sides[0]].shape.rank - 1
    let result: Graph.Node.ID
    switch try step.string("merge_mode", default: "concat") {
    case "concat": result = try translation.add(step, Concat(axis: axis), sides)
    case "sum": result = try translation.add(step, Add(), sides)
    case "mul": result = try translation.add(step, Multiply(), sides)
    case "ave":
      let sum = try translation.add(step, Add(), sides, part: "sum")
      result = try translation.add(step, Multiply(), [sum, translation.constant(step, Tensor(scalar: 0.5), "half")])
    case let mode: throw step.problem("'merge_mode' is '\(mode)', expected concat, sum, mul or ave")
    }
    return [KerasTensor(node: result)]
  }
}

/// A layer that runs over the steps of a sequence, written out step by step.
private struct RecurrentRun {
  /// The outputs, in the order in which they were computed.
  private var outputs: [Graph.Node.ID] = []
  private(set) var state: [Graph.Node.ID] = []
  private let isBackwards: Bool

  private static let mostSteps = 1024

  var last: Graph.Node.ID { outputs.last! }

  init(
    _ step: KerasStep, _ translation: inout KerasTranslation, _ type: any RecurrentCell.Type, part: [String],
    branch: [String], isPartOptional: Bool, prefix: String, isBackwards: Bool
  ) throws(ImportError.Problem) {
    self.isBackwards = isBackwards
    let input = try translation.plain(try step.input(), step.name)
    let shape = translation.graph[input].shape
    try step.require(shape.rank == 3, "takes a sequence of 3 axes, not \(shape)")
    try step.require(
      (1...Self.mostSteps).contains(shape[1]), "has \(shape[1]) steps; at most \(Self.mostSteps) are supported")
    let units = try step.integer("units", "output_dim")
    try step.require((1...65536).contains(units), "'units' is \(units)")
    let weights = RecurrentWeights(
      step: step, prefix: prefix, units: units, part: part, branch: branch, isPartOptional: isPartOptional)
    let cell = try type.init(weights, features: shape[2], &translation)
    let projected = try cell.project(input, &translation)
    let width = translation.graph[projected].shape[2]
    state = cell.startState(&translation)
    for number in isBackwards ? Array((0..<shape[1]).reversed()) : Array(0..<shape[1]) {
      let place = "\(prefix)\(number)"
      let cut = Slice(starts: [0, number, 0], steps: [1, 1, 1], counts: [-1, 1, -1])
      let row = try translation.add(step, cut, [projected], part: "\(place)/row")
      let x = try translation.add(step, Reshape(dimensions: [0, width]), [row], part: "\(place)/x")
      state = try cell.advance(x, state, place, &translation)
      outputs.append(state[0])
    }
  }

  func sequence(
    _ step: KerasStep, _ translation: inout KerasTranslation, name: String?, isTurned: Bool = false
  ) throws(ImportError.Problem) -> Graph.Node.ID {
    var rows: [Graph.Node.ID] = []
    for (number, output) in (isTurned ? outputs.reversed() : outputs).enumerated() {
      let units = translation.graph[output].shape[1]
      let part = (name.map { $0 + "/" } ?? "") + "out\(number)"
      rows.append(try translation.add(step, Reshape(dimensions: [0, 1, units]), [output], part: part))
    }
    return try translation.add(step, Concat(axis: 1), rows, part: name)
  }
}

/// Where the weights of a cell are, and how they are called.
private struct RecurrentWeights {
  let step: KerasStep
  let prefix: String
  let units: Int
  let part: [String]
  let branch: [String]
  let isPartOptional: Bool

  private func variable(_ name: String, _ index: Int) -> KerasVariable {
    KerasVariable(name, index: index).inside(part, branch, optional: isPartOptional)
  }

  func kernel(_ features: Int, gates: Int, _ translation: inout KerasTranslation) throws(ImportError.Problem)
    -> Graph.Node.ID
  {
    try translation.weight(step, variable("kernel", 0), [features, gates * units]) { $0.transposed([1, 0]) }
  }

  /// The rows of some of the gates.
  func recurrentKernel(
    gates: Int, taking taken: Range<Int>, _ translation: inout KerasTranslation
  ) throws(ImportError.Problem) -> Graph.Node.ID {
    let (units, all) = (units, gates * units)
    return try translation.weight(
      step, variable("recurrent_kernel", 1), [units, all], variant: "\(taken)"
    ) { tensor in
      let turned = tensor.transposed([1, 0]).scalars
      return Tensor(
        [taken.count * units, units],
        scalars: turned[(taken.lowerBound * units * units)..<(taken.upperBound * units * units)])
    }
  }

  /// The bias, or a row of it; nothing where the layer has none.
  func bias(
    _ shape: [Int], row: Int = 0, _ translation: inout KerasTranslation
  ) throws(ImportError.Problem) -> [Graph.Node.ID] {
    guard try step.boolean("use_bias", default: true) else { return [] }
    let size = shape.last!
    return [
      try translation.weight(step, variable("bias", 2), shape, variant: "row \(row)") {
        Tensor([size], scalars: $0.scalars[(row * size)..<((row + 1) * size)])
      }
    ]
  }

  func add(
    _ operation: any Operator, _ inputs: [Graph.Node.ID], _ part: String, _ translation: inout KerasTranslation
  ) throws(ImportError.Problem) -> Graph.Node.ID {
    try translation.add(step, operation, inputs, part: part)
  }

  /// Some features of a row, with an activation of the layer over them.
  func gate(
    _ x: Graph.Node.ID, _ number: Int, _ part: String, _ activation: String?, _ translation: inout KerasTranslation
  ) throws(ImportError.Problem) -> Graph.Node.ID {
    let cut = Slice(starts: [0, number * units], steps: [1, 1], counts: [-1, units])
    let id = try add(cut, [x], "\(part)/cut", &translation)
    return try activation.map { key throws(ImportError.Problem) in try activated(id, key, part, &translation) } ?? id
  }

  func activated(
    _ x: Graph.Node.ID, _ key: String, _ part: String, _ translation: inout KerasTranslation
  ) throws(ImportError.Problem) -> Graph.Node.ID {
    let standard = key == "recurrent_activation" ? "sigmoid" : "tanh"
    let name = try step.string(key, default: standard)
    switch name {
    case "linear": return x
    case "relu": return try add(Relu(), [x], part, &translation)
    default:
      guard let function = ScalarFunction(keras: name, version: translation.version) else {
        throw step.problem("'\(key)' is '\(name)', which is not supported")
      }
      return try add(Pointwise(function), [x], part, &translation)
    }
  }

  func zeros(_ name: String, _ translation: inout KerasTranslation) -> Graph.Node.ID {
    translation.constant(step, Tensor([1, units], repeating: 0), name)
  }
}

/// What a recurrent layer does at each step.
private protocol RecurrentCell {
  /// How files call the cell in the layer.
  static var parts: [String] { get }
  init(_ weights: RecurrentWeights, features: Int, _ translation: inout KerasTranslation) throws(ImportError.Problem)
  /// What depends on the input alone, for all steps at once.
  func project(_ input: Graph.Node.ID, _ translation: inout KerasTranslation) throws(ImportError.Problem)
    -> Graph.Node.ID
  func startState(_ translation: inout KerasTranslation) -> [Graph.Node.ID]
  /// The next state; its first part is the output.
  func advance(
    _ x: Graph.Node.ID, _ state: [Graph.Node.ID], _ place: String, _ translation: inout KerasTranslation
  ) throws(ImportError.Problem) -> [Graph.Node.ID]
}

/// Hochreiter and Schmidhuber, 1997; gates in the order input, forget, candidate, output.
///
///     c ← σ(f) · c + σ(i) · tanh(g),  h ← σ(o) · tanh(c)
private struct LongShortTermMemory: RecurrentCell {
  static let parts = ["lstm_cell"]
  private let weights: RecurrentWeights
  private let kernel: Graph.Node.ID
  private let recurrent: Graph.Node.ID
  private let bias: [Graph.Node.ID]

  init(_ weights: RecurrentWeights, features: Int, _ translation: inout KerasTranslation) throws(ImportError.Problem) {
    self.weights = weights
    kernel = try weights.kernel(features, gates: 4, &translation)
    recurrent = try weights.recurrentKernel(gates: 4, taking: 0..<4, &translation)
    bias = try weights.bias([4 * weights.units], &translation)
  }

  func project(_ input: Graph.Node.ID, _ translation: inout KerasTranslation) throws(ImportError.Problem)
    -> Graph.Node.ID
  {
    try weights.add(Dense(), [input, kernel] + bias, weights.prefix + "input", &translation)
  }

  func startState(_ translation: inout KerasTranslation) -> [Graph.Node.ID] {
    [weights.zeros("zeros", &translation), weights.zeros("zeros", &translation)]
  }

  func advance(
    _ x: Graph.Node.ID, _ state: [Graph.Node.ID], _ place: String, _ translation: inout KerasTranslation
  ) throws(ImportError.Problem) -> [Graph.Node.ID] {
    let again = try weights.add(Dense(), [state[0], recurrent], "\(place)/again", &translation)
    let z = try weights.add(Add(), [x, again], "\(place)/sum", &translation)
    let input = try weights.gate(z, 0, "\(place)/in", "recurrent_activation", &translation)
    let forget = try weights.gate(z, 1, "\(place)/forget", "recurrent_activation", &translation)
    let candidate = try weights.gate(z, 2, "\(place)/candidate", "activation", &translation)
    let output = try weights.gate(z, 3, "\(place)/out", "recurrent_activation", &translation)
    let kept = try weights.add(Multiply(), [forget, state[1]], "\(place)/kept", &translation)
    let new = try weights.add(Multiply(), [input, candidate], "\(place)/new", &translation)
    let memory = try weights.add(Add(), [kept, new], "\(place)/memory", &translation)
    let shown = try weights.activated(memory, "activation", "\(place)/shown", &translation)
    return [try weights.add(Multiply(), [output, shown], "\(place)/output", &translation), memory]
  }
}

/// Cho et al., 2014; gates in the order update, reset, candidate. With `reset_after` the product comes before the
/// reset, and has a bias of its own.
///
///     h ← σ(z) · h + (1 − σ(z)) · tanh(x + σ(r) · (U h + b))
private struct GatedUnit: RecurrentCell {
  static let parts = ["gru_cell"]
  private let weights: RecurrentWeights
  private let resetsAfter: Bool
  private let kernel: Graph.Node.ID
  private let gates: Graph.Node.ID
  private let candidate: Graph.Node.ID
  private let bias: [Graph.Node.ID]
  /// Of all gates, with `reset_after`.
  private let recurrentBias: [Graph.Node.ID]

  init(_ weights: RecurrentWeights, features: Int, _ translation: inout KerasTranslation) throws(ImportError.Problem) {
    self.weights = weights
    resetsAfter = try weights.step.boolean("reset_after", default: translation.version >= 3)
    kernel = try weights.kernel(features, gates: 3, &translation)
    gates = try weights.recurrentKernel(gates: 3, taking: resetsAfter ? 0..<3 : 0..<2, &translation)
    candidate = try resetsAfter ? gates : weights.recurrentKernel(gates: 3, taking: 2..<3, &translation)
    let shape = (resetsAfter ? [2] : []) + [3 * weights.units]
    bias = try weights.bias(shape, &translation)
    recurrentBias = try resetsAfter ? weights.bias(shape, row: 1, &translation) : []
  }

  func project(_ input: Graph.Node.ID, _ translation: inout KerasTranslation) throws(ImportError.Problem)
    -> Graph.Node.ID
  {
    try weights.add(Dense(), [input, kernel] + bias, weights.prefix + "input", &translation)
  }

  func startState(_ translation: inout KerasTranslation) -> [Graph.Node.ID] { [weights.zeros("zeros", &translation)] }

  func advance(
    _ x: Graph.Node.ID, _ state: [Graph.Node.ID], _ place: String, _ translation: inout KerasTranslation
  ) throws(ImportError.Problem) -> [Graph.Node.ID] {
    let again = try weights.add(Dense(), [state[0], gates] + recurrentBias, "\(place)/again", &translation)
    func gate(_ number: Int, _ name: String) throws(ImportError.Problem) -> Graph.Node.ID {
      let own = try weights.gate(x, number, "\(place)/\(name)/x", nil, &translation)
      let other = try weights.gate(again, number, "\(place)/\(name)/again", nil, &translation)
      let sum = try weights.add(Add(), [own, other], "\(place)/\(name)/sum", &translation)
      return try weights.activated(sum, "recurrent_activation", "\(place)/\(name)", &translation)
    }
    let (update, reset) = (try gate(0, "update"), try gate(1, "reset"))
    let own = try weights.gate(x, 2, "\(place)/candidate/x", nil, &translation)
    let past: Graph.Node.ID
    if resetsAfter {
      let product = try weights.gate(again, 2, "\(place)/candidate/again", nil, &translation)
      past = try weights.add(Multiply(), [reset, product], "\(place)/past", &translation)
    } else {
      let kept = try weights.add(Multiply(), [reset, state[0]], "\(place)/kept", &translation)
      past = try weights.add(Dense(), [kept, candidate], "\(place)/past", &translation)
    }
    let sum = try weights.add(Add(), [own, past], "\(place)/candidate/sum", &translation)
    let new = try weights.activated(sum, "activation", "\(place)/candidate", &translation)
    // z · h + (1 − z) · n = n + z · (h − n)
    let change = try weights.add(Subtract(), [state[0], new], "\(place)/change", &translation)
    let share = try weights.add(Multiply(), [update, change], "\(place)/share", &translation)
    return [try weights.add(Add(), [new, share], "\(place)/output", &translation)]
  }
}

/// The plain recurrent layer: `h ← tanh(x + U h)`.
private struct SimpleUnit: RecurrentCell {
  static let parts = ["simple_rnn_cell"]
  private let weights: RecurrentWeights
  private let kernel: Graph.Node.ID
  private let recurrent: Graph.Node.ID
  private let bias: [Graph.Node.ID]

  init(_ weights: RecurrentWeights, features: Int, _ translation: inout KerasTranslation) throws(ImportError.Problem) {
    self.weights = weights
    kernel = try weights.kernel(features, gates: 1, &translation)
    recurrent = try weights.recurrentKernel(gates: 1, taking: 0..<1, &translation)
    bias = try weights.bias([weights.units], &translation)
  }

  func project(_ input: Graph.Node.ID, _ translation: inout KerasTranslation) throws(ImportError.Problem)
    -> Graph.Node.ID
  {
    try weights.add(Dense(), [input, kernel] + bias, weights.prefix + "input", &translation)
  }

  func startState(_ translation: inout KerasTranslation) -> [Graph.Node.ID] { [weights.zeros("zeros", &translation)] }

  func advance(
    _ x: Graph.Node.ID, _ state: [Graph.Node.ID], _ place: String, _ translation: inout KerasTranslation
  ) throws(ImportError.Problem) -> [Graph.Node.ID] {
    let again = try weights.add(Dense(), [state[0], recurrent], "\(place)/again", &translation)
    let sum = try weights.add(Add(), [x, again], "\(place)/sum", &translation)
    return [try weights.activated(sum, "activation", "\(place)/output", &translation)]
  }
}
