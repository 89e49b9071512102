import CCompute
import Tensors

/// One step of a recurrent cell. Sums from the input and from the state before are `[batch, gates · size]`.
package enum RecurrentCell {
  /// Hochreiter and Schmidhuber, 1997: gates for input, output and forgetting, and the new value.
  ///
  ///     cell = σ(f) · cell + σ(i) · tanh(v)        state = σ(o) · tanh(cell)
  package static func longShortTerm(inputs: Tensor, recurrent: Tensor, cell: Tensor) -> (state: Tensor, cell: Tensor) {
    let (batch, size) = (Int64(cell.shape[0]), Int64(cell.shape[1]))
    var newCell = Tensor(cell.shape, repeating: 0)
    let state = Tensor(cell.shape) { state in
      newCell.withUnsafeMutableFloats { newCell in
        inputs.withUnsafeFloats { x in
          recurrent.withUnsafeFloats { h in
            cell.withUnsafeFloats {
              cc_lstm_step(
                batch, size, x.baseAddress, h.baseAddress, $0.baseAddress, state.baseAddress, newCell.baseAddress)
            }
          }
        }
      }
    }
    return (state, newCell)
  }

  /// Cho et al., 2014, https://arxiv.org/abs/1406.1078: gates for keeping and resetting, and the candidate.
  ///
  ///     state = σ(z) · state + (1 − σ(z)) · tanh(v + candidate(σ(r) · state))
  ///
  /// `candidate` gives the sum for the candidate from what is left of the state; nil where the state is summed first
  /// and reset after.
  package static func gated(
    inputs: Tensor, recurrent: Tensor, state: Tensor, candidate: ((Tensor) -> Tensor)?
  ) -> Tensor {
    let (batch, size) = (Int64(state.shape[0]), Int64(state.shape[1]))
    let candidates: Tensor
    if let candidate {
      candidates = candidate(
        Tensor(state.shape) { result in
          withFloats(inputs, recurrent, state) { cc_gru_reset(batch, size, $0, $1, $2, result.baseAddress) }
        })
    } else {
      let starts = [0, 2 * state.shape[1]]
      candidates = recurrent.extracting(Box(starts: starts, steps: [1, 1], counts: state.shape.dimensions))
    }
    return Tensor(state.shape) { result in
      withFloats(inputs, recurrent, state) { x, h, state in
        candidates.withUnsafeFloats {
          cc_gru_step(batch, size, x, h, $0.baseAddress, candidate == nil, state, result.baseAddress)
        }
      }
    }
  }

  private static func withFloats(
    _ a: Tensor, _ b: Tensor, _ c: Tensor,
    _ body: (UnsafePointer<Float>?, UnsafePointer<Float>?, UnsafePointer<Float>?) -> Void
  ) {
    a.withUnsafeFloats { a in
      b.withUnsafeFloats { b in c.withUnsafeFloats { body(a.baseAddress, b.baseAddress, $0.baseAddress) } }
    }
  }
}
