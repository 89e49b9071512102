/// How a floating point number of at most eight bits is written.
///
/// Micikevicius et al., 2022, https://arxiv.org/abs/2209.05433
struct SmallFloat {
  var exponentBits: Int
  var mantissaBits: Int
  var bias: Int
  /// Whether there are infinities, whether the sign alone means no number, and whether all bits set means none.
  var hasInfinity = false
  var isUnsignedZero = false
  var hasNoNumber = true

  /// - Parameter type: the number of the element type in ONNX.
  init(_ type: Int) {
    switch type {
    case 17: (exponentBits, mantissaBits, bias) = (4, 3, 7)
    case 18: (exponentBits, mantissaBits, bias, isUnsignedZero) = (4, 3, 8, true)
    case 19: (exponentBits, mantissaBits, bias, hasInfinity) = (5, 2, 15, true)
    case 20: (exponentBits, mantissaBits, bias, isUnsignedZero) = (5, 2, 16, true)
    case 24: (exponentBits, mantissaBits, bias) = (8, 0, 127)
    default: (exponentBits, mantissaBits, bias, hasNoNumber) = (2, 1, 1, false)
    }
  }

  func value(_ bits: UInt8) -> Float {
    let bits = Int(bits)
    // A power of two without a sign.
    if mantissaBits == 0 { return bits == 255 ? .nan : Float(sign: .plus, exponent: bits - bias, significand: 1) }
    let isNegative = bits >> (exponentBits + mantissaBits) & 1 == 1
    let exponent = bits >> mantissaBits & (1 << exponentBits - 1)
    let mantissa = bits & (1 << mantissaBits - 1)
    let last = exponent == 1 << exponentBits - 1
    if isUnsignedZero, isNegative, exponent == 0, mantissa == 0 { return .nan }
    if hasInfinity, last { return mantissa != 0 ? .nan : isNegative ? -.infinity : .infinity }
    if hasNoNumber, !isUnsignedZero, last, mantissa == 1 << mantissaBits - 1 { return .nan }
    let fraction = Float(mantissa) / Float(1 << mantissaBits)
    let size =
      exponent == 0
      ? Float(sign: .plus, exponent: 1 - bias, significand: fraction)
      : Float(sign: .plus, exponent: exponent - bias, significand: 1 + fraction)
    return isNegative ? -size : size
  }
}
