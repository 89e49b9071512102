import Compute
import Tensors

/// A layer that walks over a sequence and remembers: LSTM, GRU, or a plain recurrent one. Forward only.
///
/// Inputs: x `[tokens, batch, features]`, weight `[gates · size, features]`, recurrent weight `[gates · size, size]`,
/// their biases `[2 · gates · size]`, and the state before `[batch, size]`, for LSTM the cell behind it:
/// `[batch, 2 · size]`, or one for all of the batch. Output: the state after each token, `[tokens, batch, size or 2 · size]`.
///
/// The gates are those of ONNX in its order: input, output, forget and value for LSTM; keep, reset and candidate for
/// GRU.
package struct Recurrent: Operator {
  package enum Cell: String, Sendable, Hashable, Codable {
    case plain, lstm, gru
    /// The sum from the state is made first and reset after.
    case gruResetAfter

    package var gates: Int {
      switch self {
      case .plain: 1
      case .lstm: 4
      case .gru, .gruResetAfter: 3
      }
    }
  }

  package static let name = "recurrent"
  package var cell: Cell
  /// Whether it begins with the last token.
  package var isReversed: Bool

  package init(_ cell: Cell, isReversed: Bool = false) {
    self.cell = cell
    self.isReversed = isReversed
  }

  package func shape(of inputs: [Shape]) throws(ShapeError) -> Shape {
    try require(inputs, count: 5...5)
    let (x, weight) = (inputs[0], inputs[1])
    try require(x.rank == 3 && weight.rank == 2, "a sequence of 3 axes and a matrix are wanted, not \(x) and \(weight)")
    let (size, rest) = weight[0].quotientAndRemainder(dividingBy: cell.gates)
    try require(size > 0 && rest == 0, "\(weight[0]) rows do not divide into \(cell.gates) gates")
    try require(weight[1] == x[2] && x.count > 0, "the weight \(weight) does not fit \(x)")
    try require(inputs[2] == [weight[0], size], "the recurrent weight is \(inputs[2]), not \([weight[0], size])")
    try require(
      weight[0] <= 1 << 40 && inputs[3] == [2 * weight[0]], "the bias is \(inputs[3]), not [2 · \(weight[0])]")
    let width = cell == .lstm ? 2 * size : size
    try require(
      inputs[4] == [x[1], width] || inputs[4] == [1, width], "the state is \(inputs[4]), not \([x[1], width])")
    try require(Shape.count(of: [x[0], x[1], width]) != nil, "the output is too large")
    return [x[0], x[1], width]
  }

  package func forward(_ inputs: [Tensor], at moment: Moment) -> Evaluation {
    let (x, recurrent) = (inputs[0], inputs[2])
    let (tokens, batch, rows) = (x.shape[0], x.shape[1], inputs[1].shape[0])
    let size = recurrent.shape[1]
    let biases = (0..<2).map {
      inputs[3].extracting(Box(starts: [$0 * rows], steps: [1], counts: [rows]))
    }
    var sums = MatrixProduct.product(x.reshaped([tokens * batch, x.shape[2]]), inputs[1], transposingB: true)
    MatrixProduct.addBias(biases[0], to: &sums)
    let width = inputs[4].shape[1]
    let before = inputs[4].broadcast(to: [batch, width])
    var state = part(of: before, 0, size)
    var memory = cell == .lstm ? part(of: before, size, size) : state
    var y = Tensor([tokens, batch, width]) { _ in }
    for step in 0..<tokens {
      let token = isReversed ? tokens - 1 - step : step
      let input = sums.extracting(Box(starts: [token * batch, 0], steps: [1, 1], counts: [batch, rows]))
      var remembered = MatrixProduct.product(state, recurrent, transposingB: true)
      MatrixProduct.addBias(biases[1], to: &remembered)
      switch cell {
      case .plain: state = input.adding(remembered).applying(.tanh)
      case .lstm: (state, memory) = RecurrentCell.longShortTerm(inputs: input, recurrent: remembered, cell: memory)
      case .gruResetAfter:
        state = RecurrentCell.gated(inputs: input, recurrent: remembered, state: state, candidate: nil)
      case .gru:
        state = RecurrentCell.gated(inputs: input, recurrent: remembered, state: state) {
          candidate($0, recurrent, biases[1])
        }
      }
      let one: Shape = [1, batch, size]
      y.insert(state.reshaped(one), at: Box(starts: [token, 0, 0], steps: [1, 1, 1], counts: one.dimensions))
      if cell == .lstm {
        y.insert(memory.reshaped(one), at: Box(starts: [token, 0, size], steps: [1, 1, 1], counts: one.dimensions))
      }
    }
    return Evaluation(y)
  }

  private func part(of state: Tensor, _ start: Int, _ size: Int) -> Tensor {
    state.extracting(Box(starts: [0, start], steps: [1, 1], counts: [state.shape[0], size]))
  }

  /// The sum for the candidate of a GRU, the last third of the rows.
  private func candidate(_ state: Tensor, _ recurrent: Tensor, _ bias: Tensor) -> Tensor {
    let size = recurrent.shape[1]
    let rows = recurrent.extracting(Box(starts: [2 * size, 0], steps: [1, 1], counts: [size, size]))
    var sum = MatrixProduct.product(state, rows, transposingB: true)
    MatrixProduct.addBias(bias.extracting(Box(starts: [2 * size], steps: [1], counts: [size])), to: &sum)
    return sum
  }

  package func backwardReads(input: Int) -> Bool { false }
  package var backwardReadsOutput: Bool { false }

  package func backward(
    _ gradient: Tensor, from evaluation: Evaluation, inputs: [Tensor], needed: [Bool], at moment: Moment
  ) -> [Tensor?] { Array(repeating: nil, count: 5) }

  package func path(for inputs: [Shape]) -> TrainingPath { .plain("runs forward only: nothing before it learns") }
}
