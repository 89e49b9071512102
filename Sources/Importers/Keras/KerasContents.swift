import Tensors

/// What stands in a Keras model, found by its architecture and the names of its arrays: no number is read.
extension KerasImporter {
  package static func contents(of path: String) throws(ImportError) -> ModelContents? {
    try contents(of: path, opening: HDF5Session.open)
  }

  /// - Parameter opening: as for `graph(from:inputShapes:opening:)`.
  package static func contents(of path: String, opening: HDF5Opening) throws(ImportError) -> ModelContents? {
    do {
      let file = try KerasFile(path, opening: opening)
      return ModelContents(file, try KerasNetwork(file.architecture))
    } catch {
      throw ImportError(path, explaining: error)
    }
  }
}

extension ModelContents {
  init(_ file: KerasFile, _ network: KerasNetwork) {
    var census = KerasCensus(store: file.store)
    census.take(network, names: [], group: "", calls: 1)
    let isLast = !file.hasChannelsFirst
    let declared = network.declaredInputs.map { name, shape in
      Port(
        name: name, type: "float32",
        shape: shape.map { isLast && $0.count == 4 ? KerasTranslation.channelsSecond($0) : $0 })
    }
    self.init(
      format: "Keras \(file.version)" + (file.backend.isEmpty ? "" : ", by \(file.backend)"), inputs: declared,
      outputs: network.declaredOutputs.map { Port(name: $0, type: "float32", shape: nil) },
      operators: census.operators, tensors: file.store.entries, weightUses: census.uses, problems: census.problems.all)
  }
}

/// The layers of a network and of those in it, counted.
private struct KerasCensus {
  let store: KerasStore
  private let arrays: KerasArrays
  private var counts: [String: (count: Int, isSupported: Bool)] = [:]
  private(set) var uses: [ModelContents.WeightUse] = []
  private(set) var problems = KerasProblems()

  init(store: KerasStore) {
    self.store = store
    arrays = KerasArrays(store)
  }

  /// Layers that multiply by their weight.
  private static let products: Set<String> = [
    "Dense", "Conv1D", "Conv2D", "Convolution1D", "Convolution2D", "DepthwiseConv1D", "DepthwiseConv2D",
    "SeparableConv1D", "SeparableConv2D", "SeparableConvolution2D", "Conv2DTranspose", "Convolution2DTranspose",
  ]

  private static func isProduct(_ layer: KerasLayer) -> Bool {
    guard layer.owner == nil else { return false }
    return products.contains(layer.type) || products.contains(layer.config["layer"]?["class_name"]?.string ?? "")
  }

  /// - Parameter calls: how often the network itself is called.
  mutating func take(_ network: KerasNetwork, names: [String], group: String, calls: Int) {
    let groups = store.groups(of: network.layers, in: group)
    for layer in network.layers where layer.fullType != "InputLayer" {
      let place = KerasWeightPlace(names: names + [layer.name], group: groups[layer.name] ?? "")
      // Networks in networks could be called more often than can be counted.
      let times = min(calls.multipliedReportingOverflow(by: max(1, layer.calls.count)).partialValue.magnitude, 1 << 40)
      if let inner = layer.network {
        take(inner, names: place.names, group: place.group, calls: Int(times))
        continue
      }
      let isSupported = KerasLayers.handler(of: layer) != nil
      let sum = counts[layer.fullType, default: (0, isSupported)].count + Int(times)
      counts[layer.fullType] = (min(sum, 1 << 60), isSupported)
      let name = place.names.joined(separator: "/")
      if !isSupported { problems.report(KerasLayers.refusal(of: layer, named: name)) }
      for weight in arrays.entries(of: place) where weight.shape.count >= 2 && (weight.count ?? 0) > 1 {
        uses.append(
          .init(node: name, operation: layer.fullType, weight: weight, isProduct: Self.isProduct(layer)))
      }
    }
  }

  /// The commonest first.
  var operators: [ModelContents.OperatorCount] {
    counts.map { .init(name: $0, count: $1.count, isSupported: $1.isSupported) }
      .sorted { ($1.count, $0.name) < ($0.count, $1.name) }
  }
}

/// The arrays of a file by the layers that have them.
private struct KerasArrays {
  /// In the tree by each group above them, elsewhere by their first group, and by that with each that follows.
  private var byPlace: [String: [TensorEntry]] = [:]
  private let isTree: Bool
  /// Deeper than layers in layers are in any network.
  private static let mostParts = 64

  init(_ store: KerasStore) {
    isTree = store.isTree
    for entry in store.entries {
      let name = entry.name.dropFirst(entry.name.hasPrefix(store.prefix) ? store.prefix.count : 0)
      let groups = name.split(separator: "/").dropLast().prefix(Self.mostParts)
      guard let first = groups.first else { continue }
      var keys: Set<String> = [String(first)]
      for (place, group) in groups.enumerated().dropFirst() {
        keys.insert(isTree ? groups[...place].joined(separator: "/") : "\(first)\0\(group)")
      }
      for key in keys { byPlace[key, default: []].append(entry) }
    }
  }

  func entries(of place: KerasWeightPlace) -> [TensorEntry] {
    if isTree { return byPlace[place.group] ?? [] }
    let (first, last) = (place.names[0], place.names[place.names.count - 1])
    return byPlace[place.names.count == 1 ? first : "\(first)\0\(last)"] ?? []
  }
}
