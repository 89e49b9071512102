/// Where the time of runs and of gradients goes, node by node. Without one, nothing is measured.
package final class NodeClock {
  package private(set) var forward: [Graph.Node.ID: Duration] = [:]
  package private(set) var backward: [Graph.Node.ID: Duration] = [:]

  package init() {}

  enum Direction { case forward, backward }

  func add(_ duration: Duration, to node: Graph.Node.ID, _ direction: Direction) {
    switch direction {
    case .forward: forward[node, default: .zero] += duration
    case .backward: backward[node, default: .zero] += duration
    }
  }
}

extension NodeClock? {
  /// Computes, and counts how long that took where there is a clock.
  func timing<R>(_ node: Graph.Node.ID, _ direction: NodeClock.Direction, _ body: () -> R) -> R {
    guard let clock = self else { return body() }
    let start = ContinuousClock.now
    defer { clock.add(start.duration(to: .now), to: node, direction) }
    return body()
  }
}
