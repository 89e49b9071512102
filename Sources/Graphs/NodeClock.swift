/// Where the time of runs and of gradients goes, node by node. Without one, nothing is measured.
package final class NodeClock {
  package private(set) var forward: [Graph.Node.ID: Duration] = [:]
  package private(set) var backward: [Graph.Node.ID: Duration] = [:]

  package init() {}

  func addForward(_ node: Graph.Node.ID, since start: ContinuousClock.Instant) {
    forward[node, default: .zero] += start.duration(to: .now)
  }

  func addBackward(_ node: Graph.Node.ID, since start: ContinuousClock.Instant) {
    backward[node, default: .zero] += start.duration(to: .now)
  }
}
