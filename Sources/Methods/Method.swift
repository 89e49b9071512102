import Graphs
import Tensors

/// A way to turn a weight into symbols, and to train it although symbols have no slope.
package protocol Method: Configurable {
  /// The learning rate that fine-tuning from a trained network starts from unless the recipe names one.
  static var learningRate: Float { get }

  /// What the symbols may be. Where a method learns how many bits a layer needs, the widest.
  var alphabet: Alphabet { get }

  /// The deployed form. Training multiplies by what this decodes to, and export packs this same value.
  func code(_ latent: Tensor, companions: [Tensor], at moment: Moment) -> CodedTensor

  /// The gradient for `latent` (first) and for each companion, given the gradient for the decoded weight; nil for a
  /// companion that no gradient moves (only `settle` does).
  func backward(_ gradient: Tensor, latent: Tensor, companions: [Tensor], at moment: Moment) -> [Tensor?]

  /// Further tensors that go with a weight, as many for every weight: learned levels, thresholds. None by default.
  /// Where weights become symbols later than training begins, they are asked for again then, of what the weight has
  /// become.
  ///
  /// - Parameter seed: of what is drawn at random; another one for each layer.
  func companions(for weight: Tensor, seed: UInt64) -> [Tensor]

  /// The latent weight that training begins with, for a trained weight: nil, the default, for the weight itself.
  func latent(for weight: Tensor, companions: [Tensor]) -> Tensor?

  /// Whether `relax` gives the trained weight back at progress 0, so that training is asked of the method from the
  /// beginning; it then stands at progress 0 until its start. Otherwise the latent weight passes as it is until then.
  var beginsAtTheWeight: Bool { get }

  /// What training multiplies by: the decoded symbols, or a softer weight for a method that hardens as it goes.
  func relax(_ latent: Tensor, companions: [Tensor], at moment: Moment) -> Tensor

  /// The gradient of a penalty for `latent` (first) and for each companion, added at each step: nil for what has none,
  /// empty (the default) where nothing has.
  func penalty(_ latent: Tensor, companions: [Tensor], at moment: Moment) -> [Tensor?]

  /// Brings the latent weight and its companions back where the method wants them after each step. Does nothing by
  /// default.
  func settle(_ latent: inout Tensor, companions: inout [Tensor], at moment: Moment)
}

extension Method {
  package static var learningRate: Float { 0.02 }
  package func companions(for weight: Tensor, seed: UInt64) -> [Tensor] { [] }
  package func companions(for weight: Tensor) -> [Tensor] { companions(for: weight, seed: 0) }
  package func latent(for weight: Tensor, companions: [Tensor]) -> Tensor? { nil }
  package var beginsAtTheWeight: Bool { false }
  package func relax(_ latent: Tensor, companions: [Tensor], at moment: Moment) -> Tensor {
    code(latent, companions: companions, at: moment).decoded()
  }
  package func penalty(_ latent: Tensor, companions: [Tensor], at moment: Moment) -> [Tensor?] { [] }
  package func settle(_ latent: inout Tensor, companions: inout [Tensor], at moment: Moment) {}
}

/// Every method. A newcomer adds one line here, and is held to the method laws from then on.
package let methods: [any Method.Type] = [
  AbsoluteMean.self,
  BinaryConnect.self,
  DoReFa.self,
  GroupTransform.self,
  InformationRetention.self,
  LearnedStep.self,
  Round.self,
  SemiRelaxed.self,
  SparsityControl.self,
  SubBit.self,
  TargetSparsity.self,
  TernaryWeights.self,
  TrainedTernary.self,
  ScaledSign.self,
]

/// The node between a latent weight and the operation that reads it.
///
/// Until training has come to `start` the latent weight passes as it is, and its gradient too.
package struct Coding<M: Method>: WeightCoding {
  package static var name: String { "coding" }
  package let method: M
  /// The progress at which the weight becomes symbols, from 0 to below 1; the method's own progress counts from there.
  package let start: Float
  /// What tells this layer's random numbers from another's.
  package let stream: UInt64

  /// - Precondition: `0 ≤ start < 1`.
  package init(_ method: M, start: Float = 0, stream: UInt64 = 0) {
    precondition(start >= 0 && start < 1, "a coding begins before the end of training")
    self.method = method
    self.start = start
    self.stream = stream
  }

  private func hasBegun(_ moment: Moment) -> Bool { moment.progress >= start }

  /// The same moment as the method sees it, or nil where the latent weight passes as it is.
  private func moment(_ moment: Moment) -> Moment? {
    guard hasBegun(moment) || method.beginsAtTheWeight else { return nil }
    var own = moment
    own.progress = max(0, (moment.progress - start) / (1 - start))
    var generator = SplitMix64(seed: moment.seed, stream: stream)
    own.seed = generator.next()
    return own
  }

  package func shape(of inputs: [Shape]) throws(ShapeError) -> Shape {
    guard let latent = inputs.first, latent.rank >= 1 else { throw ShapeError(Self.name, "a weight is wanted") }
    return latent
  }

  package func forward(_ inputs: [Tensor], at moment: Moment) -> Evaluation {
    guard let moment = self.moment(moment) else { return Evaluation(inputs[0]) }
    return Evaluation(method.relax(inputs[0], companions: Array(inputs.dropFirst()), at: moment))
  }

  package func backward(
    _ gradient: Tensor, from evaluation: Evaluation, inputs: [Tensor], needed: [Bool], at moment: Moment
  ) -> [Tensor?] {
    guard let moment = self.moment(moment) else { return [gradient] + inputs.dropFirst().map { _ in nil } }
    return method.backward(gradient, latent: inputs[0], companions: Array(inputs.dropFirst()), at: moment)
  }

  package func code(_ inputs: [Tensor]) -> CodedTensor {
    method.code(inputs[0], companions: Array(inputs.dropFirst()), at: .inference)
  }

  package func settle(_ inputs: inout [Tensor], at moment: Moment) {
    guard hasBegun(moment), let moment = self.moment(moment) else {
      if begins(after: moment) { begin(&inputs, at: moment) }
      return
    }
    var companions = Array(inputs.dropFirst())
    method.settle(&inputs[0], companions: &companions, at: moment)
    inputs.replaceSubrange(1..., with: companions)
  }

  package func begins(after moment: Moment) -> Bool { !hasBegun(moment) && moment.next >= start }

  /// Between the last step with the weight as it is and the first with symbols: it is no longer the one that the
  /// companions were made for.
  private func begin(_ inputs: inout [Tensor], at moment: Moment) {
    // What begins at the weight has until now been trained through its own transformation.
    let weight =
      self.moment(moment).map { method.relax(inputs[0], companions: Array(inputs.dropFirst()), at: $0) } ?? inputs[0]
    var generator = SplitMix64(seed: moment.seed, stream: stream)
    let companions = method.companions(for: weight, seed: generator.next())
    inputs = [method.latent(for: weight, companions: companions) ?? weight] + companions
  }

  package func penalty(_ inputs: [Tensor], at moment: Moment) -> [Tensor?] {
    guard hasBegun(moment), let moment = self.moment(moment) else { return [] }
    return method.penalty(inputs[0], companions: Array(inputs.dropFirst()), at: moment)
  }

  package var parameterInputs: [Int] { Array(0...method.companions(for: Tensor([1, 1], repeating: 1)).count) }
}
