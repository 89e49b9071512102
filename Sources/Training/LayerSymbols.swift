import Datasets
import Graphs
import Tensors

/// What the symbols of a coded layer, or the bits that a sign makes, are like.
package struct LayerSymbols: Codable, Hashable, Sendable {
  /// What was looked at.
  package enum Subject: String, Codable, Sendable {
    case weights
    /// What comes out of a sign, on one batch.
    case activations
  }
  /// The name of the layer, or of the sign.
  package var layer: String
  package var subject: Subject
  /// How often each symbol occurs, by the symbol.
  package var counts: [String: Int]
  package var channels: Int
  /// Channels that are the same number everywhere.
  package var constantChannels: Int

  package init(layer: String, subject: Subject, counts: [String: Int], channels: Int, constantChannels: Int) {
    self.layer = layer
    self.subject = subject
    self.counts = counts
    self.channels = channels
    self.constantChannels = constantChannels
  }

  /// The share of the channels, from 0 to 1, that are the same number everywhere.
  package var constantShare: Float { channels == 0 ? 0 : Float(constantChannels) / Float(channels) }

  /// What is wrong with them, where something is.
  package var collapse: Collapse.Kind? {
    if counts.count == 1, let symbol = counts.keys.first { return symbol == "0" ? .zeros : .oneSymbol }
    if zeroShare > Collapse.toleratedZeros { return .nearlyZeros }
    return constantShare > Collapse.tolerated ? .channels : nil
  }

  /// The share of the symbols, from 0 to 1, that are 0.
  package var zeroShare: Float {
    let all = counts.values.reduce(0, +)
    return all == 0 ? 0 : Float(counts["0"] ?? 0) / Float(all)
  }
}

/// A coded layer that says nothing any more, or hardly anything.
package struct Collapse: Codable, Hashable, Sendable, CustomStringConvertible {
  package enum Kind: String, Codable, Sendable {
    /// Every number is 0.
    case zeros
    /// Too many numbers are 0.
    case nearlyZeros
    /// Every number is the same.
    case oneSymbol
    /// Too many channels are the same number everywhere.
    case channels
  }
  /// The share of channels that may be the same number everywhere.
  package static let tolerated: Float = 0.5
  /// The share of symbols that may be 0.
  package static let toleratedZeros: Float = 0.99

  /// From 1.
  package var epoch: Int
  package var kind: Kind
  package var symbols: LayerSymbols

  package init(epoch: Int, kind: Kind, symbols: LayerSymbols) {
    self.epoch = epoch
    self.kind = kind
    self.symbols = symbols
  }

  /// Whether this is the same news about the same layer.
  func repeats(_ other: Collapse) -> Bool {
    kind == other.kind && symbols.layer == other.symbols.layer && symbols.subject == other.symbols.subject
  }

  package var description: String {
    let what = symbols.subject == .weights ? "of its weights" : "of its bits"
    let finding =
      switch kind {
      case .zeros: "every one \(what) is 0"
      case .nearlyZeros: "more than \(Int((Self.toleratedZeros * 100).rounded())) % \(what) are 0"
      case .oneSymbol: "every one \(what) is \(symbols.counts.keys.first ?? "the same")"
      case .channels: "\(symbols.constantChannels) of \(symbols.channels) channels \(what) are one number everywhere"
      }
    return "layer '\(symbols.layer)': after epoch \(epoch) \(finding)"
  }
}

extension Graph {
  /// The symbols of every coded weight, for these values of the constants. Complexity: as coding every weight once.
  package func weightSymbols(_ values: [Node.ID: Tensor]) -> [LayerSymbols] {
    let consumers = consumers()
    return nodes.compactMap { node in
      guard let coding = node.operation as? any WeightCoding, let reader = consumers[node.id]?.first else { return nil }
      let coded = coding.code(node.inputs.map { values[$0] ?? self[$0].constant!.tensor })
      return coded.layerSymbols(layer: reader.name)
    }
  }

  /// The bits that every sign that has begun makes of a batch, for these values of the constants.
  package func activationSymbols(
    _ images: Tensor, _ constants: [Node.ID: Tensor], at moment: Moment
  ) -> [LayerSymbols] {
    let signs = nodes.filter { ($0.operation as? SignActivation).map { $0.start <= moment.progress } ?? false }
    guard !signs.isEmpty else { return [] }
    let trace = run(self.values(for: images), at: moment, keeping: .only(signs.map(\.id)), constants: constants)
    return signs.map { trace[$0.id].layerSymbols(sign: $0.name) }
  }
}

extension CodedTensor {
  fileprivate func layerSymbols(layer: String) -> LayerSymbols {
    let channels = shape[0]
    let row = channels == 0 ? 0 : shape.count / channels
    var counts = [Int](repeating: 0, count: 256)
    var constant = 0
    symbols.withUnsafeBufferPointer { symbols in
      for channel in 0..<channels {
        var isConstant = true
        // Symbols whose level is 0 stand for nothing, whichever they are.
        let isSilent = levels[channel] == 0 && (negativeLevels?[channel] ?? 0) == 0
        for i in channel * row..<(channel + 1) * row {
          counts[isSilent ? 128 : Int(symbols[i]) + 128] += 1
          isConstant = isConstant && symbols[i] == symbols[channel * row]
        }
        if isConstant || isSilent { constant += 1 }
      }
    }
    let present = counts.enumerated().filter { $0.element > 0 }.map { (symbolName($0.offset - 128), $0.element) }
    return LayerSymbols(
      layer: layer, subject: .weights, counts: Dictionary(uniqueKeysWithValues: present), channels: channels,
      // A channel of one weight has no choice.
      constantChannels: row > 1 ? constant : 0)
  }
}

extension Tensor {
  /// Of a tensor of bits `[batch, channels, …]`.
  fileprivate func layerSymbols(sign name: String) -> LayerSymbols {
    let channels = shape.rank > 1 ? shape[1] : 1
    let x = inLayout(.rowMajor)
    let (batch, pixels) = (shape[0], channels * shape[0] == 0 ? 0 : count / shape[0] / channels)
    var positives = [Int](repeating: 0, count: channels)
    x.withUnsafeFloats { x in
      for image in 0..<batch {
        for channel in 0..<channels {
          let start = (image * channels + channel) * pixels
          var found = 0
          for i in start..<start + pixels where x[i] > 0 { found += 1 }
          positives[channel] += found
        }
      }
    }
    let (all, positive) = (count, positives.reduce(0, +))
    let counts = [("+1", positive), ("-1", all - positive)].filter { $0.1 > 0 }
    return LayerSymbols(
      layer: name, subject: .activations, counts: Dictionary(uniqueKeysWithValues: counts), channels: channels,
      constantChannels: positives.count { $0 == 0 || $0 == batch * pixels })
  }
}

private func symbolName(_ symbol: Int) -> String { symbol > 0 ? "+\(symbol)" : "\(symbol)" }
