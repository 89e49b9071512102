import Foundation
import Packed
import Tensors

/// Layers as their formulas read, element by element in logical order: slow and plain.
struct PlainValue {
  /// With the batch.
  let shape: [Int]
  var numbers: [Double] = []

  init(_ tensor: Tensor) {
    shape = tensor.shape.dimensions
    numbers = tensor.scalars.map(Double.init)
  }

  init(_ shape: [Int], _ element: ([Int]) -> Double) {
    self.shape = shape
    var index = [Int](repeating: 0, count: shape.count)
    for _ in 0..<shape.reduce(1, *) {
      numbers.append(element(index))
      for axis in shape.indices.reversed() {
        index[axis] += 1
        if index[axis] < shape[axis] { break }
        index[axis] = 0
      }
    }
  }

  subscript(_ index: [Int]) -> Double {
    numbers[zip(index, shape).reduce(0) { $0 * $1.1 + $1.0 }]
  }

  /// Zero or another value outside of the image.
  func pixel(_ index: [Int], outside: Double) -> Double {
    let inside = index[2] >= 0 && index[2] < shape[2] && index[3] >= 0 && index[3] < shape[3]
    return inside ? self[index] : outside
  }
}

extension PackedWeight {
  /// The number at a place of the logical shape `[output, input, y, x]` or `[output, input]`.
  func number(_ index: [Int]) -> Double {
    switch self {
    case .float(let tensor): return PlainValue(tensor)[index]
    case .coded(let weight): return PlainValue(weight.coded.decoded())[index]
    case .binary(let shape, let bits, let levels):
      let column = index.count == 2 ? index[1] : (index[2] * shape[3] + index[3]) * shape[1] + index[1]
      return Double(Float(bits[index[0], column]) * levels[index[0]])
    }
  }
}

/// All values of a model: the input, then one for each layer.
func plainValues(_ model: PackedModel, shapes: PackedShapes, _ input: Tensor) -> [PlainValue] {
  var values = [PlainValue(input)]
  for (index, layer) in model.layers.enumerated() {
    let shape = [input.shape[0]] + shapes.values[index + 1]
    values.append(plain(layer.kind, layer.inputs.map { values[$0] }, shape))
  }
  return values
}

private func plain(_ kind: PackedLayer.Kind, _ inputs: [PlainValue], _ shape: [Int]) -> PlainValue {
  let x = inputs[0]
  switch kind {
  case .convolution(let window, let dilations, let groups, let weight, let bias):
    return plainConvolution(x, window, dilations, groups, weight, bias, shape)
  case .dense(let weight, let bias):
    return PlainValue(shape) { i in
      let sum = (0..<weight.shape[1]).reduce(0.0) { $0 + weight.number([i[i.count - 1], $1]) * x[i.dropLast() + [$1]] }
      return sum + Double(bias?[i[i.count - 1]] ?? 0)
    }
  case .affine(let scale, let shift, let relu):
    return PlainValue(shape) { i in
      let y = Double(scale[i[1]]) * x[i] + Double(shift[i[1]]) + (inputs.count == 2 ? inputs[1][i] : 0)
      return relu ? max(y, 0) : y
    }
  case .add:
    return PlainValue(shape) { i in
      inputs.reduce(0) { sum, input in sum + input[zip(i, input.shape).map { $1 == 1 ? 0 : $0 }] }
    }
  case .relu: return PlainValue(shape) { max(x[$0], 0) }
  case .clip(let minimum, let maximum): return PlainValue(shape) { min(max(x[$0], Double(minimum)), Double(maximum)) }
  case .sign: return PlainValue(shape) { x[$0] >= 0 ? 1 : -1 }
  case .leak(let slopes):
    return PlainValue(shape) { i in x[i] > 0 ? x[i] : x[i] * Double(slopes[slopes.count == 1 ? 0 : i[1]]) }
  case .quantize(let step, let minimum, let maximum):
    return PlainValue(shape) { i in
      let steps = (Float(x[i]) / step).rounded(.toNearestOrEven)
      return Double(step * min(max(steps, Float(minimum)), Float(maximum)))
    }
  case .threshold(let thresholds, let flipped):
    return PlainValue(shape) { i in
      let threshold = Double(thresholds[i[1]])
      return (flipped[i[1]] ? x[i] <= threshold : x[i] >= threshold) ? 1 : -1
    }
  case .maxPool, .averagePool, .globalAveragePool: return plainPool(kind, x, shape)
  default: return plainArrangement(kind, inputs, shape)
  }
}

private func plainConvolution(
  _ x: PlainValue, _ window: Window, _ dilations: [Int], _ groups: Int, _ weight: PackedWeight, _ bias: [Float]?,
  _ shape: [Int]
) -> PlainValue {
  let channels = weight.shape[1]
  return PlainValue(shape) { i in
    var sum = Double(bias?[i[1]] ?? 0)
    let first = i[1] / (shape[1] / groups) * channels
    for row in 0..<window.size[0] {
      for column in 0..<window.size[1] {
        let y = i[2] * window.strides[0] - window.padding[0] + row * dilations[0]
        let at = i[3] * window.strides[1] - window.padding[1] + column * dilations[1]
        for c in 0..<channels {
          sum += weight.number([i[1], c, row, column]) * x.pixel([i[0], first + c, y, at], outside: 0)
        }
      }
    }
    return sum
  }
}

private func plainPool(_ kind: PackedLayer.Kind, _ x: PlainValue, _ shape: [Int]) -> PlainValue {
  var (window, takesMaximum, countsPadding) = (Window(size: Array(x.shape[2...])), false, false)
  if case .maxPool(let found) = kind { (window, takesMaximum) = (found, true) }
  if case .averagePool(let found, let counts) = kind { (window, countsPadding) = (found, counts) }
  return PlainValue(shape) { i in
    var inside: [Double] = []
    for row in 0..<window.size[0] {
      for column in 0..<window.size[1] {
        let y = i[2] * window.strides[0] - window.padding[0] + row
        let at = i[3] * window.strides[1] - window.padding[1] + column
        let value = x.pixel([i[0], i[1], y, at], outside: .nan)
        if !value.isNaN { inside.append(value) }
      }
    }
    if takesMaximum { return inside.max() ?? .nan }
    return inside.reduce(0, +) / Double(countsPadding ? window.size[0] * window.size[1] : inside.count)
  }
}

private func plainArrangement(_ kind: PackedLayer.Kind, _ inputs: [PlainValue], _ shape: [Int]) -> PlainValue {
  let x = inputs[0]
  switch kind {
  case .pad(let before, _, let value):
    return PlainValue(shape) { i in
      let from = [i[0]] + before.indices.map { i[$0 + 1] - before[$0] }
      return zip(from, x.shape).allSatisfy { $0 >= 0 && $0 < $1 } ? x[from] : Double(value)
    }
  case .slice(let starts, let steps, _):
    return PlainValue(shape) { i in x[[i[0]] + starts.indices.map { starts[$0] + i[$0 + 1] * steps[$0] }] }
  case .concat(let axis):
    return PlainValue(shape) { i in
      var i = i
      for input in inputs {
        if i[axis] < input.shape[axis] { return input[i] }
        i[axis] -= input.shape[axis]
      }
      return .nan
    }
  case .reshape:
    return PlainValue(Tensor(Shape(shape), scalars: x.numbers.map(Float.init)))
  case .transpose(let axes):
    return PlainValue(shape) { i in
      var from = i
      for (to, axis) in axes.enumerated() { from[axis] = i[to + 1] }
      return x[from]
    }
  case .softmax(let axis):
    return PlainValue(shape) { i in
      var sum = 0.0
      for other in 0..<shape[axis] {
        var place = i
        place[axis] = other
        sum += exp(x[place])
      }
      return exp(x[i]) / sum
    }
  default: fatalError("every kind has its formula")
  }
}
