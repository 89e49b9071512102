import Graphs

/// What a layer of each class becomes. A newcomer is an entry in one of the lists.
enum KerasLayers {
  typealias Handler =
    @Sendable (_ step: KerasStep, _ translation: inout KerasTranslation) throws(ImportError.Problem) -> [KerasTensor]

  static let handlers: [String: Handler] = {
    let lists = [
      convolutions, pools, products, normalizations, activations, shapes, merges, passing, sequences, recurrent,
    ]
    return lists.reduce(into: [:]) { all, list in
      all.merge(list) { _, _ in preconditionFailure("a class of layers has two handlers") }
    }
  }()

  /// What a layer becomes; nil where that is not known. A class that only has the name of one of Keras is another.
  static func handler(of layer: KerasLayer) -> Handler? { layer.owner == nil ? handlers[layer.type] : nil }

  static let names = (Array(handlers.keys) + ["Functional", "InputLayer", "Model", "Sequential"]).sorted()

  /// Why a layer is not translated.
  static func refusal(of layer: KerasLayer, named name: String) -> ImportError.Problem {
    switch layer.fullType {
    case "Lambda", "TFOpLambda", "SlicingOpLambda":
      .node(
        name: name, operation: layer.type,
        problem: "is code in the file, which is never run: build the model with layers in its place")
    default: .unsupportedLayer(type: layer.fullType, layers: [name])
    }
  }

  /// What does nothing while a network answers.
  static let passing: [String: Handler] = {
    let names = [
      "Dropout", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "AlphaDropout", "GaussianDropout",
      "GaussianNoise", "ActivityRegularization", "Identity",
    ]
    return Dictionary(uniqueKeysWithValues: names.map { ($0, pass) })
  }()

  private static let pass: Handler = { (step, _) throws(ImportError.Problem) in [try step.input()] }
}
