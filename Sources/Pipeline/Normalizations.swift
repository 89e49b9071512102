import Datasets
import Foundation
import Graphs
import Methods
import Tensors
import Training

/// The ways in which networks expect the bytes of an image, by name.
package enum Normalizations {
  /// In the order in which they are tried; the first of equals wins.
  package static let known: [(name: String, value: Normalization)] = [
    ("unit", Normalization(scale: 1 / 255)),
    ("none", Normalization(scale: 1)),
    ("symmetric", Normalization(scale: 1 / 255, mean: [0.5], deviation: [0.5])),
    ("imagenet", Normalization(scale: 1 / 255, mean: [0.485, 0.456, 0.406], deviation: [0.229, 0.224, 0.225])),
    ("cifar10", Normalization(scale: 1 / 255, mean: [0.4914, 0.4822, 0.4465], deviation: [0.2470, 0.2435, 0.2616])),
    ("mnist", Normalization(scale: 1 / 255, mean: [0.1307], deviation: [0.3081])),
    ("fashion-mnist", Normalization(scale: 1 / 255, mean: [0.2860], deviation: [0.3530])),
  ]

  /// A known normalisation, or one written `scale:mean,…:deviation,…`; nil for anything else.
  package static func named(_ text: String) -> Normalization? {
    if let found = known.first(where: { $0.name == text }) { return found.value }
    let parts = text.split(separator: ":", omittingEmptySubsequences: false).map { part in
      part.split(separator: ",", omittingEmptySubsequences: false).map { Float($0) }
    }
    guard parts.count == 3, parts[0].count == 1, parts.allSatisfy({ $0.allSatisfy { $0?.isFinite ?? false } }),
      parts[2].allSatisfy({ $0 != 0 })
    else { return nil }
    return Normalization(scale: parts[0][0]!, mean: parts[1].map { $0! }, deviation: parts[2].map { $0! })
  }

  /// Throws `InputError` where a normalisation has numbers for other channels than the images have.
  static func check(_ value: Normalization, _ name: String, fits data: any Dataset) throws {
    let channels = data.imageShape.rank == 0 ? 1 : data.imageShape[0]
    for count in [value.mean.count, value.deviation.count] where count != 1 && count != channels {
      throw InputError([
        "normalization '\(name)': is for \(count) channels, but the images of \(data.name) have \(channels)"
      ])
    }
  }

  package static func explanation(_ text: String) -> String {
    "there is no normalization '\(text)'" + suggestion(for: text, among: ["auto"] + known.map(\.name))
      + "; or write scale:mean,…:deviation,…"
  }

  /// How many images a choice is made on.
  static let sampleSize = 512
  /// On fewer a choice may be wrong.
  static let fewImages = 100

  /// The known normalisation with which the network answers best, by its mean cross-entropy on the first images.
  ///
  /// A file says nothing of what its network expects; the network itself does. Nil without labels.
  ///
  /// - Parameter others: which are tried too; a known one that answers as well comes before them.
  package static func detect(
    for graph: Graph, on data: any Dataset, images: Int = sampleSize,
    beside others: [(name: String, value: Normalization)] = []
  ) -> (name: String, value: Normalization)? {
    guard data.labels != nil else { return nil }
    let sample = data.first(images)
    let objective = Objective(distillation: 0, temperature: 1)
    let channels = data.imageShape.rank == 3 ? data.imageShape[0] : 1
    let losses = (known + others).filter { [1, channels].contains($0.value.mean.count) }.map { candidate in
      (candidate, graph.answers(on: sample, normalization: candidate.value, objective: objective).loss)
    }
    return losses.filter { $0.1.isFinite }.min { $0.1 < $1.1 }?.0
  }
}
