import CCompute
import Tensors

/// What a classifier's answers are compared with, and how the parts are weighed.
package struct Wanted: Sendable {
  /// A teacher's logits `[batch, classes]`.
  package var teacher: Tensor?
  /// One an image.
  package var labels: [Int32]?
  /// The labels of images that were mixed in.
  package var partners: [Int32]?
  /// The share of an image's own label where it was mixed, from 0 to 1.
  package var labelShare: Float = 1
  /// The share of the teacher in the loss, from 0 to 1.
  package var teacherShare: Float = 0
  package var temperature: Float = 1
  /// The share of each label that is spread evenly over all classes.
  package var smoothing: Float = 0

  package init(teacher: Tensor?, labels: [Int32]?) {
    self.teacher = teacher
    self.labels = labels
  }
}

extension Tensor {
  /// The mean loss of these logits `[batch, classes]`, and its gradient for them. Complexity: O(batch · classes).
  ///
  /// - Precondition: the labels are from 0 to `classes` − 1, one an image.
  package func loss(against wanted: Wanted) -> (loss: Double, gradient: Tensor) {
    let (batch, classes) = (shape[0], shape[1])
    for labels in [wanted.labels, wanted.partners] {
      precondition(labels.map { $0.count == batch && $0.allSatisfy { 0 <= $0 && $0 < classes } } ?? true)
    }
    precondition(wanted.teacher.map { $0.shape == shape } ?? true, "the teacher answers in another shape")
    let (logits, teacher) = (inLayout(.rowMajor), wanted.teacher?.inLayout(.rowMajor))
    var objective = cc_objective()
    (objective.batch, objective.classes) = (Int64(batch), Int64(classes))
    (objective.teacher_share, objective.label_share) = (wanted.teacherShare, wanted.labelShare)
    (objective.temperature, objective.smoothing) = (wanted.temperature, wanted.smoothing)
    var loss = 0.0
    let gradient = Tensor(shape) { gradient in
      logits.withUnsafeFloats { logits in
        withUnsafe(teacher) { teacher in
          withUnsafe(wanted.labels) { labels in
            withUnsafe(wanted.partners) { partners in
              (objective.logits, objective.teacher) = (logits.baseAddress, teacher)
              (objective.labels, objective.partners) = (labels, partners)
              loss = cc_objective_gradient(&objective, gradient.baseAddress)
            }
          }
        }
      }
    }
    return (loss, gradient)
  }

  private func withUnsafe(_ tensor: Tensor?, _ body: (UnsafePointer<Float>?) -> Void) {
    if let tensor { tensor.withUnsafeFloats { body($0.baseAddress) } } else { body(nil) }
  }

  private func withUnsafe(_ numbers: [Int32]?, _ body: (UnsafePointer<Int32>?) -> Void) {
    if let numbers { numbers.withUnsafeBufferPointer { body($0.baseAddress) } } else { body(nil) }
  }

  /// How far the values `[batch, channels, …]` of a layer point elsewhere than a teacher's, and the gradient for them.
  ///
  ///     L = 1 / batch · Σ over the images of ½ · ‖ a / ‖a‖ − b / ‖b‖ ‖²  =  mean of 1 − cos(a, b)
  ///
  /// where a and b are the values themselves or, with attention, their squares summed over the channels. An image
  /// without any value counts 0. Complexity: O(elements).
  ///
  /// - Parameter weight: what the gradient, but not the loss, is multiplied by.
  package func mismatch(to teacher: Tensor, attention: Bool, weight: Float) -> (loss: Double, gradient: Tensor) {
    precondition(shape == teacher.shape && shape.rank >= 2, "shapes \(shape) and \(teacher.shape) differ")
    let order: Layout = shape.rank == 4 ? .channelsLast : .rowMajor
    let (student, teacher) = (inLayout(order), teacher.inLayout(order))
    let batch = shape[0]
    let channels = shape.rank == 4 ? shape[1] : 1
    let pixels = count / max(batch * channels, 1)
    var loss = 0.0
    let gradient = Tensor(shape, layout: order) { gradient in
      student.withUnsafeFloats { student in
        teacher.withUnsafeFloats { teacher in
          loss = cc_match(
            Int64(batch), Int64(pixels), Int64(channels), attention, weight / Float(max(batch, 1)),
            student.baseAddress, teacher.baseAddress, gradient.baseAddress)
        }
      }
    }
    return (loss / Double(max(batch, 1)), gradient)
  }
}
