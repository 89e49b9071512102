import Tensors

/// A network of bits, ready to run: read it from a packed file, give it floats, get floats.
///
///     let model = try SignumModel(contentsOf: "digits.signum")
///     let scores = try model.run(pixels, batch: 1)
///
/// It needs nothing but the file: no framework, no configuration. A file that was cut off, damaged or tampered with is
/// refused with an error whose `description` says where and why. The results are the same bits on every processor with
/// the same C library, on any number of threads. Set `SIGNUM_THREADS` to use fewer threads than there are processors.
public struct SignumModel: Sendable {
  private let runner: PackedRunner

  /// Reads a packed file and makes it ready to run.
  ///
  /// Throws an error that describes itself, place first: `digits.signum: layer 'conv2': …`.
  /// Complexity: O(bytes of the file).
  public init(contentsOf path: String) throws {
    runner = try PackedRunner(PackedFile.read(path))
  }

  /// What one item of the input looks like: `[channels, height, width]` or `[features]`.
  public var inputShape: [Int] { runner.model.input.shape }

  /// What one item of the output looks like: `[classes]` for a classifier.
  public var outputShape: [Int] { runner.shapes.values.last ?? [] }

  /// One line for each layer: its name, its kind, the shape of its value and the bits of its weight.
  public var summary: String {
    let lines = runner.model.layers.enumerated().map { index, layer in
      let shape = runner.shapes.values[index + 1].map(String.init).joined(separator: "×")
      return "\(layer.name): \(layer.kind.name), \(shape)" + layer.kind.weightSummary
    }
    return lines.joined(separator: "\n")
  }

  /// Bytes from 0 to 255, `[batch, channels, height, width]`, as the floats that the network expects.
  ///
  ///     x[c] = (byte[c] · scale − mean[c]) / deviation[c]
  ///
  /// Without a normalisation in the file, the bytes are taken as they are.
  public func normalized(_ bytes: [UInt8]) -> [Float] {
    guard let normalization = runner.model.input.normalization else { return bytes.map(Float.init) }
    let channels = inputShape[0]
    let inner = inputShape.dropFirst().reduce(1, *)
    return bytes.enumerated().map { index, byte in
      let channel = index / inner % channels
      let mean = normalization.mean[normalization.mean.count == 1 ? 0 : channel]
      let deviation = normalization.deviation[normalization.deviation.count == 1 ? 0 : channel]
      return (Float(byte) * normalization.scale - mean) / deviation
    }
  }

  /// The outputs for a batch of inputs, one item after the other, row-major.
  ///
  /// `input` has `batch` times as many numbers as `inputShape` has elements, in the order
  /// `[batch, channels, height, width]`. Throws where it has more or fewer.
  public func run(_ input: [Float], batch: Int) throws -> [Float] {
    let perItem = inputShape.reduce(1, *)
    let (expected, overflow) = perItem.multipliedReportingOverflow(by: batch)
    guard batch >= 0, !overflow, input.count == expected else {
      throw PackedRunnerError.wrongInputCount(found: input.count, batch: batch, perItem: perItem)
    }
    return try runner.run(Tensor(Shape([batch] + inputShape), scalars: input)).scalars
  }
}

extension PackedLayer.Kind {
  fileprivate var weightSummary: String {
    switch self {
    case .convolution(_, _, _, let weight, _), .dense(let weight, _):
      switch weight {
      case .float(let tensor): ", \(tensor.count) floats"
      case .binary(_, let bits, _): ", \(bits.rows * bits.columns) bits"
      case .coded(let weight):
        ", \(weight.shape.reduce(1, *)) weights, \(PackedWeight.coded(weight).words)"
      }
    default: ""
    }
  }
}
