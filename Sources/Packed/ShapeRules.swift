import Tensors

/// The rules of the layers that have more to check than a line.
extension ShapeRule {
  /// Sizes, strides, dilations: small enough that products and sums of them cannot overflow.
  private static let sizes = 1...1 << 24
  /// Columns whose sums are exact as floats and as 32-bit integers.
  private static let mostColumns = 1 << 24
  /// The same for symbols of up to 8 bits, whose sums of half steps must fit 32 bits.
  private static let mostCodedColumns = 1 << 22

  func convolution(
    _ input: [Int], _ window: Window, dilations: [Int], groups: Int, _ weight: PackedWeight, bias: [Float]?
  ) throws(PackedFileError) -> [Int] {
    let shape = weight.shape
    try require(input.count == 3, "\(input) is not channels, height, width")
    try require(shape.count == 4 && shape.allSatisfy { Self.sizes ~= $0 }, "\(shape) is no shape of a kernel")
    try require(Self.sizes ~= groups && input[0] % groups == 0, "\(groups) groups do not divide \(input[0]) channels")
    try require(shape[0] % groups == 0, "\(groups) groups do not divide \(shape[0]) channels")
    try require(shape[1] == input[0] / groups, "its weight reads \(shape[1]) channels, not \(input[0] / groups)")
    try require(window.size == Array(shape[2...]), "its window \(window.size) is not that of its weight \(shape)")
    try require(dilations.count == 2 && dilations.allSatisfy { Self.sizes ~= $0 }, "its dilations are \(dilations)")
    try check(weight, bias: bias)
    try checkPrepared(weight, groups: groups)
    let reach = [(window.size[0] - 1) * dilations[0] + 1, (window.size[1] - 1) * dilations[1] + 1]
    let output = try slid(input, window, reach: reach)
    let needed = [(output[0] - 1) * window.strides[0] + reach[0], (output[1] - 1) * window.strides[1] + reach[1]]
    try checkScratch([needed[0], max(needed[1], input[2]), input[0]], groups: groups)
    return [shape[0]] + output
  }

  func dense(_ input: [Int], _ weight: PackedWeight, bias: [Float]?) throws(PackedFileError) -> [Int] {
    let shape = weight.shape
    try require(shape.count == 2 && shape.allSatisfy { Self.sizes ~= $0 }, "\(shape) is no shape of a matrix")
    try require(input.last == shape[1], "its weight reads \(shape[1]) features of \(input)")
    try check(weight, bias: bias)
    try checkPrepared(weight, groups: 1)
    return input.dropLast() + [shape[0]]
  }

  /// Kernels read sixteen output channels side by side and input channels in sixty-fours: where a group has fewer, a
  /// small file would take much memory.
  private func checkPrepared(_ weight: PackedWeight, groups: Int) throws(PackedFileError) {
    let shape = weight.shape
    let (taps, channels) = (shape.dropFirst(2).reduce(1, *), shape[1])
    let lanes = groups * ((shape[0] / groups + 15) / 16) * 16
    let planes: Int
    switch weight {
    case .float, .binary: planes = 1
    case .coded(let weight):
      switch weight.alphabet {
      case .binary, .codebook: planes = 1
      case .ternary: planes = 2
      case .uniform(let bits), .symmetric(let bits): planes = bits
      }
    }
    // Words of 64 channels with their counts; or floats; or planes of 16 bits for each column.
    let bits = Shape.count(of: [lanes, taps, (channels + 63) / 64, planes, 12]) ?? .max
    let floats = Shape.count(of: [lanes, taps, channels, 4]) ?? .max
    try require(
      max(bits, floats) <= PackedShapes.largestPrepared,
      "its weight \(shape) in \(groups) groups takes more memory than 2^30 bytes as kernels read it")
  }

  func check(
    _ weight: PackedWeight, bias: [Float]?, largest: Int = PackedShapes.largestValue
  ) throws(PackedFileError) {
    let shape = weight.shape
    guard let count = Shape.count(of: shape), count <= largest else {
      throw .tooLarge(layer: layer.name, elements: Shape.count(of: shape))
    }
    try require(count / shape[0] <= Self.mostColumns, "its weight has too many columns")
    switch weight {
    case .float(let tensor): try checkFinite(tensor.scalars, "weight")
    case .binary(_, let bits, let levels):
      try require(bits.rows == shape[0] && bits.columns == count / shape[0], "its bits do not fit \(shape)")
      try require(levels.count == shape[0], "\(levels.count) levels for \(shape[0]) channels")
      try checkFinite(levels, "levels")
      if let row = bits.firstRowWithPadding { throw .paddingBitsSet(layer: layer.name, row: row) }
    case .coded(let weight): try check(weight, columns: count / shape[0])
    }
    if let bias {
      try require(bias.count == shape[0], "\(bias.count) numbers of bias for \(shape[0]) channels")
      try checkFinite(bias, "bias")
    }
  }

  private func check(_ weight: CodedWeight, columns: Int) throws(PackedFileError) {
    let (shape, rows) = (weight.shape, weight.rows)
    try require(columns <= Self.mostCodedColumns, "its weight has too many columns")
    let numbers = CodedWeight.numbersPerRow(weight.alphabet, columns: columns)
    try require(rows.rows == shape[0] && rows.columns == numbers, "its symbols do not fit \(shape)")
    try require(weight.isStoredAsItsAlphabet, "its symbols are not those of its alphabet")
    if let row = rows.firstRowWithPadding { throw .paddingBitsSet(layer: layer.name, row: row) }
    if weight.alphabet == .ternary, let row = rows.firstRow(beyond: 3) {
      throw .invalidSymbol(layer: layer.name, row: row)
    }
    try require(weight.levels.count == shape[0], "\(weight.levels.count) levels for \(shape[0]) channels")
    try checkFinite(weight.levels, "levels")
    guard let negative = weight.negativeLevels else { return }
    try require(
      weight.alphabet == .ternary && negative.count == shape[0],
      "\(negative.count) negative levels for \(shape[0]) channels")
    try checkFinite(negative, "negative_levels")
  }

  func checkFinite(_ numbers: [Float], _ key: String) throws(PackedFileError) {
    guard numbers.allSatisfy(\.isFinite) else { throw .notFinite(layer: layer.name, key: key) }
  }

  /// The input with its padding is memory too.
  private func checkScratch(_ shape: [Int], groups: Int) throws(PackedFileError) {
    guard let count = Shape.count(of: shape), count <= PackedShapes.largestValue,
      let words = Shape.count(of: [shape[0], shape[1], groups]), words <= PackedShapes.largestValue
    else { throw .tooLarge(layer: layer.name, elements: Shape.count(of: shape)) }
  }

  /// Height and width of what a window of a given reach leaves.
  private func slid(_ input: [Int], _ window: Window, reach: [Int]) throws(PackedFileError) -> [Int] {
    try require(
      window.strides.count == 2 && window.strides.allSatisfy { Self.sizes ~= $0 },
      "its strides are \(window.strides)")
    try require(
      window.padding.count == 4 && window.padding.allSatisfy { 0...1 << 24 ~= $0 },
      "its padding is \(window.padding)")
    let rooms = [
      input[1] + window.padding[0] + window.padding[2] - reach[0],
      input[2] + window.padding[1] + window.padding[3] - reach[1],
    ]
    try require(rooms[0] >= 0 && rooms[1] >= 0, "its window \(window.size) is larger than its input \(input)")
    return [rooms[0] / window.strides[0] + 1, rooms[1] / window.strides[1] + 1]
  }

  func pool(_ input: [Int], _ window: Window) throws(PackedFileError) -> [Int] {
    try require(input.count == 3, "\(input) is not channels, height, width")
    try require(window.size.count == 2 && window.size.allSatisfy { Self.sizes ~= $0 }, "its size is \(window.size)")
    let output = try slid(input, window, reach: window.size)
    // So that no window lies in the padding alone.
    let fits = window.padding.enumerated().allSatisfy { $1 < window.size[$0 % 2] }
    try require(fits, "its padding \(window.padding) is not smaller than its window \(window.size)")
    return [input[0]] + output
  }

  func affine(_ inputs: [[Int]], _ scale: [Float], _ shift: [Float]) throws(PackedFileError) -> [Int] {
    let input = inputs[0]
    try require(scale.count == input[0], "\(scale.count) scales for \(input[0]) channels")
    try require(shift.count == input[0], "\(shift.count) shifts for \(input[0]) channels")
    try checkFinite(scale, "scale")
    try checkFinite(shift, "shift")
    if inputs.count == 2 { try require(inputs[1] == input, "its inputs \(input) and \(inputs[1]) differ") }
    return input
  }

  func leak(_ input: [Int], _ slopes: [Float]) throws(PackedFileError) {
    try require(slopes.count == 1 || slopes.count == input[0], "\(slopes.count) slopes for \(input[0]) channels")
    try checkFinite(slopes, "slopes")
  }

  func quantize(_ step: Float, _ minimum: Int, _ maximum: Int) throws(PackedFileError) {
    let limits = -1 << 20...1 << 20
    try require(step > 0 && step.isFinite, "its step \(step) is not above 0")
    try require(minimum <= maximum, "its minimum is above its maximum")
    try require(limits ~= minimum && limits ~= maximum, "its limits \(minimum), \(maximum) are out of range")
  }

  func add(_ left: [Int], _ right: [Int]) throws(PackedFileError) -> [Int] {
    let fits = left.count == right.count && zip(left, right).allSatisfy { $0 == $1 || $0 == 1 || $1 == 1 }
    try require(fits, "its inputs \(left) and \(right) do not fit")
    return zip(left, right).map { max($0, $1) }
  }

  func pad(_ input: [Int], _ before: [Int], _ after: [Int], _ value: Float) throws(PackedFileError) -> [Int] {
    try require(before.count == input.count && after.count == input.count, "its padding does not fit \(input)")
    try require((before + after).allSatisfy { 0...1 << 24 ~= $0 }, "its padding \(before), \(after) is out of range")
    try checkFinite([value], "value")
    return input.indices.map { input[$0] + before[$0] + after[$0] }
  }

  func slice(_ input: [Int], _ starts: [Int], _ steps: [Int], _ counts: [Int]) throws(PackedFileError) -> [Int] {
    let rank = input.count
    try require(starts.count == rank && steps.count == rank && counts.count == rank, "its parts do not fit \(input)")
    for axis in 0..<rank {
      let (start, step, count) = (starts[axis], steps[axis], counts[axis])
      try require(
        0..<input[axis] ~= start && 1...input[axis] ~= count && step != 0 && abs(step) <= 1 << 30,
        "its part of axis \(axis + 1) is out of range")
      try require(0..<input[axis] ~= start + step * (count - 1), "its part of axis \(axis + 1) is out of range")
    }
    return counts
  }

  func concat(_ inputs: [[Int]], _ axis: Int) throws(PackedFileError) -> [Int] {
    try require(1...inputs[0].count ~= axis, "axis \(axis) does not exist in \(inputs[0])")
    var result = inputs[0]
    for input in inputs.dropFirst() {
      let others = input.indices.allSatisfy { $0 == axis - 1 || $0 < result.count && input[$0] == result[$0] }
      try require(input.count == result.count && others, "its inputs \(result) and \(input) do not fit")
      result[axis - 1] += input[axis - 1]
    }
    return result
  }

  func reshape(_ input: [Int], _ shape: [Int]) throws(PackedFileError) -> [Int] {
    let fits = Shape.count(of: shape) == Shape.count(of: input) && 1...PackedShapes.highestRank ~= shape.count
    try require(fits, "\(input) cannot be read as \(shape)")
    return shape
  }
}

extension BitRows {
  /// The first row whose padding bits are not all 0.
  var firstRowWithPadding: Int? {
    guard columns % 64 != 0 else { return nil }
    let mask = ~UInt64(0) << UInt64(columns % 64)
    return (0..<rows).first { words[$0 * wordsPerRow + wordsPerRow - 1] & mask != 0 }
  }
}

extension CodedWeight {
  /// Whether the numbers are stored in as many bits as the alphabet has, and a codebook is there where it is wanted.
  var isStoredAsItsAlphabet: Bool {
    switch (alphabet, rows.storage) {
    case (.ternary, .trits), (.ternary, .fields(2)): patterns.isEmpty
    case (.uniform(let bits), .fields(let stored)), (.symmetric(let bits), .fields(let stored)):
      2...8 ~= bits && bits == stored && patterns.isEmpty
    case (.codebook(let bits), .fields(let stored)):
      1...8 ~= bits && bits == stored && patterns.count == 1 << bits && patterns.allSatisfy { $0 < 512 }
    default: false
    }
  }
}
