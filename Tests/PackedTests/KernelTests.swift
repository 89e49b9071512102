import TestSupport
import Testing
import Tensors

import Packed

/// A convolution with everything that the kernels need to be compared.
private struct Case: CustomStringConvertible, Sendable {
  var inputs: Int
  var outputs: Int
  var size = [1, 1]
  var strides = [1, 1]
  var padding = [0, 0, 0, 0]
  var dilations = [1, 1]
  var groups = 1
  var image = [5, 7]

  var description: String {
    "\(inputs)→\(outputs) \(size) strides \(strides) padding \(padding) dilations \(dilations) groups \(groups)"
  }

  var geometry: ConvolutionGeometry {
    let window = Window(size: size, strides: strides, padding: padding)
    let output = (0..<2).map { axis in
      let room = image[axis] + padding[axis] + padding[axis + 2] - (size[axis] - 1) * dilations[axis] - 1
      return room / strides[axis] + 1
    }
    return ConvolutionGeometry(
      input: [inputs] + image, output: [outputs] + output, window: window, dilations: dilations, groups: groups)
  }

  /// A weight for this convolution: a coded one of a name, or for no name what the operands want.
  func weight(_ operands: Kernel.Operands, coded name: String?) -> PackedWeight {
    let shape = Shape([outputs, inputs / groups] + size)
    if let name { return PackedWeight(CodedTensors.named(name, shape, seed: 1)) }
    let latent = Tensor.random(shape, seed: 1)
    let levels = Tensor.random([outputs], seed: 3).scalars
    return operands == .floatFloat ? .float(latent) : .binary(latent, levels: levels)
  }

  /// The output of a kernel on two images.
  func output(_ weight: PackedWeight, _ kernel: Kernel, hasBias: Bool) -> [UInt32] {
    let geometry = geometry
    let bias = hasBias ? Tensor.random([outputs], seed: 2).scalars : nil
    let prepared = PreparedConvolution(geometry, weight, bias: bias, kernel: kernel)
    let input = Tensor.random([2, inputs, image[0], image[1]], seed: 4, layout: .channelsLast)
    let outputShape = Shape([2] + geometry.output)
    let result = Tensor(outputShape, layout: .channelsLast) { target in
      if kernel.operands.readsBits {
        let words = BitImage.packed(input, groups: groups)
        prepared.run(images: 2, input: words.start!, output: target.baseAddress!)
      } else {
        input.withUnsafeFloats { prepared.run(images: 2, input: $0.baseAddress!, output: target.baseAddress!) }
      }
    }
    return result.withUnsafeFloats { $0.map(\.bitPattern) }
  }
}

private let cases: [Case] = {
  var cases: [Case] = []
  for columns in [1, 63, 64, 65, 200, 1000] { cases.append(Case(inputs: columns, outputs: 17)) }
  for inputs in [1, 3, 16, 17, 64, 100] {
    for outputs in [1, 3, 16, 17, 64, 100] where inputs * outputs <= 1700 {
      cases.append(Case(inputs: inputs, outputs: outputs, size: [3, 3], padding: [1, 1, 1, 1]))
    }
  }
  for inputs in [3, 64, 100] {
    cases += [
      Case(inputs: inputs, outputs: 20, size: [3, 3], strides: [2, 2], padding: [1, 1, 1, 1]),
      Case(inputs: inputs, outputs: 20, size: [3, 3], padding: [2, 2, 2, 2], dilations: [2, 2]),
      Case(inputs: inputs, outputs: 20, size: [3, 2], strides: [2, 1], padding: [0, 1, 2, 0], dilations: [1, 3]),
      Case(inputs: inputs, outputs: 20, size: [1, 1], strides: [2, 2]),
      Case(inputs: inputs, outputs: 9, size: [5, 7], padding: [4, 6, 4, 6], image: [2, 1]),
      Case(inputs: inputs, outputs: 9, size: [2, 2], padding: [3, 3, 3, 3]),
      Case(inputs: inputs, outputs: inputs, size: [3, 3], padding: [1, 1, 1, 1], groups: inputs),
      Case(inputs: inputs * 2, outputs: 36, size: [3, 3], padding: [1, 1, 1, 1], groups: 2),
      Case(inputs: inputs * 4, outputs: 4, size: [3, 3], padding: [1, 0, 0, 2], dilations: [2, 1], groups: 4),
    ]
  }
  return cases
}()

@Suite struct KernelTests {
  @Test(arguments: [Kernel.Operands.floatFloat, .binaryFloat, .binaryBinary])
  func everyPathGivesTheBitsOfTheReference(operands: Kernel.Operands) {
    check(operands, cases) { $0.weight(operands, coded: nil) }
  }

  @Test(arguments: CodedTensors.names)
  func everyPathGivesTheBitsOfTheReference(coded name: String) {
    let isBinary = name.hasPrefix("codebook")
    // Every third convolution, another third for each alphabet: together they see all of them many times.
    let start = CodedTensors.names.firstIndex(of: name)! % 3
    let chosen = cases.enumerated().filter { $0.offset % 3 == start }.map(\.element)
    for operands: Kernel.Operands in isBinary ? [.binaryFloat, .binaryBinary] : [.codedFloat, .codedBinary] {
      check(operands, chosen) { $0.weight(operands, coded: name) }
    }
  }

  private func check(_ operands: Kernel.Operands, _ cases: [Case], weight: (Case) -> PackedWeight) {
    let reference = kernels.first { $0.operands == operands && $0.instructionSet == .reference }!
    for (index, item) in cases.enumerated() {
      let (weight, hasBias) = (weight(item), index % 2 == 0)
      let expected = item.output(weight, reference, hasBias: hasBias)
      for kernel in kernels where kernel.operands == operands && kernel.isAvailable {
        #expect(item.output(weight, kernel, hasBias: hasBias) == expected, "\(kernel.name): \(item)")
      }
    }
  }

  /// Over bits, symbols are counted: with one level for both sides that is what floats sum up to, to the bit.
  @Test(arguments: CodedTensors.names)
  func bitsCountWhatFloatsSum(coded name: String) {
    for item in cases where item.inputs <= 64 {
      let isBinary = name.hasPrefix("codebook")
      let weight = item.weight(.codedFloat, coded: name)
      let input = Tensor.random([1, item.inputs, item.image[0], item.image[1]], seed: 7, layout: .channelsLast)
        .map { $0 >= 0 ? 1 : -1 }
      let count = item.geometry.output.reduce(1, *)
      var (bits, floats) = ([Float](repeating: 0, count: count), [Float](repeating: 1, count: count))
      let set = InstructionSet.available.last!
      let words = BitImage.packed(input, groups: item.groups)
      PreparedConvolution(item.geometry, weight, bias: nil, kernel: .best(isBinary ? .binaryBinary : .codedBinary, set))
        .run(input: words.start!, output: &bits)
      let prepared = PreparedConvolution(
        item.geometry, weight, bias: nil, kernel: .best(isBinary ? .binaryFloat : .codedFloat, set))
      input.withUnsafeFloats { prepared.run(input: $0.baseAddress!, output: &floats) }
      guard name.hasSuffix("two sides") else {
        #expect(bits == floats, "\(item)")
        continue
      }
      #expect(zip(bits, floats).allSatisfy { abs($0 - $1) <= 1e-4 * max(1, abs($1)) }, "\(item)")
    }
  }

  /// Bits times bits is the float convolution of the same ±1 values, zeros around.
  @Test func bitsCountWhatFloatsSum() {
    for item in cases {
      let (geometry, set) = (item.geometry, InstructionSet.available.last!)
      let signs = Tensor.random(Shape([item.outputs, item.inputs / item.groups] + item.size), seed: 5)
      let levels = Tensor.random([item.outputs], seed: 6).scalars
      let weight = PackedWeight.binary(signs, levels: levels)
      let shape: Shape = [1, item.inputs, item.image[0], item.image[1]]
      let input = Tensor.random(shape, seed: 7, layout: .channelsLast).map { $0 >= 0 ? 1 : -1 }
      let count = geometry.output.reduce(1, *)
      var (bits, floats) = ([Float](repeating: 0, count: count), [Float](repeating: 1, count: count))
      let words = BitImage.packed(input, groups: item.groups)
      PreparedConvolution(geometry, weight, bias: nil, kernel: .best(.binaryBinary, set))
        .run(input: words.start!, output: &bits)
      let prepared = PreparedConvolution(geometry, weight, bias: nil, kernel: .best(.binaryFloat, set))
      input.withUnsafeFloats { prepared.run(input: $0.baseAddress!, output: &floats) }
      #expect(bits == floats, "\(item)")
    }
  }

  @Test func bitsArePackedAndUnpacked() {
    for channels in [1, 63, 64, 65, 130] {
      let tensor = Tensor.random([3, channels], seed: UInt64(channels)).map { $0 >= 0 ? 1 : -1 }
      #expect(BitImage(shape: tensor.shape, words: BitImage.packed(tensor)).tensor == tensor)
    }
  }

  @Test func everyInstructionSetHasAKernelForEveryPair() {
    for set in InstructionSet.available {
      for operands in Kernel.Operands.allCases {
        let kernel = Kernel.best(operands, set)
        #expect(kernel.operands == operands && kernel.isAvailable)
        #expect(set != .reference || kernel.instructionSet == .reference)
      }
    }
    #expect(Set(kernels.map(\.name)).count == kernels.count)
  }

  @Test func theEnvironmentChoosesTheInstructionSet() throws {
    #expect(try InstructionSet.chosen(environment: ["SIGNUM_ISA": "portable"]) == .portable)
    #expect(try InstructionSet.chosen(environment: [:]) == InstructionSet.available.last)
    #expect(throws: PackedRunnerError.unknownInstructionSet("sse9")) {
      try InstructionSet.chosen(environment: ["SIGNUM_ISA": "sse9"])
    }
  }
}

extension PackedWeight {
  /// The signs of a weight, rows in the order (y, x, channel).
  static func binary(_ latent: Tensor, levels: [Float]) -> PackedWeight {
    let shape = latent.shape.dimensions
    let columns = latent.count / shape[0]
    let (channels, taps) = (shape[1], columns / shape[1])
    let scalars = latent.scalars
    let symbols = (0..<latent.count).map { index -> Int8 in
      let (row, column) = index.quotientAndRemainder(dividingBy: columns)
      let (tap, channel) = column.quotientAndRemainder(dividingBy: channels)
      return scalars[row * columns + channel * taps + tap] >= 0 ? 1 : -1
    }
    return .binary(shape: shape, BitRows(rows: shape[0], columns: columns, symbols: symbols), levels: levels)
  }
}
