import Packed
import TestSupport
import Tensors

/// Small models that use every feature of the format between them.
let goldenModels: [(name: String, model: PackedModel)] = [
  ("convolution-float", convolutionFloat), ("convolution-binary", convolutionBinary),
  ("bits-and-thresholds", bitsAndThresholds), ("dense", dense), ("pools", pools), ("arranging", arranging),
  ("residual", residual), ("features", features), ("ternary", ternary), ("few-bits", fewBits),
  ("codebooks", codebooks), ("exponents", exponents), ("activations", activations),
]

private func model(
  _ shape: [Int], normalization: Normalization? = nil, _ layers: [PackedLayer]
) -> PackedModel {
  let provenance = PackedModel.Provenance(
    source: "net \"ä\".onnx", sourceHash: String(repeating: "0f", count: 32), recipe: #"{"method":"bnn"}"#, seed: 7,
    tool: "signum 1")
  let input = PackedModel.Input(name: "image", shape: shape, normalization: normalization)
  return PackedModel(input: input, layers: layers, provenance: provenance)
}

private func floats(_ shape: [Int], _ seed: UInt64) -> PackedWeight { .float(.random(Shape(shape), seed: seed)) }

private func binary(_ shape: [Int], _ seed: UInt64, levels: [Float]? = nil) -> PackedWeight {
  let found = Tensor.random([shape[0]], seed: seed + 100).map(abs).scalars
  return .binary(.random(Shape(shape), seed: seed), levels: levels ?? found)
}

private func numbers(_ count: Int, _ seed: UInt64) -> [Float] { Tensor.random([count], seed: seed).scalars }

private let convolutionFloat = model(
  [2, 5, 4], normalization: Normalization(scale: 1 / 255, mean: [0.5, 0.25], deviation: [0.1, 2]),
  [
    PackedLayer(
      name: "conv1",
      kind: .convolution(
        Window(size: [3, 2], strides: [2, 1], padding: [1, 0, 1, 1]), dilations: [1, 1], groups: 1,
        floats([3, 2, 3, 2], 1), bias: numbers(3, 2)), inputs: [0]),
    PackedLayer(
      name: "conv2",
      kind: .convolution(Window(size: [1, 1]), dilations: [1, 1], groups: 1, floats([2, 3, 1, 1], 3), bias: nil),
      inputs: [1]),
  ])

private let convolutionBinary = model(
  [4, 6, 6],
  [
    PackedLayer(
      name: "conv1",
      kind: .convolution(
        Window(size: [3, 3], padding: [2, 2, 2, 2]), dilations: [2, 2], groups: 2, binary([6, 2, 3, 3], 4),
        bias: numbers(6, 5)), inputs: [0]),
    PackedLayer(
      name: "conv2",
      kind: .convolution(
        Window(size: [3, 3], strides: [2, 2]), dilations: [1, 1], groups: 1, binary([17, 6, 3, 3], 6), bias: nil),
      inputs: [1]),
  ])

private let bitsAndThresholds = model(
  [3, 6, 6],
  [
    PackedLayer(name: "sign", kind: .sign, inputs: [0]),
    PackedLayer(
      name: "conv1",
      kind: .convolution(
        Window(size: [3, 3], padding: [1, 1, 1, 1]), dilations: [1, 1], groups: 1,
        binary([70, 3, 3, 3], 7, levels: [Float](repeating: 1, count: 70)), bias: nil), inputs: [1]),
    PackedLayer(
      name: "threshold",
      kind: .threshold((0..<70).map { Int32($0 % 9) - 4 }, flipped: (0..<70).map { $0 % 3 == 1 }), inputs: [2]),
    PackedLayer(name: "pool", kind: .maxPool(Window(size: [2, 2], strides: [2, 2])), inputs: [3]),
    PackedLayer(
      name: "conv2",
      kind: .convolution(
        Window(size: [3, 3], padding: [1, 1, 1, 1]), dilations: [1, 1], groups: 2, binary([4, 35, 3, 3], 8), bias: nil),
      inputs: [4]),
    PackedLayer(
      name: "threshold2", kind: .threshold([0, 1, 2, .max], flipped: [Bool](repeating: false, count: 4)), inputs: [5]),
  ])

private let dense = model(
  [2, 3, 3],
  [
    PackedLayer(name: "global", kind: .globalAveragePool, inputs: [0]),
    PackedLayer(name: "sign", kind: .sign, inputs: [1]),
    PackedLayer(name: "flat", kind: .reshape([2]), inputs: [2]),
    PackedLayer(name: "bits", kind: .dense(binary([5, 2], 9), bias: numbers(5, 10)), inputs: [3]),
    PackedLayer(name: "relu", kind: .relu, inputs: [4]),
    PackedLayer(name: "flat2", kind: .reshape([18]), inputs: [0]),
    PackedLayer(name: "floats", kind: .dense(floats([5, 18], 11), bias: nil), inputs: [6]),
    PackedLayer(name: "sum", kind: .add, inputs: [5, 7]),
    PackedLayer(name: "softmax", kind: .softmax(axis: 1), inputs: [8]),
  ])

private let pools = model(
  [3, 5, 5],
  [
    PackedLayer(
      name: "max", kind: .maxPool(Window(size: [3, 3], strides: [2, 2], padding: [1, 1, 1, 1])), inputs: [0]),
    PackedLayer(
      name: "average", kind: .averagePool(Window(size: [2, 2], padding: [1, 0, 0, 1]), countsPadding: false),
      inputs: [1]),
    PackedLayer(
      name: "average2", kind: .averagePool(Window(size: [2, 2], padding: [1, 1, 0, 0]), countsPadding: true),
      inputs: [2]),
    PackedLayer(name: "global", kind: .globalAveragePool, inputs: [3]),
  ])

private let arranging = model(
  [4, 3, 2],
  [
    PackedLayer(name: "pad", kind: .pad(before: [1, 0, 2], after: [0, 1, 0], value: -0.5), inputs: [0]),
    PackedLayer(name: "slice", kind: .slice(starts: [3, 0, 1], steps: [-1, 2, 1], counts: [4, 2, 3]), inputs: [1]),
    PackedLayer(name: "transpose", kind: .transpose([2, 3, 1]), inputs: [2]),
    PackedLayer(name: "concat", kind: .concat(axis: 1), inputs: [3, 3]),
    PackedLayer(name: "split", kind: .reshape([2, 2, 3, 4]), inputs: [4]),
    PackedLayer(name: "swap", kind: .transpose([2, 1, 3, 4]), inputs: [5]),
    PackedLayer(name: "join", kind: .reshape([4, 3, 4]), inputs: [6]),
    PackedLayer(name: "clip", kind: .clip(minimum: -0.25, maximum: .infinity), inputs: [7]),
    PackedLayer(name: "mean", kind: .globalAveragePool, inputs: [8]),
    PackedLayer(name: "add", kind: .add, inputs: [8, 9]),
    PackedLayer(name: "rows", kind: .dense(binary([3, 4], 12), bias: nil), inputs: [10]),
    PackedLayer(name: "softmax", kind: .softmax(axis: 2), inputs: [11]),
  ])

private let residual = model(
  [3, 4, 4],
  [
    PackedLayer(name: "affine", kind: .affine(scale: numbers(3, 13), shift: numbers(3, 14), relu: false), inputs: [0]),
    PackedLayer(
      name: "affine2", kind: .affine(scale: numbers(3, 15), shift: numbers(3, 16), relu: true), inputs: [1, 0]),
    PackedLayer(name: "tokens", kind: .reshape([6, 8]), inputs: [2]),
    PackedLayer(name: "affine3", kind: .affine(scale: numbers(6, 17), shift: numbers(6, 18), relu: false), inputs: [3]),
    PackedLayer(name: "dense", kind: .dense(floats([2, 8], 19), bias: numbers(2, 20)), inputs: [4]),
  ])

private let features = model(
  [70],
  [
    PackedLayer(name: "sign", kind: .sign, inputs: [0]),
    PackedLayer(
      name: "dense", kind: .dense(binary([33, 70], 21, levels: [Float](repeating: 1, count: 33)), bias: nil),
      inputs: [1]),
    PackedLayer(
      name: "threshold", kind: .threshold([Int32](repeating: 2, count: 33), flipped: (0..<33).map { $0 == 32 }),
      inputs: [2]),
    PackedLayer(name: "dense2", kind: .dense(binary([4, 33], 22), bias: nil), inputs: [3]),
    PackedLayer(name: "affine", kind: .affine(scale: numbers(4, 23), shift: numbers(4, 24), relu: true), inputs: [4]),
  ])

private func coded(
  _ name: String, _ shape: [Int], _ seed: UInt64, ternary: SymbolRows.Storage = .trits
) -> PackedWeight {
  PackedWeight(CodedTensors.named(name, Shape(shape), seed: seed), ternary: ternary)
}

private func convolution(
  _ name: String, _ weight: PackedWeight, padding: Int = 1, groups: Int = 1, bias: [Float]? = nil, in input: Int
) -> PackedLayer {
  let window = Window(size: Array(weight.shape[2...]), padding: [Int](repeating: padding, count: 4))
  return PackedLayer(
    name: name, kind: .convolution(window, dilations: [1, 1], groups: groups, weight, bias: bias), inputs: [input])
}

/// Five trits a byte and two bits a weight; one level, a level a channel, exponents, two sides; floats and bits.
private let ternary = model(
  [3, 5, 4],
  [
    convolution("trits", coded("ternary, one level", [6, 3, 3, 3], 30), bias: numbers(6, 31), in: 0),
    convolution("sides", coded("ternary, two sides", [18, 3, 3, 2], 32), groups: 2, in: 1),
    convolution("two-bits", coded("ternary", [4, 18, 1, 1], 33, ternary: .fields(bits: 2)), padding: 0, in: 2),
    PackedLayer(name: "sign", kind: .sign, inputs: [3]),
    convolution("bits", coded("ternary, two sides", [6, 4, 3, 3], 34), in: 4),
    PackedLayer(name: "sign2", kind: .sign, inputs: [5]),
    convolution("bits2", coded("ternary, exponents", [3, 2, 2, 3], 35), groups: 3, in: 6),
  ])

private let fewBits = model(
  [4, 4, 5],
  [
    convolution("two", coded("uniform 2", [5, 4, 3, 3], 36), in: 0),
    convolution("three", coded("uniform 3, one level", [18, 5, 1, 1], 37), padding: 0, bias: numbers(18, 38), in: 1),
    convolution("five", coded("symmetric 5, one level", [4, 9, 3, 3], 39), groups: 2, in: 2),
    PackedLayer(name: "sign", kind: .sign, inputs: [3]),
    convolution("eight", coded("uniform 8", [5, 4, 3, 3], 40), in: 4),
    PackedLayer(name: "sign2", kind: .sign, inputs: [5]),
    convolution("symmetric", coded("symmetric 2", [2, 5, 2, 2], 41), bias: numbers(2, 42), in: 6),
    PackedLayer(name: "rows", kind: .dense(coded("symmetric 8", [3, 6], 43), bias: nil), inputs: [7]),
  ])

private let codebooks = model(
  [4, 5, 5],
  [
    convolution("nines", coded("codebook 4, exponents", [5, 4, 3, 3], 44), bias: numbers(5, 45), in: 0),
    PackedLayer(name: "sign", kind: .sign, inputs: [1]),
    convolution("runs", coded("codebook 1", [20, 5, 1, 1], 46), padding: 0, in: 2),
    PackedLayer(name: "mean", kind: .globalAveragePool, inputs: [3]),
    PackedLayer(name: "flat", kind: .reshape([20]), inputs: [4]),
    PackedLayer(name: "dense", kind: .dense(coded("codebook 6, one level", [3, 20], 47), bias: nil), inputs: [5]),
  ])

/// Levels that are powers of two, kept as whole exponents.
private let exponents = model(
  [3, 3, 3],
  [
    convolution("shifts", binary([5, 3, 3, 3], 48, levels: [0.25, 1, 0x1p-20, 16, 8]), in: 0),
    convolution("one", binary([1, 5, 1, 1], 49, levels: [0.5]), padding: 0, in: 1),
  ])

private let activations = model(
  [3, 3, 4],
  [
    PackedLayer(name: "leak", kind: .leak(slopes: numbers(3, 50)), inputs: [0]),
    PackedLayer(name: "quantize", kind: .quantize(step: 0.1, minimum: -4, maximum: 3), inputs: [1]),
    PackedLayer(name: "flat", kind: .reshape([6, 6]), inputs: [2]),
    PackedLayer(name: "leak2", kind: .leak(slopes: numbers(6, 51)), inputs: [3]),
    PackedLayer(name: "leak3", kind: .leak(slopes: [0.25]), inputs: [4]),
    PackedLayer(name: "quantize2", kind: .quantize(step: 0.0625, minimum: 0, maximum: 15), inputs: [5]),
  ])
