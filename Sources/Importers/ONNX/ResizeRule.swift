import Foundation

/// Where the pixels of a resized axis come from, and with which weights, as `Resize` of ONNX says it.
struct ResizeRule {
  enum Coordinates: String {
    case halfPixel = "half_pixel"
    case symmetric = "half_pixel_symmetric"
    case halfPixelOrStart = "pytorch_half_pixel"
    case corners = "align_corners"
    case asymmetric = "asymmetric"
    case crop = "tf_crop_and_resize"
    /// Of old operator sets: half a pixel off for nothing but the nearest.
    case halfPixelNearest = "tf_half_pixel_for_nn"
  }
  enum Mode: String { case nearest, linear, cubic }
  enum Nearest: String {
    case floor, ceil
    case roundPreferFloor = "round_prefer_floor"
    case roundPreferCeiling = "round_prefer_ceil"
  }

  var coordinates: Coordinates
  var mode: Mode
  var nearest: Nearest
  /// The slope of the cubic curve.
  var slope: Double
  /// Whether weights outside the axis count as 0, and the others are made to add up to 1 again.
  var excludesOutside: Bool
  /// Whether an axis that gets smaller is smoothed before.
  var smooths: Bool
  /// The part of the axis that is looked at, for `crop`.
  var start = 0.0
  var end = 1.0

  init(_ node: ONNXNode, _ translation: ONNXTranslation) throws(ImportError.Problem) {
    let isOld = node.operation == "Upsample" || translation.operatorSet < 11
    let named = try node.string("mode", default: "nearest")
    let modes = ["bilinear": Mode.linear, "bicubic": .cubic]
    guard let mode = Mode(rawValue: named) ?? modes[named] else {
      throw node.problem("'mode' is '\(named)', expected nearest, linear or cubic")
    }
    self.mode = mode
    let placing = try node.string("coordinate_transformation_mode", default: isOld ? "asymmetric" : "half_pixel")
    guard let coordinates = Coordinates(rawValue: placing) else {
      throw node.problem("'coordinate_transformation_mode' is '\(placing)', which is not known")
    }
    self.coordinates = coordinates
    let rounding = try node.string("nearest_mode", default: isOld ? "floor" : "round_prefer_floor")
    guard let nearest = Nearest(rawValue: rounding) else {
      throw node.problem("'nearest_mode' is '\(rounding)', which is not known")
    }
    self.nearest = nearest
    slope = Double(try node.float("cubic_coeff_a", default: -0.75))
    excludesOutside = try node.flag("exclude_outside")
    smooths = try node.flag("antialias")
  }

  /// The elements that make up one of the new ones, their weights, and whether it lies outside of what is looked at.
  func taps(
    at index: Int, size: Int, count: Int, scale: Double
  ) -> (places: [Int], weights: [Float], isOutside: Bool) {
    var x = source(Double(index), size: Double(size), count: Double(count), scale: scale)
    let isOutside = coordinates == .crop && !(x >= 0 && x <= Double(size - 1))
    if !x.isFinite { x = 0 }
    // A place that is whole is the end of the step before it, which matters to `ceil` alone.
    let isWhole = x == x.rounded(.down)
    let below = isWhole ? x - 1 : x.rounded(.down)
    let ratio = isWhole ? 1 : x - below
    var weights = weights(ratio, scale: scale)
    let first = Int(min(max(below, -1e9), 1e9)) - weights.count / 2 + 1
    var places = weights.indices.map { first + $0 }
    if excludesOutside {
      for tap in places.indices where places[tap] < 0 || places[tap] >= size { weights[tap] = 0 }
      let sum = weights.reduce(0, +)
      if sum != 0 { weights = weights.map { $0 / sum } }
    }
    places = places.map { min(max($0, 0), size - 1) }
    return (places, weights.map { Float($0) }, isOutside)
  }

  /// How many elements one of the new ones is made of at most.
  func mostTaps(scale: Double) -> Int {
    let reach: Double = mode == .cubic ? 2 : 1
    return 2 * Int((reach / (smooths ? min(scale, 1) : 1)).rounded(.up)) + 2
  }

  private func source(_ x: Double, size: Double, count: Double, scale: Double) -> Double {
    let length = scale * size
    switch coordinates {
    case .halfPixel: return (x + 0.5) / scale - 0.5
    case .halfPixelNearest: return (x + 0.5) / scale
    case .halfPixelOrStart: return length <= 1 ? -0.5 : (x + 0.5) / scale - 0.5
    case .asymmetric: return x / scale
    case .corners: return length <= 1 ? 0 : x * (size - 1) / (length - 1)
    case .symmetric:
      let offset = size / 2 * (1 - count / length)
      return offset + (x + 0.5) / scale - 0.5
    case .crop:
      let range = (end - start) * (size - 1)
      return start * (size - 1) + (count <= 1 ? range / 2 : x * range / (count - 1))
    }
  }

  /// Of the neighbours around the place, the nearer half below it.
  private func weights(_ ratio: Double, scale: Double) -> [Double] {
    switch mode {
    case .nearest:
      let takesUpper: Bool =
        switch nearest {
        case _ where ratio == 1: true
        case .floor: false
        case .ceil: true
        case .roundPreferFloor: ratio > 0.5
        case .roundPreferCeiling: ratio >= 0.5
        }
      return takesUpper ? [0, 1] : [1, 0]
    case .linear: return spread(ratio, scale, reach: 1) { max(0, 1 - abs($0)) }
    case .cubic: return spread(ratio, scale, reach: 2, cubic)
    }
  }

  /// A curve over its neighbours; wider where the axis gets smaller and is smoothed.
  private func spread(_ ratio: Double, _ scale: Double, reach: Double, _ curve: (Double) -> Double) -> [Double] {
    let scale = smooths ? min(scale, 1) : 1
    let first = Int((-reach / scale).rounded(.down)) + 1
    let weights = (first..<2 - first).map { curve((Double($0) - ratio) * scale) }
    let sum = weights.reduce(0, +)
    return smooths && sum != 0 ? weights.map { $0 / sum } : weights
  }

  /// Keys, 1981: cubic convolution.
  private func cubic(_ distance: Double) -> Double {
    let x = abs(distance)
    if x <= 1 { return (slope + 2) * x * x * x - (slope + 3) * x * x + 1 }
    return x < 2 ? slope * (x * x * x - 5 * x * x + 8 * x - 4) : 0
  }
}
