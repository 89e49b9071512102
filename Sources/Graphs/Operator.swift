import Compute
import Tensors

/// When a node is evaluated: in which phase, and how far training has come.
package struct Moment: Sendable {
  package enum Phase: Sendable { case inference, training }
  package var phase: Phase
  /// From 0, the first step of training, to 1, its last. Every schedule reads this.
  package var progress: Float
  /// The progress of the step after this one; outside of training that of this one.
  package var next: Float
  /// For what is drawn at random in this step. The same recipe trains the same bits.
  package var seed: UInt64
  /// How many steps of training came before this one.
  package var step: Int
  /// Whether convolutions may round differently to be faster: while training, unless it is said otherwise.
  package var arithmetic: Arithmetic

  package init(
    phase: Phase, progress: Float, next: Float? = nil, seed: UInt64 = 0, step: Int = 0, arithmetic: Arithmetic? = nil
  ) {
    self.phase = phase
    self.progress = progress
    self.next = next ?? progress
    self.seed = seed
    self.step = step
    self.arithmetic = arithmetic ?? (phase == .training ? .transformed : .direct)
  }

  package static let inference = Moment(phase: .inference, progress: 1)
  /// What a teacher answers in while another network is trained.
  package static let teaching = Moment(phase: .inference, progress: 1, arithmetic: .transformed)
}

/// What an operator made of its inputs, and what it keeps for its backward rule.
package struct Evaluation: Sendable {
  package var output: Tensor
  package var saved: [Tensor]
  /// New values for inputs that follow the data rather than a gradient, by index: running statistics of a batch norm.
  package var updates: [Int: Tensor]

  package init(_ output: Tensor, saving saved: [Tensor] = [], updating updates: [Int: Tensor] = [:]) {
    self.output = output
    self.saved = saved
    self.updates = updates
  }

  /// The same with only the shape of the output.
  var withoutOutput: Evaluation { Evaluation(output.withoutNumbers, saving: saved) }
}

/// A kind of node: its attributes are its stored properties, and its whole meaning stands in one file.
package protocol Operator: Sendable, Codable, Hashable {
  /// The name in dumps and reports. Never changes once released.
  static var name: String { get }

  /// The shape that comes out. Throws where the inputs do not fit.
  func shape(of inputs: [Shape]) throws(ShapeError) -> Shape

  /// The value, for inputs that `shape(of:)` accepts.
  func forward(_ inputs: [Tensor], at moment: Moment) -> Evaluation

  /// The gradient for each input, or nil for one that has none. `needed` says which of them anybody will read.
  ///
  /// The gradient that comes in is handed over: a rule may write its result into the same memory.
  func backward(
    _ gradient: consuming Tensor, from evaluation: Evaluation, inputs: [Tensor], needed: [Bool], at moment: Moment
  ) -> [Tensor?]

  /// Whether the backward rule reads the numbers of an input, and not only its shape. True by default; where no reader
  /// of a value says so, training frees it before the backward pass.
  func backwardReads(input: Int) -> Bool
  /// Whether the backward rule reads the numbers of the output. True by default.
  var backwardReadsOutput: Bool { get }

  /// Which inputs are weights that fine-tuning may change: the kernel, the bias. None by default.
  var parameterInputs: [Int] { get }

  /// How it runs in a training step on inputs of these shapes, for `signum doctor`.
  func path(for inputs: [Shape]) -> TrainingPath
  /// Which inputs follow the data in training instead of a gradient: running statistics. None by default.
  var statisticInputs: [Int] { get }
}

extension Operator {
  package var parameterInputs: [Int] { [] }
  package func backwardReads(input: Int) -> Bool { true }
  package var backwardReadsOutput: Bool { true }
  package var statisticInputs: [Int] { [] }
}

/// Inputs that do not fit an operator.
package struct ShapeError: Error, Hashable, CustomStringConvertible {
  /// The node, where it is known.
  package var node: String?
  package var operation: String
  /// What does not fit, in words.
  package var problem: String

  package init(_ operation: String, _ problem: String) {
    self.operation = operation
    self.problem = problem
  }

  package var description: String { (node.map { "node '\($0)' (\(operation)): " } ?? "\(operation): ") + problem }
}

extension Operator {
  /// Throws a `ShapeError` of this operator unless the condition holds.
  func require(_ condition: Bool, _ problem: @autoclosure () -> String) throws(ShapeError) {
    guard condition else { throw ShapeError(Self.name, problem()) }
  }

  func require(_ inputs: [Shape], count: ClosedRange<Int>) throws(ShapeError) {
    let wanted =
      count.lowerBound == count.upperBound ? "\(count.lowerBound)" : "\(count.lowerBound) to \(count.upperBound)"
    try require(count.contains(inputs.count), "takes \(wanted) inputs, not \(inputs.count)")
  }
}
