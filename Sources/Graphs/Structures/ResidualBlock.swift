import Tensors

/// An addition of two paths that part at one value: what layers make of it, and the value by a shorter way.
struct ResidualBlock {
  let addition: Graph.Node.ID
  /// Which input of the addition the longer path ends in.
  let side: Int
  /// The value at which the paths part.
  let start: Graph.Node.ID
  /// The nodes behind it to the end of each path, in order. The shorter one may be empty.
  let main: [Graph.Node.ID]
  let shortcut: [Graph.Node.ID]
}

extension Graph {
  /// The residual blocks, in order; inner ones before those that hold them. Complexity: O(additions · nodes).
  var residualBlocks: [ResidualBlock] {
    var blocks: [Node.ID: ResidualBlock] = [:]
    for node in nodes where node.operation is Add {
      let paths = node.inputs.map { path(to: $0, through: blocks) }
      let seen = Set(paths[0])
      guard node.inputs.allSatisfy({ self[$0].constant == nil }), let start = paths[1].first(where: seen.contains)
      else {
        continue
      }
      let parts = paths.map { path in Array(path.prefix { $0 != start }.reversed()) }
      let work = parts.map { part in part.reduce(0) { $0 + (isLayer($1) ? max(1, kernelArea($1)) : 0) } }
      let layers = parts.map { part in part.count(where: isLayer) }
      guard layers[0] != layers[1] || work[0] != work[1] else { continue }
      let side = (layers[0], work[0]) > (layers[1], work[1]) ? 0 : 1
      blocks[node.id] = ResidualBlock(
        addition: node.id, side: side, start: start, main: parts[side], shortcut: parts[1 - side])
    }
    return blocks.values.sorted { $0.addition < $1.addition }
  }

  /// The values on the way back from one, itself first, along operators that compute from one value, and past blocks by
  /// their longer path.
  private func path(to id: Node.ID, through blocks: [Node.ID: ResidualBlock]) -> [Node.ID] {
    var path = [id]
    var place = id
    while true {
      if let block = blocks[place] {
        path += block.main.reversed() + [block.start]
        place = block.start
        continue
      }
      let computed = Set(self[place].inputs.filter { self[$0].constant == nil })
      guard computed.count == 1, let next = computed.first else { return path }
      path.append(next)
      place = next
    }
  }

  func isLayer(_ id: Node.ID) -> Bool { self[id].operation is Convolution || self[id].operation is Dense }

  private func kernelArea(_ id: Node.ID) -> Int {
    self[self[id].inputs[1]].shape.dimensions.dropFirst(2).reduce(1, *)
  }

  /// The convolutions with kernels of one pixel on the shorter paths of residual blocks: they fit channels and size.
  package var shortcutConvolutions: Set<String> {
    var names: Set<String> = []
    for block in residualBlocks {
      for id in block.shortcut where self[id].operation is Convolution && kernelArea(id) == 1 {
        names.insert(self[id].name)
      }
    }
    return names
  }
}
