import Graphs
import Methods

/// What a recipe makes of each layer with weights: the rules, resolved.
struct LayerPlan {
  struct Layer {
    var name: String
    /// Nil for a layer that stays float.
    var method: (any Method)?
    /// Of the method, as the recipe gives them.
    var options: [String: String] = [:]
    /// What it reads where it is coded: a name, or `float`, and nil for that.
    var activations: String
    var activation: (any ActivationMethod)?
    /// Of that, as the recipe gives them.
    var activationOptions: [String: String] = [:]
    /// The share of training that passes before the weight becomes bits.
    var start: Float
  }
  private(set) var layers: [Layer]
  private let recipe: Recipe

  var coded: [Layer] { layers.filter { $0.method != nil } }

  /// Throws `InputError` where a rule matches no layer, or no layer is to become bits.
  init(_ recipe: Recipe, for graph: Graph, named model: String) throws {
    self.recipe = recipe
    let nodes = graph.weightLayers
    let kinds = nodes.map { $0.operation is Dense ? LayerRule.Kind.dense : .convolution }
    let rules = recipe.layers.rules
    let idle = rules.indices.filter { rule in !zip(nodes, kinds).contains { rules[rule].covers($0.name, $1) } }
    guard idle.isEmpty else {
      let known = nodes.map(\.name).joined(separator: ", ")
      throw InputError(
        idle.map { rule in
          let what = rules[rule].kind.map { "\($0.rawValue) layer" } ?? "layer with weights"
          return "\(model): rule \(rule + 1) of 'layers' matches no \(what): '\(rules[rule].match)' (layers: \(known))"
        })
    }
    let kept = recipe.floatLayers(of: graph)
    layers = try zip(nodes, kinds).enumerated().map { index, layer in
      let isOuter = (index == 0 || index == nodes.count - 1) && recipe.layers != .all
      let matching = rules.filter { $0.covers(layer.0.name, layer.1) }
      return try Self.layer(layer.0.name, isFloat: isOuter || kept.contains(layer.0.name), matching, recipe)
    }
    guard !coded.isEmpty else {
      throw InputError([
        "\(model): there are \(nodes.count) layers with weights, and the first and the last stay float; "
          + "ask for all of them with '--layers all'"
      ])
    }
    if let progression = recipe.progressive { start(by: progression, rules, kinds) }
  }

  /// What the recipe and the rules that cover a layer make of it; of rules the last wins.
  static func layer(_ name: String, isFloat: Bool, _ rules: [LayerRule], _ recipe: Recipe) throws -> Layer {
    var (method, options): (String?, [String: String]) = (isFloat ? nil : recipe.method, recipe.options)
    var layer = Layer(
      name: name, activations: recipe.activations, activationOptions: recipe.activationOptions,
      start: recipe.weightsFrom)
    for rule in rules {
      if let named = rule.method {
        // Options go with their method.
        if named != method ?? recipe.method { options = named == recipe.method ? recipe.options : [:] }
        method = named
      }
      if rule.keep == .float { method = nil }
      options.merge(rule.options) { $1 }
      if let named = rule.activations {
        if named != layer.activations {
          layer.activationOptions = named == recipe.activations ? recipe.activationOptions : [:]
        }
        layer.activations = named
      }
      layer.activationOptions.merge(rule.activationOptions) { $1 }
      layer.start = rule.start ?? layer.start
    }
    guard let method else { return layer }
    layer.options = options
    do {
      layer.method = try makeMethod(named: method, options: options)
      layer.activation = try makeActivation(named: layer.activations, options: layer.activationOptions)
    } catch {
      throw InputError(["layer '\(name)': \(error)"])
    }
    return layer
  }

  /// Layers become bits one after the other, but for those whose start a rule names.
  private mutating func start(by progression: Recipe.Progression, _ rules: [LayerRule], _ kinds: [LayerRule.Kind]) {
    let places = layers.indices.filter { layers[$0].method != nil }
    for (place, index) in places.enumerated() {
      let isNamed = rules.contains { $0.start != nil && $0.covers(layers[index].name, kinds[index]) }
      if !isNamed { layers[index].start = progression.start(of: place, among: places.count) }
    }
  }
}

extension LayerPlan {
  /// What puts codings and signs into a network.
  var passes: [any Pass] {
    var groups: [(method: any Method, start: Float, layers: Set<String>)] = []
    for layer in coded {
      guard let method = layer.method else { continue }
      let known = groups.firstIndex { same($0.method) == same(method) && $0.start == layer.start }
      if let known {
        groups[known].layers.insert(layer.name)
      } else {
        groups.append((method, layer.start, [layer.name]))
      }
    }
    let codings = groups.map {
      AttachMethod($0.method, layers: $0.layers, start: progress(at: $0.start), seed: recipe.seed)
    }
    return codings as [any Pass] + activationPasses
  }

  /// What makes few bits of what layers read. Those that take rectifiers away come first, so that the others see it.
  private var activationPasses: [any Pass] {
    var groups: [(method: any ActivationMethod, layers: Set<String>)] = []
    for layer in coded {
      guard let method = layer.activation else { continue }
      if let known = groups.firstIndex(where: { same($0.method) == same(method) }) {
        groups[known].layers.insert(layer.name)
      } else {
        groups.append((method, [layer.name]))
      }
    }
    let start = progress(at: recipe.activationsFrom)
    return (groups.filter { $0.method.replaces != .none } + groups.filter { $0.method.replaces == .none }).map {
      AttachActivation($0.method, layers: $0.layers, start: start)
    }
  }

  /// The layers that a change of structure is for.
  var codedLayers: CodedLayers {
    CodedLayers(coded: Set(coded.map(\.name)), signed: Set(coded.filter { $0.activation?.bits == 1 }.map(\.name)))
  }

  /// A method as something that can be compared with a method of another type.
  private func same(_ method: any Configurable) -> AnyHashable {
    func opened(_ method: some Configurable) -> AnyHashable { AnyHashable(method) }
    return opened(method)
  }

  /// The progress that methods see at a share of training.
  private func progress(at share: Float) -> Float { share / recipe.hardAt }

  /// `xnor: 6 of 8 layers with weights become bits`.
  var summary: String {
    var counts: [(name: String, count: Int)] = []
    for layer in coded {
      let name = layer.method.map { type(of: $0).name } ?? ""
      if let known = counts.firstIndex(where: { $0.name == name }) {
        counts[known].count += 1
      } else {
        counts.append((name, 1))
      }
    }
    guard counts.count > 1 else {
      return "\(counts[0].name): \(coded.count) of \(layers.count) layers with weights become bits"
    }
    return counts.map { "\($0.name): \($0.count)" }.joined(separator: ", ")
      + "; \(coded.count) of \(layers.count) layers with weights become bits"
  }
}
