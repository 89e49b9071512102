import Compute
import Graphs
import Tensors

/// What training makes small: cross-entropy against the labels, and the difference to a teacher's answers.
///
///     L = (1 − d) · CE(softmax z, t) + d · T² · KL(softmax(z' / T) ‖ softmax(z / T))
///     t = (1 − s) · (m · label + (1 − m) · partner) + s / classes
///
/// with the student's logits z, the teacher's z', the share of distillation d, the temperature T, the label smoothing s
/// and, for an image that was mixed, the share m of its own label. Without labels, or without a teacher, the other part
/// counts alone. Mean over the batch.
///
/// Hinton et al., Distilling the Knowledge in a Neural Network, 2015, https://arxiv.org/abs/1503.02531; Zhang et al.,
/// mixup, 2018, https://arxiv.org/abs/1710.09412
package struct Objective: Sendable {
  package var distillation: Float
  package var temperature: Float
  /// The share of each label that is spread evenly over all classes, from 0 to below 1.
  package var smoothing: Float

  package init(distillation: Float, temperature: Float, smoothing: Float = 0) {
    self.distillation = distillation
    self.temperature = temperature
    self.smoothing = smoothing
  }

  package struct Value: Sendable {
    package var loss: Float
    /// For the logits.
    package var gradient: Tensor
    /// How many images are seen right: as labelled or, without labels, as the teacher sees them. A mixed image counts
    /// as what most of it shows.
    package var correct: Int
  }

  /// - Parameters:
  ///   - partners: the labels of the images that were mixed in.
  ///   - share: the share of its own label in a mixed image.
  /// - Precondition: logits `[batch, classes]`; labels below `classes`; labels or a teacher.
  package func callAsFunction(
    _ logits: Tensor, teacher: Tensor?, labels: [Int32]?, partners: [Int32]? = nil, share: Float = 1
  ) -> Value {
    precondition(teacher != nil || labels != nil, "something must say what is right")
    var wanted = Wanted(teacher: teacher, labels: labels)
    wanted.partners = labels == nil ? nil : partners
    wanted.labelShare = share
    wanted.teacherShare = teacher == nil ? 0 : labels == nil ? 1 : distillation
    (wanted.temperature, wanted.smoothing) = (temperature, smoothing)
    let (loss, gradient) = logits.loss(against: wanted)
    let shown = partners != nil && share < 0.5 ? partners : labels
    let right = shown.map { $0.map(Int.init) } ?? teacher!.largestColumns
    return Value(
      loss: Float(loss), gradient: gradient, correct: zip(logits.largestColumns, right).count { $0 == $1 })
  }
}

extension Graph {
  /// The node whose value a loss is taken of: the output, or what a softmax at the end reads.
  package var logits: Node.ID {
    let output = self[outputs[0]]
    return output.operation is Softmax ? output.inputs[0] : output.id
  }
}
