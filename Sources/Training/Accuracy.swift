import Datasets
import Graphs
import Tensors

/// What a network answers on a dataset.
package struct Answers: Sendable {
  /// The class of the largest output for each image.
  package var classes: [Int]
  /// Mean of the objective, where one was asked for.
  package var loss: Float

  package init(classes: [Int], loss: Float = 0) {
    self.classes = classes
    self.loss = loss
  }

  /// The share of answers that equal the labels, from 0 to 1.
  package func top1(_ labels: [Int32]) -> Float {
    guard !classes.isEmpty else { return 0 }
    return Float(zip(classes, labels).count { $0 == Int($1) }) / Float(classes.count)
  }
}

extension Graph {
  /// Runs the network over a dataset in order.
  package func answers(
    on data: any Dataset, normalization: Normalization?, batch: Int = 250, constants: [Node.ID: Tensor] = [:],
    objective: Objective? = nil, teacher: Graph? = nil, at moment: Moment = .inference
  ) -> Answers {
    var answers = Answers(classes: [])
    let logits = logits
    for part in BatchLoader(data, batches: data.orderedBatches(of: batch), normalization: normalization) {
      let trace = run(values(for: part.images), at: moment, keeping: .only([logits]), constants: constants)
      let rows = trace[logits].flattenedToRows()
      answers.classes += rows.largestColumns
      if let objective {
        let wanted = teacher.map { teacher in
          let values = teacher.values(for: part.images)
          return teacher.run(values, keeping: .only([teacher.logits]))[teacher.logits].flattenedToRows()
        }
        answers.loss += objective(rows, teacher: wanted, labels: part.labels).loss * Float(part.images.shape[0])
      }
    }
    answers.loss /= Float(max(data.count, 1))
    return answers
  }
}

extension Tensor {
  /// `[batch, everything else]`.
  package func flattenedToRows() -> Tensor { reshaped([shape[0], shape[0] == 0 ? 0 : count / shape[0]]) }
}

extension Graph {
  /// Images as the input of this network wants them: as they are, or in a row for a network of dense layers.
  package func values(for images: Tensor) -> [String: Tensor] {
    let input = inputs[0]
    let wanted = input.shape.withBatch(images.shape[0])
    return [input.name: images.shape == wanted ? images : images.reshaped(wanted)]
  }
}
