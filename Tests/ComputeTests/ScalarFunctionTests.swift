import Foundation
import Tensors
import Testing

@testable import Compute

/// What the C library computes in double precision.
private func exact(_ function: ScalarFunction, _ x: Double) -> Double {
  switch function {
  case .sigmoid: 1 / (1 + exp(-x))
  case .tanh: tanh(x)
  case .hardSigmoid(let slope, let offset): max(0, min(1, Double(slope) * x + Double(offset)))
  case .hardSwish: x * max(0, min(1, x / 6 + 0.5))
  case .swish: x / (1 + exp(-x))
  case .gelu: x * erfc(-x / 2.0.squareRoot()) / 2
  case .geluByTanh: x * (1 + tanh((2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x))) / 2
  case .leakyRelu(let slope): x > 0 ? x : Double(slope) * x
  case .elu(let scale): x > 0 ? x : Double(scale) * expm1(x)
  case .errorFunction: erf(x)
  case .exponential: exp(x)
  case .logarithm: log(x)
  case .squareRoot: x.squareRoot()
  case .reciprocal: 1 / x
  case .power(let exponent): pow(x, Double(exponent))
  case .magnitude: abs(x)
  default: further(function, x)
  }
}

private func further(_ function: ScalarFunction, _ x: Double) -> Double {
  switch function {
  case .selu(let scale, let slope): Double(scale) * (x > 0 ? x : Double(slope) * expm1(x))
  case .celu(let scale): x > 0 ? x : Double(scale) * expm1(x / Double(scale))
  case .softplus: max(x, 0) + log1p(exp(-abs(x)))
  case .softsign: x / (1 + abs(x))
  case .mish: x * tanh(max(x, 0) + log1p(exp(-abs(x))))
  case .above(let limit): x > Double(limit) ? x : 0
  case .shrink(let limit, let bias):
    x < -Double(limit) ? x + Double(bias) : x > Double(limit) ? x - Double(bias) : 0
  case .sine: sin(x)
  case .cosine: cos(x)
  case .tangent: tan(x)
  case .arcSine: asin(x)
  case .arcCosine: acos(x)
  case .arcTangent: atan(x)
  case .hyperbolicSine: sinh(x)
  case .hyperbolicCosine: cosh(x)
  case .arcHyperbolicSine: asinh(x)
  case .arcHyperbolicCosine: acosh(x)
  case .arcHyperbolicTangent: atanh(x)
  case .floor: x.rounded(.down)
  case .ceiling: x.rounded(.up)
  case .round: x.rounded(.toNearestOrEven)
  case .truncate: x.rounded(.towardZero)
  case .isZero: x == 0 ? 1 : 0
  case .isInfinite(let above, let below): (x == .infinity && above) || (x == -.infinity && below) ? 1 : 0
  case .bitsInverted(let ones): Double(ones) - x
  default: .nan
  }
}

struct ScalarFunctionTests {
  /// From tiny to large, of both signs.
  private static let numbers: [Float] = (-3000...3000).map { Float($0) * 0.01 } + [1e-30, -1e-30, 1e-6, -1e-6, 87, -87]

  @Test(arguments: ScalarFunction.samples)
  func agreesWithTheLibrary(_ function: ScalarFunction) {
    let x = Tensor([Self.numbers.count], scalars: Self.numbers)
    let found = x.applying(function).scalars
    for (x, y) in zip(Self.numbers, found) {
      let wanted = exact(function, Double(x))
      guard wanted.isFinite else { #expect(!y.isFinite); continue }
      // Where a sum with 1 comes close to 0, what is left is as exact as that sum.
      let scale = max(abs(wanted), isSumWithOne(function) ? max(1, abs(Double(x))) : 0)
      #expect(abs(Double(y) - wanted) <= 1e-6 * scale + 1e-37, "\(function) of \(x) is \(wanted), not \(y)")
    }
  }

  private func isSumWithOne(_ function: ScalarFunction) -> Bool {
    switch function {
    case .gelu, .geluByTanh, .elu, .hardSwish, .hardSigmoid, .selu, .celu: true
    default: false
    }
  }

  @Test(arguments: ScalarFunction.samples)
  func atTheEnds(_ function: ScalarFunction) {
    let y = Tensor([3], scalars: [.nan, 200, .infinity]).applying(function).scalars
    #expect(y[0].isNaN || isFlat(function), "what is not a number is seen")
    for (x, found) in [(200.0, y[1]), (Double.infinity, y[2])] {
      let wanted = Float(exact(function, x))
      // The library may be off by the last bit.
      #expect(found == wanted || (found.isNaN && wanted.isNaN) || abs(found - wanted) <= wanted.ulp)
    }
  }

  private func isFlat(_ function: ScalarFunction) -> Bool {
    switch function {
    case .isZero, .isInfinite: true
    default: false
    }
  }

  /// From 0.5 to 1.5 moved to where the function is defined.
  private func defined(_ function: ScalarFunction, _ x: Float) -> Float {
    switch function {
    case .arcSine, .arcCosine, .arcHyperbolicTangent: x * 0.6
    case .arcHyperbolicCosine: x + 1
    default: x
    }
  }

  @Test(arguments: ScalarFunction.samples, [1, 7, 8192, 40_000])
  func anyLengthAndSlope(_ function: ScalarFunction, _ count: Int) {
    let x = Tensor([count], scalars: (0..<count).map { defined(function, 0.5 + Float($0 % 97) * 0.01) })
    let whole = x.applying(function)
    let slopes = Tensor([count], repeating: 2).times(slopeOf: function, at: x)
    for place in [0, count / 2, count - 1] {
      let one = Tensor([1], scalars: [x.scalars[place]])
      #expect(abs(one.applying(function).scalars[0] - whole.scalars[place]) <= 1e-6)
      #expect(
        abs(Tensor([1], repeating: 2).times(slopeOf: function, at: one).scalars[0] - slopes.scalars[place]) <= 1e-5)
    }
  }
}
