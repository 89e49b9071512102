import CKernels
import Tensors

/// A value between two layers: floats, or bits packed pixel by pixel.
enum PackedValue: Sendable {
  /// Channels last where there are four axes, else row-major.
  case floats(Tensor)
  case bits(BitImage)

  /// The shape with the batch.
  var shape: Shape {
    switch self {
    case .floats(let tensor): tensor.shape;
    case .bits(let image): image.shape
    }
  }

  /// Bits as −1 and +1. Complexity: O(count) for bits, else O(1).
  var tensor: Tensor {
    switch self {
    case .floats(let tensor): tensor;
    case .bits(let image): image.tensor
    }
  }

  /// A tensor in the order that layers expect.
  static func laidOut(_ tensor: Tensor) -> PackedValue {
    .floats(tensor.shape.rank == 4 ? tensor.inLayout(.channelsLast) : tensor)
  }

  /// A tensor of −1 and +1 as bits.
  static func packedBits(_ tensor: Tensor) -> PackedValue {
    let ordered = tensor.shape.rank == 4 ? tensor.inLayout(.channelsLast) : tensor
    return .bits(BitImage(shape: tensor.shape, words: BitImage.packed(ordered)))
  }

  /// The order in which the floats of a value with so many axes lie.
  static func layout(_ shape: Shape) -> Tensor.Layout { shape.rank == 4 ? .channelsLast : .rowMajor }

  /// Bits in words, each group of channels beginning a word of its own.
  func words(groups: Int) -> AlignedMemory<UInt64> {
    if case .bits(let image) = self, groups == 1 { return image.words }
    return BitImage.packed(tensor, groups: groups)
  }
}

/// Values of −1 and +1, one bit each: for every pixel its channels in words of 64 bits, padding bits 0.
package struct BitImage: Sendable {
  /// `[batch, channels, height, width]` or `[batch, features]`.
  package let shape: Shape
  package let words: AlignedMemory<UInt64>

  package init(shape: Shape, words: AlignedMemory<UInt64>) {
    self.shape = shape
    self.words = words
  }

  package var channels: Int { shape[1] }
  package var pixels: Int { BitImage.pixels(shape) }
  package var wordsOfPixel: Int { (channels + 63) / 64 }

  static func pixels(_ shape: Shape) -> Int { shape.rank == 4 ? shape[0] * shape[2] * shape[3] : shape[0] }

  package var tensor: Tensor {
    Tensor(shape, layout: PackedValue.layout(shape)) { target in
      signumUnpackBits(words.start, Int64(pixels), Int64(channels), target.baseAddress)
    }
  }

  /// Bits of a tensor in the order that layers expect: 1 where x ≥ 0.
  package static func packed(_ tensor: Tensor, groups: Int = 1) -> AlignedMemory<UInt64> {
    let (pixels, channels) = (pixels(tensor.shape), tensor.shape[1])
    let words = AlignedMemory<UInt64>(count: pixels * groups * ((channels / groups + 63) / 64), repeating: 0)
    tensor.withUnsafeFloats {
      signumPackBits($0.baseAddress, Int64(pixels), Int64(channels), Int64(groups), words.buffer.baseAddress)
    }
    return words
  }
}

/// How the elements of a value lie around its channels: `[outer][channels][inner]`.
struct ChannelOrder {
  let outer: Int
  let channels: Int
  let inner: Int

  init(_ tensor: Tensor) {
    let shape = tensor.shape
    channels = shape[1]
    if tensor.layout == .channelsLast {
      (outer, inner) = (shape[0] * shape[2] * shape[3], 1)
    } else {
      (outer, inner) = (shape[0], shape.dimensions.dropFirst(2).reduce(1, *))
    }
  }
}
