import Tensors

/// The weights of a Keras network in its HDF5 files, found by name.
///
/// Keras 1 and 2 keep a group for each layer, and in it datasets by their full names; Keras 3 keeps a tree of what the
/// objects contain, in which a layer is named by its class and a counter.
struct KerasStore {
  private struct Place {
    var source: any HDF5Source
    var index: Int
  }

  private var places: [String: Place] = [:]
  /// The names that layers have, by the groups that hold their variables; Keras 3.15 and later writes them.
  private var names: [String: String] = [:]
  private var groups: Set<String> = []
  /// What stands before the groups of layers: `model_weights/` where the file holds the network too.
  let prefix: String
  let isTree: Bool
  /// The arrays of numbers, but for those of an optimizer.
  let entries: [TensorEntry]
  /// Of the root and of the group of weights.
  private(set) var attributes: [String: [String]] = [:]

  init(_ sources: [any HDF5Source]) throws(ImportError.Problem) {
    entries = sources.flatMap { HDF5Tensors.arrays(among: $0.objects).arrays.map(\.entry) }
    for source in sources {
      for (index, object) in source.objects.enumerated() {
        if object.kind == .group { groups.insert(object.name) }
        if object.name.isEmpty || object.name == "model_weights" {
          attributes.merge(object.attributes ?? [:]) { old, _ in old }
        }
        if object.name.hasSuffix("/vars"), let name = object.attributes?["name"]?.first {
          names[String(object.name.dropLast(5))] = name
        }
        guard object.kind == .dataset else { continue }
        guard places[object.name] == nil else { throw .damaged("two files hold the array '\(object.name)'") }
        places[object.name] = Place(source: source, index: index)
      }
    }
    let prefix = groups.contains("model_weights") ? "model_weights/" : ""
    self.prefix = prefix
    isTree = groups.contains("layers") || groups.contains("_layer_checkpoint_dependencies")
    byGroup = Dictionary(grouping: places.keys.sorted()) { name in
      String(name.dropFirst(name.hasPrefix(prefix) ? prefix.count : 0).prefix { $0 != "/" })
    }
  }

  /// Datasets by the first group below the prefix.
  private var byGroup: [String: [String]]

  var isEmpty: Bool { places.isEmpty }

  func shape(of name: String) -> [Int]? { places[name].flatMap { $0.source.objects[$0.index].shape } }

  func read(_ name: String) throws(ImportError) -> Tensor {
    let place = places[name]!
    return try place.source.tensor(at: place.index)
  }
}

/// Where the weights of a layer are looked for.
struct KerasWeightPlace: Hashable {
  /// The names of the networks that the layer stands in, but for the outermost, and of the layer.
  var names: [String]
  /// In the tree of Keras 3.
  var group: String
}

/// A weight of a layer, in each way in which files name it.
struct KerasVariable: Hashable {
  /// The last part of its name.
  var names: [String]
  /// In the tree: its number among the variables.
  var index: Int
  /// A layer in the layer, by the names that Keras 1 and 2 give it.
  var part: [String] = []
  /// The same in the tree.
  var branch: [String] = []
  /// Whether files are older than the layer in the layer.
  var isPartOptional = false

  init(_ names: String..., index: Int) {
    self.names = names
    self.index = index
  }

  func inside(_ part: [String], _ branch: [String], optional: Bool = false) -> KerasVariable {
    var copy = self
    (copy.part, copy.branch, copy.isPartOptional) = (part, branch, optional)
    return copy
  }
}

// MARK: - Finding

extension KerasStore {
  /// The dataset of a weight. Throws where there is none, or more than one that it could be.
  func dataset(of variable: KerasVariable, _ place: KerasWeightPlace) throws(DataProblem) -> String {
    try isTree ? inTree(variable, place) : inGroup(variable, place)
  }

  private func inTree(_ variable: KerasVariable, _ place: KerasWeightPlace) throws(DataProblem) -> String {
    let branches = variable.branch.isEmpty ? [""] : variable.branch.map { "/\($0)" }
    let wanted = branches.map { "\(place.group)\($0)/vars/\(variable.index)" }
    if let found = wanted.first(where: { places[$0] != nil }) { return found }
    throw DataProblem("its weight '\(variable.names[0])' is not in the file, where '\(wanted[0])' was looked for")
  }

  private func inGroup(_ variable: KerasVariable, _ place: KerasWeightPlace) throws(DataProblem) -> String {
    let (group, layer) = (place.names[0], place.names.last!)
    let all = (byGroup[group] ?? []).map { name in
      (name: name, parts: KerasStore.parts(of: name.dropFirst(prefix.count)))
    }
    // Keras 1 puts the layer's name before the variable's: 'convolution2d_1_W'.
    var found = all.filter { candidate in
      let last = candidate.parts.last.map(String.init) ?? ""
      return variable.names.contains { last == $0 || last == "\(layer)_\($0)" }
    }
    if !variable.part.isEmpty {
      let inside = found.filter { candidate in
        candidate.parts.dropLast().dropFirst().contains { part in
          variable.part.contains { part == $0 || part.hasPrefix($0 + "_") }
        }
      }
      if !(inside.isEmpty && variable.isPartOptional) { found = inside }
    }
    if place.names.count > 1 { found = found.filter { $0.parts.dropFirst().dropLast().contains(layer[...]) } }
    if found.count > 1 { found = KerasStore.narrowed(found, to: place.names) }
    guard found.count <= 1 else {
      let candidates = found.map { "'\($0.name)'" }.joined(separator: ", ")
      throw DataProblem("its weight '\(variable.names[0])' could be any of \(candidates)")
    }
    if let found = found.first { return found.name }
    let names = all.prefix(8).map { "'\($0.name)'" }.joined(separator: ", ")
    let there = all.isEmpty ? "there are none for it" : "there are \(names)"
    throw DataProblem("its weight '\(variable.names[0])' is not in the file; \(there)")
  }

  private typealias Candidate = (name: String, parts: [Substring])

  /// Those under the layer's own name, then those under the names of the networks around it, then those under the
  /// fewest other names: these are of other networks.
  private static func narrowed(_ found: [Candidate], to names: [String]) -> [Candidate] {
    var found = found
    for count in 1...names.count {
      let wanted = names.suffix(count)
      let some = found.filter { candidate in
        var rest = wanted[...]
        for part in candidate.parts.dropFirst().dropLast() where rest.first.map({ part == $0 }) ?? false {
          rest = rest.dropFirst()
        }
        return rest.isEmpty
      }
      if !some.isEmpty { found = some }
      if found.count == 1 { return found }
    }
    func others(_ candidate: Candidate) -> Int {
      candidate.parts.dropFirst().dropLast().count { !names.contains(String($0)) }
    }
    let fewest = found.map(others).min() ?? 0
    return found.filter { others($0) == fewest }
  }

  /// Between slashes, without the `:0` that TensorFlow's names end with.
  private static func parts(of name: Substring) -> [Substring] {
    var parts = name.split(separator: "/")
    if let last = parts.last, let colon = last.lastIndex(of: ":"), last[colon...].dropFirst().allSatisfy(\.isNumber) {
      parts[parts.count - 1] = last[..<colon]
    }
    return parts
  }
}

// MARK: - The tree of Keras 3

extension KerasStore {
  /// The group of each layer of a network whose own group is given.
  ///
  /// A layer whose name stands in the file is found by it; the others by their class and a counter, as Keras does.
  func groups(of layers: [KerasLayer], in network: String) -> [String: String] {
    guard isTree else { return [:] }
    let start = network.isEmpty ? "" : network + "/"
    let isOld = !groups.contains(start + "layers") && groups.contains(start + "_layer_checkpoint_dependencies")
    let container = start + (isOld ? "_layer_checkpoint_dependencies" : "layers")
    var counts: [String: Int] = [:]
    var found: [String: String] = [:]
    for layer in layers where layer.isLayer {
      let base = layer.type.snakeCase
      let count = counts[base, default: 0]
      counts[base] = count + 1
      found[layer.name] = "\(container)/\(count == 0 ? base : "\(base)_\(count)")"
    }
    var byName: [String: [String]] = [:]
    for (group, name) in names
    where group.hasPrefix(container + "/") && !group.dropFirst(container.count + 1).contains("/") {
      byName[name, default: []].append(group)
    }
    for layer in layers {
      if let named = byName[layer.name], named.count == 1 { found[layer.name] = named[0] }
    }
    return isOld ? withoutGaps(found, layers) : found
  }

  /// Keras 2.12 and 2.13 count a layer with weights twice, so of each class the n-th group that is there is meant.
  private func withoutGaps(_ found: [String: String], _ layers: [KerasLayer]) -> [String: String] {
    var result = found
    for (base, members) in Dictionary(grouping: layers.filter(\.isLayer), by: { $0.type.snakeCase }) {
      let container = found[members[0].name]!.split(separator: "/").dropLast().joined(separator: "/")
      let there = groups.compactMap { group -> (Int, String)? in
        guard group.hasPrefix("\(container)/\(base)"), groups.contains(group + "/vars") else { return nil }
        let rest = group.dropFirst(container.count + 1 + base.count)
        if rest.isEmpty { return (0, group) }
        guard rest.first == "_", let number = Int(rest.dropFirst()) else { return nil }
        return (number, group)
      }.sorted { $0.0 < $1.0 }
      for (layer, group) in zip(members, there) { result[layer.name] = group.1 }
    }
    return result
  }
}

extension KerasLayer {
  /// Whether it is an object with a place in the tree, and no bare function that was called.
  fileprivate var isLayer: Bool { !module.contains(".ops.") }
}

extension String {
  /// As Keras writes the names of classes: `Conv2DTranspose` as `conv2d_transpose`.
  var snakeCase: String {
    let letters = unicodeScalars.filter { $0.properties.isAlphabetic || $0.properties.numericType != nil || $0 == "_" }
    let all = Array(letters)
    func isUpper(_ index: Int) -> Bool { all.indices.contains(index) && all[index].properties.isUppercase }
    func isLower(_ index: Int) -> Bool { all.indices.contains(index) && all[index].properties.isLowercase }
    var result = ""
    for index in all.indices {
      let startsWord = isUpper(index) && isLower(index + 1) && index > 0
      let followsLower = isUpper(index) && isLower(index - 1)
      if (startsWord || followsLower) && result.last != "_" { result += "_" }
      result += String(all[index]).lowercased()
    }
    return result
  }
}
