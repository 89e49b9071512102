/// A layer as the configuration of a network describes it.
struct KerasLayer: Sendable {
  /// Unique among the layers of its network.
  let name: String
  /// The class, such as `Conv2D`, without the package that it is registered in.
  let type: String
  /// Where the class is defined; empty where the file does not say it.
  let module: String
  /// Whose class it is, where it is none of Keras: the package that it is registered in, or its module.
  let owner: String?
  let config: [String: JSONValue]
  /// How it is called, once for each time; of the layers of a sequential network none are listed.
  let calls: [KerasCall]
  /// The network that stands in the place of a layer.
  let network: KerasNetwork?
}

/// An output of a call of a layer.
struct KerasReference: Hashable, Sendable {
  var layer: String
  var call: Int
  var output: Int
}

/// What is handed to a layer.
indirect enum KerasArgument: Sendable {
  case tensor(KerasReference)
  case list([KerasArgument])
  case value(JSONValue)

  /// The tensors in it, in order.
  var references: [KerasReference] {
    switch self {
    case .tensor(let reference): [reference]
    case .list(let arguments): arguments.flatMap(\.references)
    case .value: []
    }
  }
}

/// A call of a layer: `layer(arguments…, keyword: argument…)`.
struct KerasCall: Sendable {
  var arguments: [KerasArgument]
  var keywords: [String: KerasArgument] = [:]

  /// Everything that must be computed before.
  var references: [KerasReference] {
    arguments.flatMap(\.references) + keywords.keys.sorted().flatMap { keywords[$0]!.references }
  }
}

/// A network as its configuration describes it: layers one after the other, or wired by name.
struct KerasNetwork: Sendable {
  let name: String
  let isSequential: Bool
  let layers: [KerasLayer]
  /// Empty for a sequential network.
  let inputs: [KerasReference]
  let outputs: [KerasReference]
  /// The shape that a sequential network was built for, batch first; open sizes are nil.
  let builtShape: [Int?]?
}

// MARK: - From JSON

extension KerasNetwork {
  static let types: Set<String> = ["Sequential", "Functional", "Model", "Graph"]

  /// - Parameter depth: in how many networks this one stands.
  init(_ json: JSONValue, depth: Int = 0) throws(ImportError.Problem) {
    guard depth < 32 else { throw .tooDeep(limit: 32) }
    guard let type = json["class_name"]?.string, let config = json["config"] else {
      throw .model("its architecture has no 'class_name' and 'config'; was it written by model.to_json()?")
    }
    let isSequential = type == "Sequential"
    // Keras before 2.2.3 wrote the layers of a sequential network without a name around them.
    guard let list = config.array ?? config["layers"]?.array else {
      throw .model("the class '\(type)' was written by its author; only Sequential and Functional networks are read")
    }
    guard list.count <= 100_000 else { throw .tooMany("layers", limit: 100_000) }
    var layers: [KerasLayer] = []
    var names: Set<String> = []
    for element in list {
      let layer = try KerasLayer(element, place: layers.count, depth: depth)
      guard names.insert(layer.name).inserted else { throw .model("two layers have the name '\(layer.name)'") }
      layers.append(layer)
    }
    self.layers = layers
    self.isSequential = isSequential
    name = config["name"]?.string ?? json["name"]?.string ?? type.lowercased()
    inputs = try isSequential ? [] : KerasNetwork.references(config["input_layers"], "input_layers")
    outputs = try isSequential ? [] : KerasNetwork.references(config["output_layers"], "output_layers")
    let built = config["build_input_shape"] ?? json["build_config"]?["input_shape"]
    builtShape = built.flatMap { KerasNetwork.shape($0) }
  }

  /// Sizes, nil where they are open.
  static func shape(_ json: JSONValue) -> [Int?]? {
    guard let sizes = json.array, sizes.allSatisfy({ $0.isNull || $0.integer != nil }) else { return nil }
    return sizes.map(\.integer)
  }

  /// One place, a list of places, or a tree of them.
  private static func references(_ json: JSONValue?, _ key: String) throws(ImportError.Problem) -> [KerasReference] {
    guard let json else { throw .model("its architecture has no '\(key)'") }
    if let reference = KerasReference(json) { return [reference] }
    switch json {
    case .array(let values):
      var all: [KerasReference] = []
      for value in values { all += try references(value, key) }
      return all
    case .object(let members):
      var all: [KerasReference] = []
      for name in members.keys.sorted() { all += try references(members[name]!, key) }
      return all
    default: throw .model("'\(key)' of its architecture is \(json.words)")
    }
  }
}

extension KerasReference {
  /// `["layer", call, output]`, and whatever follows.
  init?(_ json: JSONValue) {
    guard let parts = json.array, parts.count >= 3, let layer = parts[0].string, let call = parts[1].integer,
      let output = parts[2].integer, call >= 0, output >= 0
    else { return nil }
    self.init(layer: layer, call: call, output: output)
  }
}

extension KerasLayer {
  init(_ json: JSONValue, place: Int, depth: Int) throws(ImportError.Problem) {
    guard let type = json["class_name"]?.string, let content = json["config"] else {
      throw .model("layer \(place) of its architecture has no 'class_name' and 'config'")
    }
    // Of a class that was registered in a package the file says 'package>class'.
    self.type = String(type.split(separator: ">").last ?? "")
    module = json["module"]?.string ?? ""
    owner = json.classOwner
    config = content.object ?? [:]
    name = json["name"]?.string ?? config["name"]?.string ?? "\(type.lowercased())_\(place)"
    let isNetwork =
      owner == nil && KerasNetwork.types.contains(self.type) && (content.array != nil || config["layers"] != nil)
    network = try isNetwork ? KerasNetwork(json, depth: depth + 1) : nil
    guard let nodes = json["inbound_nodes"] else { calls = []; return }
    guard let nodes = nodes.array else {
      throw .node(name: name, operation: type, problem: "'inbound_nodes' is no list")
    }
    var calls: [KerasCall] = []
    for node in nodes {
      guard let call = KerasCall(node) else {
        throw .node(name: name, operation: type, problem: "a call of it is described in an unknown way")
      }
      calls.append(call)
    }
    self.calls = calls
  }
}

extension KerasLayer {
  /// Keras by the names that it had, and Python itself.
  fileprivate static let packages: Set<String> = ["keras", "tf_keras", "keras_core", "builtins"]

  /// The class as it is known to whoever wrote it: `mine>Dense` is another than `Dense`.
  var fullType: String { owner.map { "\($0)>\(type)" } ?? type }
}

extension JSONValue {
  /// Whose the class is that an object names; nil for one of Keras.
  ///
  /// A class that was registered has its package before its name, as `class_name` in Keras 1 and 2 and as
  /// `registered_name` since; one that was not has its module alone. Keras writes of its own classes no package, and no
  /// module or one of its own.
  var classOwner: String? {
    for key in ["registered_name", "class_name"] {
      let parts = (self[key]?.string ?? "").split(separator: ">", maxSplits: 1, omittingEmptySubsequences: false)
      if parts.count == 2 { return String(parts[0]) }
    }
    let module = self["module"]?.string ?? ""
    let parts = module.split(separator: ".")
    guard let first = parts.first else { return nil }
    let isOfKeras = first == "tensorflow" ? parts.contains("keras") : KerasLayer.packages.contains(String(first))
    return isOfKeras ? nil : module
  }
}

extension KerasCall {
  /// Keras 3 writes arguments and keywords; Keras 1 and 2 write lists of places.
  init?(_ json: JSONValue) {
    switch json {
    case .object(let members):
      guard let list = members["args"]?.array else { return nil }
      arguments = list.map { KerasArgument($0) }
      keywords = (members["kwargs"]?.object ?? [:]).mapValues { KerasArgument($0) }
    case .array(let places):
      let all = KerasReference(json) != nil ? [json] : places
      guard !all.isEmpty else { return nil }
      arguments = []
      for place in all {
        if let parts = place.array, parts.first?.string == "_CONSTANT_VALUE", parts.count >= 3 {
          arguments.append(.value(parts[2]))
        } else if let reference = KerasReference(place) {
          arguments.append(.tensor(reference))
        } else {
          return nil
        }
      }
      let others = all[0].array.flatMap { $0.count > 3 ? $0[3].object : nil } ?? [:]
      keywords = others.mapValues { value in
        KerasReference(value).map { .tensor($0) } ?? .value(value)
      }
    default: return nil
    }
  }
}

extension KerasArgument {
  init(_ json: JSONValue) {
    if json["class_name"]?.string == "__keras_tensor__", let history = json["config"]?["keras_history"],
      let reference = KerasReference(history)
    {
      self = .tensor(reference)
    } else if let values = json.array {
      self = .list(values.map { KerasArgument($0) })
    } else {
      self = .value(json)
    }
  }
}
