import CKernels
import Tensors

/// A weight in the one form that a kernel reads; the others are empty.
struct PreparedWeight: Sendable {
  private var floats = AlignedMemory<Float>([], fallback: 0)
  private var words = AlignedMemory<UInt64>([], fallback: 0)
  private var signs = AlignedMemory<UInt16>([], fallback: 0)
  private var ones = AlignedMemory<Int32>([], fallback: 0)
  private var symbols = AlignedMemory<Int8>([], fallback: 0)
  private var planes: SymbolPlanes?

  init(_ tensor: Tensor, _ geometry: ConvolutionGeometry, _ kernel: Kernel) {
    precondition(kernel.operands == .floatFloat)
    let rows = geometry.channelsLastRows(tensor.scalars)
    floats = AlignedMemory(kernel.instructionSet == .reference ? rows : geometry.floatBlocks(rows), fallback: 0)
  }

  init(_ bits: BitRows, _ geometry: ConvolutionGeometry, _ kernel: Kernel) {
    switch (kernel.operands, kernel.instructionSet) {
    case (.binaryBinary, .reference), (.binaryFloat, .reference): words = AlignedMemory(bits.words, fallback: 0)
    case (.binaryBinary, _):
      let blocks = geometry.bitBlocks(bits)
      words = AlignedMemory(blocks.words, fallback: 0)
      ones = AlignedMemory(blocks.ones, fallback: 0)
    case (.binaryFloat, _): signs = AlignedMemory(geometry.signBlocks(bits), fallback: 0)
    default: preconditionFailure("a binary weight needs a kernel of bits")
    }
  }

  init(_ weight: CodedWeight, _ geometry: ConvolutionGeometry, _ kernel: Kernel) {
    let planes = SymbolPlanes(weight.alphabet)
    self.planes = planes
    switch (kernel.operands, kernel.instructionSet) {
    case (.codedFloat, .reference), (.codedBinary, .reference):
      symbols = AlignedMemory((0..<weight.shape[0]).flatMap { weight.symbols(inRow: $0) }, fallback: 0)
    case (.codedFloat, _): signs = AlignedMemory(geometry.planeBlocks(weight, planes), fallback: 0)
    case (.codedBinary, _):
      let blocks = geometry.planeBitBlocks(weight, planes)
      words = AlignedMemory(blocks.words, fallback: 0)
      ones = AlignedMemory(blocks.ones, fallback: 0)
    default: preconditionFailure("a coded weight needs a kernel of symbols")
    }
  }

  /// A convolution with this weight and nothing else filled in.
  func description(isReference: Bool) -> SignumConvolution {
    var call = SignumConvolution()
    if isReference {
      (call.floatRows, call.bitRows, call.symbolRows) = (floats.start, words.start, symbols.start)
    } else {
      (call.floatBlocks, call.bitBlocks, call.signBlocks) = (floats.start, words.start, signs.start)
      (call.tapOnes, call.planeOnes) = (ones.start, ones.start)
      (call.planeBlocks, call.planeBitBlocks) = (signs.start, words.start)
    }
    guard let planes else { return call }
    call.planes = Int64(planes.counts.count)
    call.isSymmetric = planes.isSymmetric
    withUnsafeMutableBytes(of: &call.counts) { counts in
      for (index, count) in planes.counts.enumerated() {
        counts.storeBytes(of: count, toByteOffset: index * 4, as: Int32.self)
      }
    }
    return call
  }
}

/// The bits of a symbol: a symbol is the sum of what its bits count.
///
/// Of a ternary one the planes are plus and minus; of a uniform one two's complement; of a symmetric one the number of
/// steps from the lowest symbol, so that as ±1 they sum up to twice the symbol and 1.
struct SymbolPlanes: Sendable {
  let counts: [Int32]
  let isSymmetric: Bool
  private let alphabet: Alphabet

  /// - Precondition: the alphabet is neither binary nor a codebook, which has kernels of its own.
  init(_ alphabet: Alphabet) {
    self.alphabet = alphabet
    switch alphabet {
    case .binary, .codebook: preconditionFailure("bits have kernels of their own")
    case .ternary: (counts, isSymmetric) = ([1, -1], false)
    case .symmetric(let bits): (counts, isSymmetric) = ((0..<bits).map { 1 << Int32($0) }, true)
    case .uniform(let bits):
      counts = (0..<bits).map { $0 == bits - 1 ? -1 << Int32($0) : 1 << Int32($0) }
      isSymmetric = false
    }
  }

  /// Bit p is that of plane p.
  func bits(of symbol: Int8) -> UInt8 {
    switch alphabet {
    case .ternary: symbol > 0 ? 1 : symbol < 0 ? 2 : 0
    case .symmetric(let bits): UInt8(Int16(symbol) + 1 << Int16(bits - 1))
    default: UInt8(bitPattern: symbol) & UInt8((1 << counts.count) - 1)
    }
  }
}
