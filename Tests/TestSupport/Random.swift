import Tensors

extension Tensor {
  /// Numbers evenly from −1 to 1.
  package static func random(_ shape: Shape, seed: UInt64, layout: Layout = .rowMajor) -> Tensor {
    var generator = SplitMix64(seed: seed)
    return Tensor(shape) { for i in $0.indices { $0[i] = generator.uniform() * 2 - 1 } }.inLayout(layout)
  }
}
