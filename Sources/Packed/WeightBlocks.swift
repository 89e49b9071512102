import Tensors

/// Weights laid out as the kernels read them: blocks of 16 output channels side by side.
extension ConvolutionGeometry {
  /// `[output channel][channel][y][x]` to `[output channel][y][x][channel]`.
  func channelsLastRows(_ scalars: [Float]) -> [Float] {
    guard taps > 1 && channelsOfGroup > 1 else { return scalars }
    var rows = [Float](repeating: 0, count: scalars.count)
    for channel in 0..<output[0] {
      let base = channel * columns
      for input in 0..<channelsOfGroup {
        for tap in 0..<taps { rows[base + tap * channelsOfGroup + input] = scalars[base + input * taps + tap] }
      }
    }
    return rows
  }

  /// `[output channel][column]` to `[block][column][16]`.
  func floatBlocks(_ rows: [Float]) -> [Float] {
    var blocks = [Float](repeating: 0, count: groups * blocksOfGroup * columns * 16)
    forEachLane { block, lane, channel in
      for column in 0..<columns { blocks[(block * columns + column) * 16 + lane] = rows[channel * columns + column] }
    }
    return blocks
  }

  /// Rows of bits to `[block][column]` of 16 bits.
  func signBlocks(_ rows: BitRows) -> [UInt16] {
    var blocks = [UInt16](repeating: 0, count: groups * blocksOfGroup * columns)
    forEachLane { block, lane, channel in
      for column in 0..<columns where rows[channel, column] > 0 {
        blocks[block * columns + column] |= 1 << UInt16(lane)
      }
    }
    return blocks
  }

  /// Rows of bits to `[block][tap][word of channels][16]`, and the ones of every tap, `[block][tap][16]`.
  func bitBlocks(_ rows: BitRows) -> (words: [UInt64], ones: [Int32]) {
    let (channels, count) = (channelsOfGroup, (channelsOfGroup + 63) / 64)
    var words = [UInt64](repeating: 0, count: groups * blocksOfGroup * taps * count * 16)
    var ones = [Int32](repeating: 0, count: groups * blocksOfGroup * taps * 16)
    forEachLane { block, lane, channel in
      for tap in 0..<taps {
        for input in 0..<channels where rows[channel, tap * channels + input] > 0 {
          words[((block * taps + tap) * count + input / 64) * 16 + lane] |= 1 << UInt64(input % 64)
          ones[(block * taps + tap) * 16 + lane] += 1
        }
      }
    }
    return (words, ones)
  }

  /// Symbols to `[block][column][plane]` of 16 bits.
  func planeBlocks(_ weight: CodedWeight, _ planes: SymbolPlanes) -> [UInt16] {
    let count = planes.counts.count
    var blocks = [UInt16](repeating: 0, count: groups * blocksOfGroup * columns * count)
    forEachLane { block, lane, channel in
      for (column, symbol) in weight.symbols(inRow: channel).enumerated() {
        let bits = planes.bits(of: symbol)
        for plane in 0..<count where bits >> UInt8(plane) & 1 == 1 {
          blocks[(block * columns + column) * count + plane] |= 1 << UInt16(lane)
        }
      }
    }
    return blocks
  }

  /// Symbols to `[block][plane][tap][word of channels][16]`, and the ones of every tap, `[block][plane][tap][16]`.
  func planeBitBlocks(_ weight: CodedWeight, _ planes: SymbolPlanes) -> (words: [UInt64], ones: [Int32]) {
    let (channels, wordCount, count) = (channelsOfGroup, (channelsOfGroup + 63) / 64, planes.counts.count)
    var words = [UInt64](repeating: 0, count: groups * blocksOfGroup * count * taps * wordCount * 16)
    var ones = [Int32](repeating: 0, count: groups * blocksOfGroup * count * taps * 16)
    forEachLane { block, lane, channel in
      for (column, symbol) in weight.symbols(inRow: channel).enumerated() {
        let (tap, input) = column.quotientAndRemainder(dividingBy: channels)
        let bits = planes.bits(of: symbol)
        for plane in 0..<count where bits >> UInt8(plane) & 1 == 1 {
          let place = (block * count + plane) * taps + tap
          words[(place * wordCount + input / 64) * 16 + lane] |= 1 << UInt64(input % 64)
          ones[place * 16 + lane] += 1
        }
      }
    }
    return (words, ones)
  }

  private func forEachLane(_ body: (_ block: Int, _ lane: Int, _ channel: Int) -> Void) {
    for block in 0..<groups * blocksOfGroup {
      for lane in 0..<16 { if let channel = channel(block: block, lane: lane) { body(block, lane, channel) } }
    }
  }
}
