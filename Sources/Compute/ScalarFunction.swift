import CCompute
import Tensors

/// A function of one number, as an activation applies it to each element of a tensor.
package enum ScalarFunction: Hashable, Sendable, Codable {
  /// `1 / (1 + e⁻ˣ)`
  case sigmoid
  case tanh
  /// `max(0, min(1, slope · x + offset))`
  case hardSigmoid(slope: Float, offset: Float)
  /// `x · max(0, min(1, x / 6 + 1 / 2))` (Howard et al., 2019, https://arxiv.org/abs/1905.02244)
  case hardSwish
  /// `x · sigmoid(x)`, also called SiLU (Ramachandran et al., 2017, https://arxiv.org/abs/1710.05941)
  case swish
  /// `x · (1 + erf(x / √2)) / 2` (Hendrycks and Gimpel, 2016, https://arxiv.org/abs/1606.08415)
  case gelu
  /// `x · (1 + tanh(√(2 / π) · (x + 0.044715 · x³))) / 2`
  case geluByTanh
  /// x where it is above 0, else `slope · x`
  case leakyRelu(slope: Float)
  /// x where it is above 0, else `scale · (eˣ − 1)`
  case elu(scale: Float)
  case errorFunction
  case exponential
  case logarithm
  case squareRoot
  case reciprocal
  case power(exponent: Float)
  case magnitude

  /// One of each case, for what must hold for all of them.
  package static let samples: [ScalarFunction] = [
    .sigmoid, .tanh, .hardSigmoid(slope: 0.2, offset: 0.5), .hardSwish, .swish, .gelu, .geluByTanh,
    .leakyRelu(slope: 0.1), .elu(scale: 0.7), .errorFunction, .exponential, .logarithm, .squareRoot, .reciprocal,
    .power(exponent: 1.5), .magnitude,
  ]

  fileprivate var loop: (function: cc_function, a: Float, b: Float) {
    switch self {
    case .sigmoid: (CC_SIGMOID, 0, 0)
    case .tanh: (CC_TANH, 0, 0)
    case .hardSigmoid(let slope, let offset): (CC_HARD_SIGMOID, slope, offset)
    case .hardSwish: (CC_HARD_SWISH, 0, 0)
    case .swish: (CC_SWISH, 0, 0)
    case .gelu: (CC_GELU, 0, 0)
    case .geluByTanh: (CC_GELU_TANH, 0, 0)
    case .leakyRelu(let slope): (CC_LEAKY_RELU, slope, 0)
    case .elu(let scale): (CC_ELU, scale, 0)
    case .errorFunction: (CC_ERF, 0, 0)
    case .exponential: (CC_EXPONENTIAL, 0, 0)
    case .logarithm: (CC_LOGARITHM, 0, 0)
    case .squareRoot: (CC_SQUARE_ROOT, 0, 0)
    case .reciprocal: (CC_RECIPROCAL, 0, 0)
    case .power(let exponent): (CC_POWER, exponent, 0)
    case .magnitude: (CC_MAGNITUDE, 0, 0)
    }
  }
}

extension Tensor {
  /// The function of every element. Complexity: O(count), as vector code but for logarithms and powers.
  package func applying(_ function: ScalarFunction) -> Tensor {
    let loop = function.loop
    return Tensor(shape, layout: layout) { y in
      withUnsafeFloats { cc_apply(loop.function, loop.a, loop.b, Int64($0.count), $0.baseAddress, y.baseAddress) }
    }
  }

  /// This gradient times the slope of the function at `x`, element by element, in the layout of `x`.
  package func times(slopeOf function: ScalarFunction, at x: Tensor) -> Tensor {
    let (loop, gradient) = (function.loop, inLayout(x.layout))
    return Tensor(shape, layout: x.layout) { result in
      x.withUnsafeFloats { x in
        gradient.withUnsafeFloats {
          cc_apply_backward(
            loop.function, loop.a, loop.b, Int64(x.count), x.baseAddress, $0.baseAddress, result.baseAddress)
        }
      }
    }
  }

  /// Every element times a number.
  package func scaled(by factor: Float) -> Tensor {
    Tensor(shape, layout: layout) { y in
      withUnsafeFloats { cc_scaled(Int64($0.count), factor, $0.baseAddress, y.baseAddress) }
    }
  }
}
