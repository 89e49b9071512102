/// What is wrong with a Keras model, each problem once and each class of layers that nobody knows with all its layers.
struct KerasProblems {
  private var others: [ImportError.Problem] = []
  private var seen: Set<ImportError.Problem> = []
  private var classes: [(type: String, layers: [String])] = []
  /// Where each class stands among them.
  private var places: [String: Int] = [:]

  mutating func report(_ problem: ImportError.Problem) {
    guard case .unsupportedLayer(let type, let layers) = problem else {
      if seen.insert(problem).inserted { others.append(problem) }
      return
    }
    if let place = places[type] {
      classes[place].layers += layers
    } else {
      places[type] = classes.count
      classes.append((type, layers))
    }
  }

  var all: [ImportError.Problem] { others + classes.map { .unsupportedLayer(type: $0.type, layers: $0.layers) } }
}
