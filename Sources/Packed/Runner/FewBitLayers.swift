import CKernels
import Tensors

/// x where it is above 0, else slope · x.
struct LeakOperation: LayerOperation {
  let slopes: [Float]

  func run(_ inputs: [PackedValue]) -> PackedValue {
    let input = inputs[0].tensor
    let order = ChannelOrder(input)
    let isShared = slopes.count == 1
    let outer = isShared ? 1 : order.outer
    let inner = isShared ? input.count : order.inner
    return .floats(
      Tensor(input.shape, layout: input.layout) { target in
        input.withUnsafeFloats {
          signumLeak($0.baseAddress, Int64(outer), Int64(slopes.count), Int64(inner), slopes, target.baseAddress)
        }
      })
  }
}

/// `step · min(max(round(x / step), minimum), maximum)`.
struct QuantizeOperation: LayerOperation {
  let step: Float
  let minimum: Float
  let maximum: Float

  func run(_ inputs: [PackedValue]) -> PackedValue {
    let input = inputs[0].tensor
    return .floats(
      Tensor(input.shape, layout: input.layout) { target in
        input.withUnsafeFloats {
          signumQuantize($0.baseAddress, Int64(input.count), step, minimum, maximum, target.baseAddress)
        }
      })
  }
}
