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
  /// `scale · x` where x is above 0, else `scale · slope · (eˣ − 1)` (Klambauer et al., 2017,
  /// https://arxiv.org/abs/1706.02515)
  case selu(scale: Float, slope: Float)
  /// x where it is above 0, else `scale · (e^(x / scale) − 1)` (Barron, 2017, https://arxiv.org/abs/1704.07483)
  case celu(scale: Float)
  /// `log(1 + eˣ)`
  case softplus
  /// `x / (1 + |x|)`
  case softsign
  /// `x · tanh(log(1 + eˣ))` (Misra, 2019, https://arxiv.org/abs/1908.08681)
  case mish
  /// x where it is above the limit, else 0
  case above(limit: Float)
  /// `x + bias` below −limit, `x − bias` above limit, 0 between
  case shrink(limit: Float, bias: Float)
  case sine, cosine, tangent, arcSine, arcCosine, arcTangent
  case hyperbolicSine, hyperbolicCosine, arcHyperbolicSine, arcHyperbolicCosine, arcHyperbolicTangent
  /// To a whole number: the next below, the next above, the nearest (halves to even), the next towards 0.
  case floor, ceiling, round, truncate
  /// 1 where it is 0, else 0
  case isZero
  /// 1 where it is +∞ (if `above`) or −∞ (if `below`), else 0
  case isInfinite(above: Bool, below: Bool)
  /// `ones − x`: a whole number with every bit turned, where `ones` has all bits set (−1 for signed numbers)
  case bitsInverted(ones: Float)

  /// One of each case, for what must hold for all of them.
  package static let samples: [ScalarFunction] = [
    .sigmoid, .tanh, .hardSigmoid(slope: 0.2, offset: 0.5), .hardSwish, .swish, .gelu, .geluByTanh,
    .leakyRelu(slope: 0.1), .elu(scale: 0.7), .errorFunction, .exponential, .logarithm, .squareRoot, .reciprocal,
    .power(exponent: 1.5), .magnitude, .selu(scale: 1.1, slope: 1.6), .celu(scale: 1.3), .softplus, .softsign, .mish,
    .above(limit: 0), .shrink(limit: 2.5, bias: 0.5), .sine, .cosine, .tangent, .arcSine, .arcCosine, .arcTangent,
    .hyperbolicSine, .hyperbolicCosine, .arcHyperbolicSine, .arcHyperbolicCosine, .arcHyperbolicTangent, .floor,
    .ceiling, .round, .truncate, .isZero, .isInfinite(above: true, below: false), .bitsInverted(ones: 255),
  ]

  /// Whether it has no slope but 0: its steps are where nothing could be learned.
  package var isStaircase: Bool {
    switch self {
    case .floor, .ceiling, .round, .truncate, .isZero, .isInfinite, .bitsInverted: true
    default: false
    }
  }

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
    default: furtherLoop
    }
  }

  private var furtherLoop: (function: cc_function, a: Float, b: Float) {
    switch self {
    case .selu(let scale, let slope): (CC_SELU, scale, slope)
    case .celu(let scale): (CC_CELU, scale, 0)
    case .softplus: (CC_SOFTPLUS, 0, 0)
    case .softsign: (CC_SOFTSIGN, 0, 0)
    case .mish: (CC_MISH, 0, 0)
    case .above(let limit): (CC_ABOVE, limit, 0)
    case .shrink(let limit, let bias): (CC_SHRINK, limit, bias)
    case .sine: (CC_SINE, 0, 0)
    case .cosine: (CC_COSINE, 0, 0)
    case .tangent: (CC_TANGENT, 0, 0)
    case .arcSine: (CC_ARC_SINE, 0, 0)
    case .arcCosine: (CC_ARC_COSINE, 0, 0)
    case .arcTangent: (CC_ARC_TANGENT, 0, 0)
    case .hyperbolicSine: (CC_HYPERBOLIC_SINE, 0, 0)
    case .hyperbolicCosine: (CC_HYPERBOLIC_COSINE, 0, 0)
    case .arcHyperbolicSine: (CC_ARC_HYPERBOLIC_SINE, 0, 0)
    case .arcHyperbolicCosine: (CC_ARC_HYPERBOLIC_COSINE, 0, 0)
    case .arcHyperbolicTangent: (CC_ARC_HYPERBOLIC_TANGENT, 0, 0)
    case .floor: (CC_FLOOR, 0, 0)
    case .ceiling: (CC_CEILING, 0, 0)
    case .round: (CC_ROUND, 0, 0)
    case .truncate: (CC_TRUNCATE, 0, 0)
    case .isZero: (CC_IS_ZERO, 0, 0)
    case .isInfinite(let above, let below): (CC_IS_INFINITE, above ? 1 : 0, below ? 1 : 0)
    case .bitsInverted(let ones): (CC_BITS_INVERTED, ones, 0)
    default: preconditionFailure("\(self) has no loop")
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
