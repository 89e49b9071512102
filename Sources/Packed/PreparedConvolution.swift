import CKernels
import Tensors

/// Where a convolution reads and what it leaves out: everything but its weight.
package struct ConvolutionGeometry: Hashable, Sendable {
  /// Channels, height, width of one image.
  package var input: [Int]
  /// Channels, height, width.
  package var output: [Int]
  package var size: [Int]
  package var strides: [Int]
  package var dilations: [Int]
  /// Top and left.
  package var padding: [Int]
  package var groups: Int

  /// The geometry of a convolution over images of `[channels, height, width]`.
  package init(input: [Int], output: [Int], window: Window, dilations: [Int], groups: Int) {
    self.input = input
    self.output = output
    size = window.size
    strides = window.strides
    self.dilations = dilations
    padding = [window.padding[0], window.padding[1]]
    self.groups = groups
  }

  /// A dense layer over `rows` rows: pixels side by side below a 1 × 1 kernel.
  package init(rows: Int, inputs: Int, outputs: Int) {
    let window = Window(size: [1, 1])
    self.init(
      input: [inputs, 1, rows], output: [outputs, 1, rows], window: window, dilations: [1, 1], groups: 1)
  }

  var channelsOfGroup: Int { input[0] / groups }
  var outputsOfGroup: Int { output[0] / groups }
  var taps: Int { size[0] * size[1] }
  var columns: Int { taps * channelsOfGroup }
  var blocksOfGroup: Int { (outputsOfGroup + 15) / 16 }

  /// The output channel that a lane of a block computes, or nil for a lane that fills up.
  func channel(block: Int, lane: Int) -> Int? {
    let (group, index) = block.quotientAndRemainder(dividingBy: blocksOfGroup)
    let channel = index * 16 + lane
    return channel < outputsOfGroup ? group * outputsOfGroup + channel : nil
  }
}

/// A convolution or dense layer with its weight laid out for one kernel.
package final class PreparedConvolution: Sendable {
  package let kernel: Kernel
  package let geometry: ConvolutionGeometry
  private let weight: PreparedWeight
  private let levels: AlignedMemory<Float>?
  private let negativeLevels: AlignedMemory<Float>?
  private let bias: AlignedMemory<Float>?

  /// - Precondition: the weight fits the geometry and the kernel's operands.
  package init(_ geometry: ConvolutionGeometry, _ weight: PackedWeight, bias: [Float]?, kernel: Kernel) {
    self.geometry = geometry
    self.kernel = kernel
    self.bias = bias.map { AlignedMemory($0, fallback: 0) }
    var negative: [Float]?
    switch weight {
    case .float(let tensor):
      self.weight = PreparedWeight(tensor, geometry, kernel)
      levels = nil
    case .binary(_, let bits, let values):
      self.weight = PreparedWeight(bits, geometry, kernel)
      levels = AlignedMemory(values, fallback: 0)
    case .coded(let coded):
      levels = AlignedMemory(coded.levels, fallback: 0)
      negative = coded.negativeLevels
      // The indices of a codebook are spelled out when a model is loaded.
      self.weight =
        coded.alphabet.isBinary
        ? PreparedWeight(coded.bits, geometry, kernel) : PreparedWeight(coded, geometry, kernel)
    }
    negativeLevels = negative.map { AlignedMemory($0, fallback: 0) }
  }

  /// Computes images one after the other: `[images][height][width][channels]`, floats or packed bits.
  ///
  /// A dense layer has one image of as many pixels as there are `rows`.
  /// Complexity: O(output elements · columns), divided by 64 where both operands are bits.
  package func run(images: Int = 1, rows: Int? = nil, input: UnsafeRawPointer, output: UnsafeMutablePointer<Float>) {
    var call = description
    if let rows { (call.width, call.outputWidth) = (Int64(rows), Int64(rows)) }
    let scratch = UnsafeMutableRawPointer.allocate(byteCount: signumScratchSize(&call), alignment: 64)
    defer { scratch.deallocate() }
    let pixels = Int(call.height * call.width)
    let words = geometry.groups * ((geometry.channelsOfGroup + 63) / 64)
    let inputBytes = pixels * (kernel.operands.readsBits ? words * 8 : geometry.input[0] * 4)
    let outputCount = Int(call.outputHeight * call.outputWidth * call.outputChannels)
    for image in 0..<images {
      kernel.function(&call, input + image * inputBytes, output + image * outputCount, scratch)
    }
  }

  private var description: SignumConvolution {
    var call = weight.description(isReference: kernel.instructionSet == .reference)
    (call.channels, call.height, call.width) = geometry.input.triple
    (call.outputChannels, call.outputHeight, call.outputWidth) = geometry.output.triple
    (call.kernelHeight, call.kernelWidth) = geometry.size.pair
    (call.strideY, call.strideX) = geometry.strides.pair
    (call.dilationY, call.dilationX) = geometry.dilations.pair
    (call.top, call.left) = geometry.padding.pair
    call.groups = Int64(geometry.groups)
    if let negativeLevels {
      (call.plusLevels, call.minusLevels) = (levels?.start, negativeLevels.start)
    } else {
      call.levels = levels?.start
    }
    call.bias = bias?.start
    return call
  }
}

extension [Int] {
  fileprivate var pair: (Int64, Int64) { (Int64(self[0]), Int64(self[1])) }
  fileprivate var triple: (Int64, Int64, Int64) { (Int64(self[0]), Int64(self[1]), Int64(self[2])) }
}
