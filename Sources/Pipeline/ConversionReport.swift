import Foundation

/// What a conversion came to.
public struct ConversionReport: Codable, Hashable, Sendable {
  public struct Epoch: Codable, Hashable, Sendable {
    /// Mean over the epoch.
    public var loss: Float
    /// Share of right answers in training, from 0 to 1.
    public var top1: Float
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
  public var verification: VerificationReport

  /// The report as a table for a terminal.
  public var table: String {
    let rows = [
      ("float top-1", percent(verification.floatTop1)),
      ("frozen top-1", percent(verification.frozenTop1)),
      ("packed top-1", percent(verification.packedTop1)),
      ("float bytes", bytes(floatBytes)),
      (
        "packed bytes",
        bytes(packedBytes) + String(format: " (%.1f x smaller)", Double(floatBytes) / Double(max(packedBytes, 1)))
      ),
      ("largest difference", String(format: "%.1e of the largest output", verification.outputDifference)),
      ("same class", "\(verification.sameClass) of \(verification.images) images"),
      ("verdict", verification.verdict),
    ]
    return rows.map { $0.0.padding(toLength: 20, withPad: " ", startingAt: 0) + $0.1 }.joined(separator: "\n")
      + "\n" + "file".padding(toLength: 20, withPad: " ", startingAt: 0) + output
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
      let tolerance = layer.tolerance == 0 ? "exact" : String(format: "%.1e", layer.tolerance * layer.largestMagnitude)
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
