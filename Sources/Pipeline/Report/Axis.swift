import Foundation

/// Numbers laid along a side of a picture, with round ones to write beside it.
struct Axis: Sendable {
  let range: ClosedRange<Double>
  let isLogarithmic: Bool
  /// In the units of the picture; the second may be the smaller one.
  let ends: (Double, Double)

  /// - Parameter values: what must have a place; numbers that are not finite have none.
  init(_ values: [Double], ends: (Double, Double), startsAtZero: Bool = false, isLogarithmic: Bool = false) {
    let finite = values.filter { $0.isFinite && (!isLogarithmic || $0 > 0) }
    var (low, high) = (finite.min() ?? (isLogarithmic ? 1 : 0), finite.max() ?? 1)
    if startsAtZero { low = min(low, 0) }
    if isLogarithmic {
      (low, high) = (low / 1.5, high * 1.5)
    } else if high - low < 1e-9 {
      let width = max(abs(high) * 0.05, 1e-3)
      (low, high) = (startsAtZero ? low : low - width, high + width)
    }
    range = low...high
    self.ends = ends
    self.isLogarithmic = isLogarithmic
  }

  func place(_ value: Double) -> Double {
    let share =
      isLogarithmic
      ? log(value / range.lowerBound) / log(range.upperBound / range.lowerBound)
      : (value - range.lowerBound) / (range.upperBound - range.lowerBound)
    return ends.0 + share * (ends.1 - ends.0)
  }

  /// Round numbers within the range, at most about `count` of them.
  func ticks(_ count: Int, whole: Bool = false) -> [Double] { isLogarithmic ? decades(count) : steps(count, whole) }

  private func steps(_ count: Int, _ whole: Bool) -> [Double] {
    let rough = (range.upperBound - range.lowerBound) / Double(max(count, 1))
    let power = pow(10, floor(log10(rough)))
    var step = power * ([1, 2, 5, 10].first { $0 * power >= rough * 0.999 } ?? 10)
    if whole { step = max(1, step.rounded()) }
    let first = (range.lowerBound / step - 1e-9).rounded(.up)
    let last = (range.upperBound / step + 1e-9).rounded(.down)
    return first <= last ? stride(from: first, through: last, by: 1).map { $0 * step } : []
  }

  private func decades(_ count: Int) -> [Double] {
    let powers = Int(floor(log10(range.lowerBound)))...Int(ceil(log10(range.upperBound)))
    for factors in [[1.0, 2, 5], [1.0, 3], [1.0]] {
      let found = powers.flatMap { power in factors.map { $0 * pow(10, Double(power)) } }.filter(range.contains)
      if found.count <= count { return found }
    }
    return [range.lowerBound, range.upperBound]
  }
}
