import Graphs
import Packed
import Tensors

/// Activations of few bits in the graph and in the packed format.
extension Quantize {
  /// The layer that computes the same: the step as it counts, and the limits of the bits.
  func packed(step: Tensor) -> PackedLayer.Kind {
    .quantize(step: Self.usable(step), minimum: Int(minimum), maximum: Int(maximum))
  }

  /// The operator with these limits, or nil where no number of bits has them.
  init?(minimum: Int, maximum: Int) {
    let bits = 2...8
    if let found = bits.first(where: { minimum == 0 && maximum == 1 << $0 - 1 }) {
      self.init(bits: found, isSigned: false)
    } else if let found = bits.first(where: { minimum == -(1 << ($0 - 1)) && maximum == 1 << ($0 - 1) - 1 }) {
      self.init(bits: found, isSigned: true)
    } else {
      return nil
    }
  }
}
