import Compute
import Graphs
import Tensors

/// How the layers of a student are held to those of its teacher.
///
///     L = weight · Σ over the matched layers of ½ · ‖ a / ‖a‖ − b / ‖b‖ ‖²,   mean over the batch
///
/// `features`: a and b are all values of an image. `attention`: their squares summed over the channels, a map of where
/// the network looks; the distance is squared as in the authors' code.
///
/// Zagoruyko and Komodakis, Paying More Attention to Attention, 2017, https://arxiv.org/abs/1612.03928
package struct Matching: Hashable, Sendable, Codable {
  package enum Kind: String, Hashable, Sendable, Codable, CaseIterable { case features, attention }
  package var kind: Kind
  package var weight: Float
  /// The names of the nodes to match; `*` is any text, `?` any letter. Nil takes the last activation of each image
  /// size.
  package var pattern: String?

  package init(_ kind: Kind, weight: Float = 1, pattern: String? = nil) {
    self.kind = kind
    self.weight = weight
    self.pattern = pattern
  }
}

/// A node of the student and the node of the same name in the teacher.
package struct MatchedLayer: Hashable, Sendable {
  package var name: String
  var student: Graph.Node.ID
  var teacher: Graph.Node.ID
}

extension Matching {
  /// The layers that are matched: operators of one name and shape in both graphs, in the student's order.
  package func layers(of student: Graph, and teacher: Graph) -> [MatchedLayer] {
    var named: [String: Graph.Node] = [:]
    for node in teacher.nodes where node.operation != nil { named[node.name] = node }
    let logits = student.logits
    let common = student.nodes.prefix { $0.id != logits }.compactMap { node -> Graph.Node? in
      guard let operation = node.operation, !(operation is any WeightCoding), node.shape.rank >= 2,
        named[node.name]?.shape == node.shape
      else { return nil }
      return node
    }
    let chosen = pattern.map { pattern in common.filter { $0.name.matches(pattern) } } ?? lastOfEachSize(common)
    return chosen.map { MatchedLayer(name: $0.name, student: $0.id, teacher: named[$0.name]!.id) }
  }

  /// What stands at the end of each stage of a network: after it the images become smaller.
  private func lastOfEachSize(_ nodes: [Graph.Node]) -> [Graph.Node] {
    let activations = nodes.filter { node in
      guard node.shape.rank == 4, node.shape[2] * node.shape[3] > 1 else { return false }
      switch node.operation {
      case is Relu, is Clip, is Add, is BatchNorm: return true
      default: return false
      }
    }
    var last: [[Int]: Graph.Node] = [:]
    for node in activations { last[Array(node.shape.dimensions[2...])] = node }
    return last.values.sorted { $0.id < $1.id }
  }

  /// The loss of all layers together, times the weight, and the gradient for each node of the student.
  func callAsFunction(
    _ layers: [MatchedLayer], student: Trace, teacher: Trace
  ) -> (loss: Float, gradients: [Graph.Node.ID: Tensor]) {
    var (loss, gradients): (Double, [Graph.Node.ID: Tensor]) = (0, [:])
    for layer in layers {
      let found = student[layer.student].mismatch(
        to: teacher[layer.teacher], attention: kind == .attention, weight: weight)
      loss += found.loss * Double(weight)
      gradients[layer.student] = found.gradient
    }
    return (Float(loss), gradients)
  }
}

extension String {
  /// Whether a pattern covers all of this text: `*` stands for any text, `?` for any one letter.
  ///
  /// Complexity: O(text · pattern).
  package func matches(_ pattern: String) -> Bool {
    var reached: Set<Int> = [0]
    let pattern = Array(pattern)
    func throughStars(_ places: Set<Int>) -> Set<Int> {
      var all = places
      for var place in places { while place < pattern.count, pattern[place] == "*" { place += 1; all.insert(place) } }
      return all
    }
    reached = throughStars(reached)
    for letter in self {
      reached = throughStars(
        Set(
          reached.compactMap { place in
            guard place < pattern.count else { return nil }
            return pattern[place] == "*" ? place : pattern[place] == "?" || pattern[place] == letter ? place + 1 : nil
          }))
    }
    return reached.contains(pattern.count)
  }
}
