import Graphs

/// A value while a Keras network becomes a graph: a node, and what its axes mean.
///
/// Keras has the channels of an image last. The graph's convolutions want them second, so a value keeps its channels
/// second from one of them to the next, and is put in the order of Keras only for what reads it in that order.
struct KerasTensor {
  enum Layout: Hashable {
    /// As Keras has it.
    case plain
    /// `[batch, channels, height, width]` for `[batch, height, width, channels]`.
    case image
    /// `[batch, channels, 1, steps]` for `[batch, steps, channels]`.
    case sequence
    /// `[batch, channels · height · width]` for `[batch, height · width · channels]`.
    case flattened(channels: Int, height: Int, width: Int)
  }

  var node: Graph.Node.ID
  var layout: Layout = .plain
}

/// What a handler needs to know of the call that it translates.
struct KerasStep {
  let layer: KerasLayer
  /// Unique among the steps: the names of the networks around it and its own, with slashes between.
  let name: String
  let place: KerasWeightPlace
  let inputs: [KerasTensor]
  /// The positional arguments: tensors as places among the inputs.
  let call: KerasCall
  /// The tensors that were handed over by keyword.
  let keywordInputs: [String: KerasTensor]

  func problem(_ words: String) -> ImportError.Problem {
    .node(name: name, operation: layer.type, problem: words)
  }

  func require(_ condition: Bool, _ words: @autoclosure () -> String) throws(ImportError.Problem) {
    guard condition else { throw problem(words()) }
  }

  /// The only input.
  func input() throws(ImportError.Problem) -> KerasTensor {
    guard inputs.count == 1 else { throw problem("takes one input, not \(inputs.count)") }
    return inputs[0]
  }
}

// MARK: - Its configuration

extension KerasStep {
  /// The value of the first of the keys that is there; older names come later.
  func value(_ keys: [String]) -> JSONValue? {
    keys.lazy.compactMap { layer.config[$0] }.first { !$0.isNull }
  }

  func integer(_ keys: String..., default standard: Int? = nil) throws(ImportError.Problem) -> Int {
    guard let value = value(keys) else {
      guard let standard else { throw problem("'\(keys[0])' is missing") }
      return standard
    }
    guard let integer = value.integer, integer.magnitude < 1 << 31 else {
      throw problem("'\(keys[0])' is \(value.words), expected a whole number")
    }
    return integer
  }

  func float(_ keys: String..., default standard: Float) throws(ImportError.Problem) -> Float {
    guard let value = value(keys) else { return standard }
    guard let number = KerasStep.number(value), number.isFinite else {
      throw problem("'\(keys[0])' is \(value.words), expected a number")
    }
    return number
  }

  /// A number as JSON, or as Keras wraps one of NumPy.
  static func number(_ value: JSONValue) -> Float? {
    (value.number ?? value["config"]?["value"]?.number ?? value["value"]?.number).map { Float($0) }
  }

  func boolean(_ keys: String..., default standard: Bool) throws(ImportError.Problem) -> Bool {
    guard let value = value(keys) else { return standard }
    guard let boolean = value.boolean ?? value.integer.map({ $0 != 0 }) else {
      throw problem("'\(keys[0])' is \(value.words), expected true or false")
    }
    return boolean
  }

  func string(_ keys: String..., default standard: String) throws(ImportError.Problem) -> String {
    guard let value = value(keys) else { return standard }
    guard let string = value.string else { throw problem("'\(keys[0])' is \(value.words), expected a word") }
    return string
  }

  /// `count` whole numbers above 0, or one for all of them.
  func sizes(
    _ keys: [String], count: Int, default standard: Int? = nil
  ) throws(ImportError.Problem) -> [Int] {
    guard let value = value(keys) else {
      guard let standard else { throw problem("'\(keys[0])' is missing") }
      return Array(repeating: standard, count: count)
    }
    let numbers = value.integer.map { Array(repeating: $0, count: count) } ?? value.array?.compactMap(\.integer) ?? []
    guard numbers.count == count, numbers.allSatisfy({ (1...(1 << 20)).contains($0) }) else {
      throw problem("'\(keys[0])' is \(value.words), expected \(count) whole numbers above 0")
    }
    return numbers
  }

  func requireFalse(_ key: String) throws(ImportError.Problem) {
    try require(try !boolean(key, default: false), "'\(key)' is true, which is not supported")
  }

  /// Whether the channels of images stand first.
  func hasChannelsFirst() throws(ImportError.Problem) -> Bool {
    switch try string("data_format", "dim_ordering", default: "channels_last") {
    case "channels_first", "th": true
    case "channels_last", "tf", "default": false
    case let other: throw problem("'data_format' is '\(other)', expected channels_last or channels_first")
    }
  }
}
