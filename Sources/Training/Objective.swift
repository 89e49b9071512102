import Foundation
import Graphs
import Tensors

/// What training makes small: cross-entropy against the labels, and the difference to a teacher's answers.
///
///     L = (1 − d) · CE(softmax z, label) + d · T² · KL(softmax(z' / T) ‖ softmax(z / T))
///
/// with the student's logits z, the teacher's z', the share of distillation d and the temperature T. Without labels, or
/// without a teacher, the other part counts alone. Mean over the batch.
///
/// Hinton et al., Distilling the Knowledge in a Neural Network, 2015, https://arxiv.org/abs/1503.02531
package struct Objective: Sendable {
  package var distillation: Float
  package var temperature: Float

  package init(distillation: Float, temperature: Float) {
    self.distillation = distillation
    self.temperature = temperature
  }

  package struct Value: Sendable {
    package var loss: Float
    /// For the logits.
    package var gradient: Tensor
    /// How many images are seen right: as labelled or, without labels, as the teacher sees them.
    package var correct: Int
  }

  /// - Precondition: logits `[batch, classes]`; labels below `classes`; labels or a teacher.
  package func callAsFunction(_ logits: Tensor, teacher: Tensor?, labels: [Int32]?) -> Value {
    precondition(teacher != nil || labels != nil, "something must say what is right")
    let (batch, classes) = (logits.shape[0], logits.shape[1])
    let share = teacher == nil ? 0 : labels == nil ? 1 : distillation
    let (z, wanted) = (logits.scalars, teacher?.scalars)
    var gradient = [Float](repeating: 0, count: z.count)
    var loss: Double = 0
    for row in 0..<batch {
      let span = row * classes..<(row + 1) * classes
      if let labels, share < 1 {
        let logProbabilities = Self.logSoftmax(z[span], 1)
        let label = Int(labels[row])
        loss -= Double((1 - share) * logProbabilities[label])
        for i in 0..<classes {
          gradient[span.lowerBound + i] += (1 - share) * (exp(logProbabilities[i]) - (i == label ? 1 : 0))
        }
      }
      if let wanted, share > 0 {
        let (mine, his) = (Self.logSoftmax(z[span], temperature), Self.logSoftmax(wanted[span], temperature))
        for i in 0..<classes {
          let probability = exp(his[i])
          loss += Double(share * temperature * temperature * probability * (his[i] - mine[i]))
          gradient[span.lowerBound + i] += share * temperature * (exp(mine[i]) - probability)
        }
      }
    }
    let right = labels.map { $0.map(Int.init) } ?? teacher!.largestColumns
    return Value(
      loss: Float(loss / Double(batch)), gradient: Tensor(logits.shape, scalars: gradient.map { $0 / Float(batch) }),
      correct: zip(logits.largestColumns, right).count { $0 == $1 })
  }

  private static func logSoftmax(_ z: ArraySlice<Float>, _ temperature: Float) -> [Float] {
    let scaled = z.map { $0 / temperature }
    let largest = scaled.reduce(-Float.infinity, max)
    let sum = scaled.reduce(Float(0)) { $0 + exp($1 - largest) }
    return scaled.map { $0 - largest - log(sum) }
  }
}

extension Graph {
  /// The node whose value a loss is taken of: the output, or what a softmax at the end reads.
  package var logits: Node.ID {
    let output = self[outputs[0]]
    return output.operation is Softmax ? output.inputs[0] : output.id
  }
}
