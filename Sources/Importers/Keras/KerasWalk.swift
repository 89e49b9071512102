import Graphs
import Tensors

/// From the architecture to the steps.
extension KerasTranslation {
  /// Translates the whole model: its inputs, its calls, its outputs.
  mutating func translate(_ network: KerasNetwork) {
    let outputs = translate(network, inputs: nil, names: [], group: "", call: nil)
    if outputs.isEmpty && allProblems.isEmpty { report(.model("has no outputs")) }
    for output in outputs { if let output { addOutput(output) } }
  }

  /// The outputs of a network; nil for those that could not be made. With `inputs` nil it is the model itself.
  private mutating func translate(
    _ network: KerasNetwork, inputs: [KerasTensor?]?, names: [String], group: String, call: Int?
  ) -> [KerasTensor?] {
    let groups = store.groups(of: network.layers, in: group)
    func place(_ layer: KerasLayer) -> KerasWeightPlace {
      KerasWeightPlace(names: names + [layer.name], group: groups[layer.name] ?? "")
    }
    return network.isSequential
      ? [translateSequence(network, inputs, place)] : translateWired(network, inputs, place)
  }

  private mutating func translateSequence(
    _ network: KerasNetwork, _ inputs: [KerasTensor?]?, _ place: (KerasLayer) -> KerasWeightPlace
  ) -> KerasTensor? {
    var value: KerasTensor?
    if let inputs {
      guard inputs.count == 1, let input = inputs[0] else {
        if inputs.count != 1 { report(.model("the network '\(network.name)' takes one input, not \(inputs.count)")) }
        return nil
      }
      value = input
    } else {
      value = addFirstInput(of: network)
    }
    for layer in network.layers where layer.fullType != "InputLayer" {
      // After a layer that could not be made the others are still looked at.
      let results = step(layer, KerasCall(arguments: []), place(layer), values: [value], keywords: [:])
      value = results.first ?? nil
    }
    return value
  }

  /// The input of a sequential model: a layer of its own, a key of the first layer, or what the model was built for.
  private mutating func addFirstInput(of network: KerasNetwork) -> KerasTensor? {
    guard let input = network.firstInput else { report(.model("has no layers")); return nil }
    do { return try addInput(input.name, input.shape) } catch { report(error); return nil }
  }

  private mutating func translateWired(
    _ network: KerasNetwork, _ inputs: [KerasTensor?]?, _ place: (KerasLayer) -> KerasWeightPlace
  ) -> [KerasTensor?] {
    var values: [KerasReference: KerasTensor?] = [:]
    let layers = KerasWiring(network)
    if let inputs, inputs.count != network.inputs.count {
      report(.model("the network '\(network.name)' takes \(network.inputs.count) inputs, not \(inputs.count)"))
      return network.outputs.map { _ in nil }
    }
    for (index, reference) in network.inputs.enumerated() {
      if let inputs { values[reference] = .some(inputs[index]); continue }
      guard let layer = layers.layers[reference.layer] else {
        report(.model("the input layer '\(reference.layer)' is not among the layers"))
        continue
      }
      do { values[reference] = .some(try addInput(layer.name, layer.declaredShape)) } catch {
        report(error)
        values[reference] = .some(nil)
      }
    }
    for (layer, call) in order(network, layers, known: Set(values.keys)) {
      translate(layer, call, &values, place(layer), layers)
    }
    return network.outputs.map { output in
      guard let value = values[layers.resolved(output)] else {
        report(.model("the output '\(output.layer)' of the network '\(network.name)' is not computed"))
        return nil
      }
      return value
    }
  }

  /// The calls in an order in which each stands behind what it reads. What reads what never comes is reported.
  private mutating func order(
    _ network: KerasNetwork, _ layers: KerasWiring, known: Set<KerasReference>
  ) -> [(KerasLayer, Int)] {
    struct Key: Hashable { var layer: String; var call: Int }
    var waiting: [Key: Int] = [:]
    var readers: [Key: [Key]] = [:]
    var ready: [Key] = []
    let inputs = Set(known.map { Key(layer: $0.layer, call: $0.call) })
    for layer in network.layers {
      for (number, call) in layer.calls.enumerated() {
        let key = Key(layer: layer.name, call: number)
        guard !inputs.contains(key) else { continue }
        let wanted = Set(call.references.map { layers.resolved($0) }.map { Key(layer: $0.layer, call: $0.call) })
          .subtracting(inputs)
        waiting[key] = wanted.count
        for source in wanted { readers[source, default: []].append(key) }
        if wanted.isEmpty { ready.append(key) }
      }
    }
    var result: [(KerasLayer, Int)] = []
    var next = 0
    while next < ready.count {
      let key = ready[next]
      next += 1
      result.append((layers.layers[key.layer]!, key.call))
      for reader in readers[key] ?? [] {
        waiting[reader]! -= 1
        if waiting[reader] == 0 { ready.append(reader) }
      }
    }
    let left = waiting.filter { $0.value > 0 }.keys.map(\.layer)
    if !left.isEmpty {
      let names = Set(left).sorted().prefix(5).map { "'\($0)'" }.joined(separator: ", ")
      report(.model("layers read each other in a circle, or what nothing computes: \(names)"))
    }
    return result
  }

  private mutating func translate(
    _ layer: KerasLayer, _ number: Int, _ values: inout [KerasReference: KerasTensor?], _ place: KerasWeightPlace,
    _ layers: KerasWiring
  ) {
    let call = layer.calls[number]
    var references = call.arguments.flatMap(\.references)
    if references.isEmpty { references = call.keywords["inputs"]?.references ?? [] }
    let inputs = references.map { values[layers.resolved($0)] ?? nil }
    var keywords: [String: KerasTensor?] = [:]
    for (name, argument) in call.keywords {
      guard let reference = argument.references.first, name != "inputs" else { continue }
      keywords[name] = .some(values[layers.resolved(reference)] ?? nil)
    }
    let outputs = step(layer, call, place, values: inputs, keywords: keywords)
    for (index, output) in outputs.enumerated() {
      values[KerasReference(layer: layer.name, call: number, output: index)] = .some(output)
    }
  }

  /// One call of a layer, or of the network in its place.
  private mutating func step(
    _ layer: KerasLayer, _ call: KerasCall, _ place: KerasWeightPlace, values: [KerasTensor?],
    keywords: [String: KerasTensor?]
  ) -> [KerasTensor?] {
    guard takeStep() else { return [nil] }
    if let network = layer.network {
      return translate(network, inputs: values, names: place.names, group: place.group, call: nil)
    }
    guard let handler = KerasLayers.handler(of: layer) else {
      report(KerasLayers.refusal(of: layer, named: place.names.joined(separator: "/")))
      return [nil]
    }
    let known = values.compactMap { $0 }
    let knownKeywords = keywords.compactMapValues { $0 }
    guard known.count == values.count, knownKeywords.count == keywords.count else { return [nil] }
    let step = KerasStep(
      layer: layer, name: place.names.joined(separator: "/"), place: place, inputs: known, call: call,
      keywordInputs: knownKeywords)
    do throws(ImportError.Problem) {
      try step.requireFloats()
      if layer.type != "MultiHeadAttention", let keyword = knownKeywords.keys.min() {
        throw step.problem("its input '\(keyword)' is not supported")
      }
      return try handler(step, &self).map { .some($0) }
    } catch {
      report(error)
      return [nil]
    }
  }
}

/// The layers of a network by name, and which of their calls is meant by a number.
private struct KerasWiring {
  let layers: [String: KerasLayer]
  /// Networks whose calls are counted from 1: Keras 2 counts the one that made them, which is in no file.
  private var isCountedFromOne: Set<String> = []

  init(_ network: KerasNetwork) {
    layers = Dictionary(uniqueKeysWithValues: network.layers.map { ($0.name, $0) })
    var numbers: [String: Set<Int>] = [:]
    for reference in network.layers.flatMap(\.calls).flatMap(\.references) + network.outputs {
      numbers[reference.layer, default: []].insert(reference.call)
    }
    for (name, calls) in numbers {
      guard let layer = layers[name], !layer.calls.isEmpty, calls.min()! >= 1 else { continue }
      if calls.max()! == layer.calls.count { isCountedFromOne.insert(name) }
    }
  }

  func resolved(_ reference: KerasReference) -> KerasReference {
    guard isCountedFromOne.contains(reference.layer) else { return reference }
    return KerasReference(layer: reference.layer, call: reference.call - 1, output: reference.output)
  }
}

extension KerasNetwork {
  /// The input of a sequential network, by name and with the shape that is declared for it; nil without layers.
  fileprivate var firstInput: (name: String, shape: [Int?]?)? {
    guard let first = layers.first else { return nil }
    var (name, layer) = (first.type == "InputLayer" ? first.name : "\(first.name)_input", first)
    while let inner = layer.network, let next = inner.layers.first { (layer, name) = (next, "\(next.name)_input") }
    if layer.type == "InputLayer" { name = layer.name }
    var shape = layer.declaredShape ?? builtShape
    if shape == nil, let length = layer.config["input_dim"]?.integer {
      shape = layer.type == "Embedding" ? [nil, layer.config["input_length"]?.integer] : [nil, length]
    }
    return (name, shape)
  }

  /// The inputs by name, with the shapes that are declared for them, batch first, as Keras has them.
  var declaredInputs: [(name: String, shape: [Int?]?)] {
    guard !isSequential else { return firstInput.map { [$0] } ?? [] }
    let byName = Dictionary(layers.map { ($0.name, $0) }) { first, _ in first }
    return inputs.map { ($0.layer, byName[$0.layer]?.declaredShape) }
  }

  /// The layers whose values come out, by name.
  var declaredOutputs: [String] {
    isSequential ? layers.last.map { [$0.name] } ?? [] : outputs.map(\.layer)
  }
}

extension KerasLayer {
  /// The shape of the input that the layer declares, batch first.
  fileprivate var declaredShape: [Int?]? {
    (config["batch_shape"] ?? config["batch_input_shape"]).flatMap { KerasNetwork.shape($0) }
      ?? config["shape"].flatMap { KerasNetwork.shape($0) }.map { [nil] + $0 }
  }
}

extension KerasStep {
  /// Weights that were coded already mean something else than their numbers.
  fileprivate func requireFloats() throws(ImportError.Problem) {
    guard let type = layer.config["dtype"] else { return }
    let name = type.string ?? type["config"]?["name"]?.string ?? ""
    let isCoded = ["int8", "int4", "float8"].contains { name.hasPrefix($0) } || type["config"]?["mode"] != nil
    try require(!isCoded, "is quantized to \(name): save the model as it was before")
  }
}
