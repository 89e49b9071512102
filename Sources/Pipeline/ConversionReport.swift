import Foundation

/// What a conversion came to.
public struct ConversionReport: Codable, Hashable, Sendable {
  public struct Epoch: Codable, Hashable, Sendable {
    /// Mean over the epoch.
    public var loss: Float
    /// Share of right answers in training, from 0 to 1.
    public var top1: Float
    /// On the images set aside; nil without labels or without such images.
    public var validationTop1: Float?
  }
  /// Where training stood when it was resumed.
  public struct Resumed: Codable, Hashable, Sendable {
    /// Whole epochs that were done.
    public var epochs: Int
    /// Steps that were done of the next one.
    public var steps: Int
  }
  public var model: String
  /// Where the packed file lies; with `.unverified` at the end where verification failed.
  public var output: String
  public var method: String
  public var layersCoded: Int
  public var floatBytes: Int
  public var packedBytes: Int
  public var recalibrated: Bool
  /// The images that the accuracies are of.
  public var evaluatedOn: String
  public var history: [Epoch]
  /// Layers that fell silent in training, a sentence each.
  public var warnings: [String]
  /// Threads of training.
  public var threads: Int
  /// Nil where training began at its beginning.
  public var resumed: Resumed?
  /// The checkpoint that is left; nil where none is.
  public var checkpoint: String?
  public var verification: VerificationReport
  /// Every layer with weights, in order.
  public var layers: [LayerReport]

  /// The report as a table for a terminal.
  public var table: String {
    let rows = [
      ("float top-1", percent(verification.floatTop1)),
      ("frozen top-1", percent(verification.frozenTop1)),
      ("packed top-1", percent(verification.packedTop1)),
      ("float bytes", bytes(floatBytes)),
      (
        "packed bytes",
        bytes(packedBytes) + sizeChange(from: floatBytes, to: packedBytes)
      ),
      ("largest difference", String(format: "%.1e of the largest output", verification.outputDifference)),
      ("same class", "\(verification.sameClass) of \(verification.images) images"),
      ("verdict", verification.verdict), ("file", output),
    ]
    let left = checkpoint.map { [("checkpoint", $0)] } ?? []
    return (rows + left).map { $0.0.padding(toLength: 20, withPad: " ", startingAt: 0) + $0.1 }
      .joined(separator: "\n")
  }
}

extension VerificationReport {
  public var verdict: String {
    if passes {
      return reference == .trained
        ? "verified: the bits compute what was trained" : "verified: the kernels compute what the file says"
    }
    guard let layer = firstDifference else { return "FAILED: the outputs differ" }
    return "FAILED: the first layer that differs is '\(layer)'"
  }

  /// A line a layer: name, kind, difference, tolerance.
  public var layerTable: String {
    let width = max(8, layers.map(\.name.count).max() ?? 0)
    let header =
      "layer".padding(toLength: width, withPad: " ", startingAt: 0) + "  kind                 difference  tolerance"
    let lines = layers.map { layer in
      let name = layer.name.padding(toLength: width, withPad: " ", startingAt: 0)
      let kind = layer.kind.padding(toLength: 20, withPad: " ", startingAt: 0)
      let tolerance = layer.tolerance == 0 ? "exact" : String(format: "%.1e", layer.tolerance)
      return "\(name)  \(kind) \(String(format: "%10.1e", layer.largestDifference))  \(tolerance)"
        + (layer.passes ? "" : "  DIFFERS")
    }
    return ([header] + lines).joined(separator: "\n")
  }

  public var summary: String {
    let rows = [
      ("float top-1", percent(floatTop1)), ("frozen top-1", percent(frozenTop1)), ("packed top-1", percent(packedTop1)),
      ("largest difference", String(format: "%.1e of the largest output", outputDifference)),
      ("same class", "\(sameClass) of \(images) images"), ("verdict", verdict),
    ]
    return rows.map { $0.0.padding(toLength: 20, withPad: " ", startingAt: 0) + $0.1 }.joined(separator: "\n")
  }
}

func percent(_ share: Float?) -> String { share.map { String(format: "%.2f %%", $0 * 100) } ?? "unknown: no labels" }
func bytes(_ count: Int) -> String { "\(count)" }
