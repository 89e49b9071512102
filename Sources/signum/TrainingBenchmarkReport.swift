import Foundation
import Training

/// What 'signum benchmark training' found, as JSON and as text.
struct TrainingBenchmarkReport: Encodable {
  struct Result: Encodable {
    var network: String
    var method: String
    var batch: Int
    var bestImagesPerSecond: Double
    var medianImagesPerSecond: Double
    /// Of a step, all threads together.
    var medianProcessorSeconds: Double
    /// Of one image: forward, and backward for weights and activations.
    var multiplyAddsPerImage: Int
    /// Of the median step, from 0 to 1.
    var shareOfPeak: Double
    var peakMemoryBytes: Int
    var breakdown: StepTiming.Breakdown

    init(network: String, method: String, _ timing: StepTiming, multiplyAdds: Int, peak: Double) {
      self.network = network
      self.method = method
      batch = timing.batch
      bestImagesPerSecond = timing.bestImagesPerSecond
      medianImagesPerSecond = timing.medianImagesPerSecond
      medianProcessorSeconds = timing.medianProcessorSeconds
      multiplyAddsPerImage = multiplyAdds
      shareOfPeak = timing.medianImagesPerSecond * Double(multiplyAdds) / peak
      peakMemoryBytes = timing.peakMemory
      breakdown = timing.breakdown
    }

    var text: String {
      var lines = [
        "",
        "\(network), \(method): \(Self.rounded(bestImagesPerSecond)) images/s at best, "
          + "\(Self.rounded(medianImagesPerSecond)) in the median of steps of \(batch)",
        String(format: "  %.0f %% of the peak", shareOfPeak * 100)
          + String(format: ", %.1f million multiply-adds an image", Double(multiplyAddsPerImage) / 1e6)
          + String(format: ", %.0f MB resident at most", Double(peakMemoryBytes) / 1e6),
        String(format: "  %.1f ms of processor time a step", medianProcessorSeconds * 1e3),
        "  milliseconds a step        forward  backward",
      ]
      for operation in breakdown.operations where operation.forward + operation.backward >= 0.005 {
        let name = "\(operation.name) (\(operation.nodes))".padding(toLength: 22, withPad: " ", startingAt: 0)
        lines.append("    \(name) \(Self.column(operation.forward)) \(Self.column(operation.backward))")
      }
      lines.append("    loss                   \(Self.column(breakdown.loss))")
      lines.append("    optimizer                        \(Self.column(breakdown.optimizer))")
      return lines.joined(separator: "\n")
    }

    private static func rounded(_ number: Double) -> String { String(format: "%.0f", number) }
    private static func column(_ milliseconds: Double) -> String { String(format: "%9.2f", milliseconds) }
  }

  var version: String
  var threads: Int
  var peakMultiplyAddsPerSecond: Double
  var steps: Int
  /// The most that was resident before the first network was made.
  var memoryBeforeBytes: Int
  var results: [Result] = []

  var heading: String {
    "\(threads) \(threads == 1 ? "thread" : "threads"), "
      + String(format: "%.1f", peakMultiplyAddsPerSecond / 1e9) + " thousand million multiply-adds/s at most, "
      + "\(steps) steps"
  }
}
