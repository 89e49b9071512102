import Tensors

/// A network of bits: its layers with their weights, what it expects as input, and where it came from.
package struct PackedModel: Hashable, Sendable {
  package var input: Input
  /// In an order in which they can be run. The last one is the output.
  package var layers: [PackedLayer]
  package var provenance: Provenance

  package init(input: Input, layers: [PackedLayer], provenance: Provenance) {
    self.input = input
    self.layers = layers
    self.provenance = provenance
  }

  /// What the network expects: one tensor `[batch] + shape`.
  package struct Input: Hashable, Sendable, Codable {
    package var name: String
    /// Without the batch: `[channels, height, width]` or `[features]`.
    package var shape: [Int]
    /// How bytes from 0 to 255 become the input, where that is known.
    package var normalization: Normalization?

    package init(name: String, shape: [Int], normalization: Normalization? = nil) {
      self.name = name
      self.shape = shape
      self.normalization = normalization
    }
  }

  /// Where a packed model came from. The same conversion has the same provenance: no time, no machine name.
  package struct Provenance: Hashable, Sendable, Codable {
    /// Name of the source file, without its folder.
    package var source: String
    /// SHA-256 of the source file, in hexadecimal.
    package var sourceHash: String
    /// The recipe as JSON.
    package var recipe: String
    package var seed: UInt64
    /// Version of signum that wrote the file.
    package var tool: String
    /// Threads that training ran on, where that is known.
    package var threads: Int?

    package init(
      source: String, sourceHash: String, recipe: String, seed: UInt64, tool: String, threads: Int? = nil
    ) {
      self.source = source
      self.sourceHash = sourceHash
      self.recipe = recipe
      self.seed = seed
      self.tool = tool
      self.threads = threads
    }
  }
}

/// One step of a packed model.
///
/// Values are numbered: 0 is the input of the model, i + 1 the output of layer i. Shapes read
/// `[batch, channels, height, width]`; in memory the channels lie last.
package struct PackedLayer: Hashable, Sendable {
  /// The node of the graph that this layer computes.
  package var name: String
  package var kind: Kind
  /// Which values it reads; each is less than the layer's own.
  package var inputs: [Int]

  package init(name: String, kind: Kind, inputs: [Int]) {
    self.name = name
    self.kind = kind
    self.inputs = inputs
  }

  /// Closed on purpose: whoever reads the format knows every case.
  package enum Kind: Hashable, Sendable {
    /// Weight `[output channels, input channels / groups, height, width]`. With a binary weight and an input of bits
    /// (the output of `sign` or `threshold`), it runs on bits alone; padding then counts as 0, as in training.
    case convolution(Window, dilations: [Int], groups: Int, PackedWeight, bias: [Float]?)
    /// Weight `[output features, input features]`, over the last axis of the input.
    case dense(PackedWeight, bias: [Float]?)
    /// `scale[c] · x + shift[c]` for each channel (axis 1), then `+ second input` where there is one, then ReLU if
    /// asked.
    case affine(scale: [Float], shift: [Float], relu: Bool)
    /// Two inputs of one shape, or one of them with size 1 along some axes.
    case add
    case relu
    case clip(minimum: Float, maximum: Float)
    /// x where it is above 0, else slope · x: a slope for each channel (axis 1), or one for all.
    case leak(slopes: [Float])
    /// `step · min(max(round(x / step), minimum), maximum)`, halves rounded to even: activations of few bits.
    case quantize(step: Float, minimum: Int, maximum: Int)
    /// +1 where x ≥ 0, else −1: bits.
    case sign
    /// +1 where x ≥ threshold[c] (or x ≤ threshold[c] where flipped), else −1: bits. The input holds integers.
    case threshold([Int32], flipped: [Bool])
    /// Padding counts as −∞.
    case maxPool(Window)
    case averagePool(Window, countsPadding: Bool)
    case globalAveragePool
    /// Zeros or another value, for each axis but the batch.
    case pad(before: [Int], after: [Int], value: Float)
    /// For each axis but the batch: `start`, `start + step`, … , `count` of them.
    case slice(starts: [Int], steps: [Int], counts: [Int])
    /// Along an axis counted with the batch, so 1 is the channels.
    case concat(axis: Int)
    /// To the shape without the batch, taking elements in the order `[channels, height, width]`.
    case reshape([Int])
    /// The axes but the batch, counted from 1.
    case transpose([Int])
    /// Along an axis counted with the batch.
    case softmax(axis: Int)
  }
}

/// How a convolution or pooling window moves over an image. All pairs are height, width.
package struct Window: Hashable, Sendable, Codable {
  package var size: [Int]
  package var strides: [Int]
  /// Top, left, bottom, right.
  package var padding: [Int]

  package init(size: [Int], strides: [Int] = [1, 1], padding: [Int] = [0, 0, 0, 0]) {
    self.size = size
    self.strides = strides
    self.padding = padding
  }
}

/// A weight as it is stored.
package enum PackedWeight: Hashable, Sendable {
  /// Row-major.
  case float(Tensor)
  /// A row of bits for each output channel, and a level for each: ±level.
  case binary(shape: [Int], BitRows, levels: [Float])
  /// Ternary, few-bit or codebook symbols.
  case coded(CodedWeight)

  package var shape: [Int] {
    switch self {
    case .float(let tensor): tensor.shape.dimensions;
    case .binary(let shape, _, _): shape
    case .coded(let weight): weight.shape
    }
  }
}
