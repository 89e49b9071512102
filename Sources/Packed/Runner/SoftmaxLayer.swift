import Foundation
import Tensors

/// `exp(x − largest) / Σ exp(x − largest)` along an axis, added up in its order.
struct SoftmaxOperation: LayerOperation {
  let axis: Int

  func run(_ inputs: [PackedValue]) -> PackedValue {
    let input = inputs[0].tensor
    let place = Strided(input)
    let (count, step) = (input.shape[axis], place.strides[axis])
    var result = input
    result.withUnsafeMutableFloats { numbers in
      // An element starts a line along the axis where its index along that axis is 0.
      for start in numbers.indices where start / step % count == 0 {
        var (largest, sum) = (-Float.infinity, Float(0))
        for i in 0..<count { largest = max(largest, numbers[start + i * step]) }
        for i in 0..<count {
          let value = expf(numbers[start + i * step] - largest)
          numbers[start + i * step] = value
          sum += value
        }
        for i in 0..<count { numbers[start + i * step] /= sum }
      }
    }
    return .floats(result)
  }
}
