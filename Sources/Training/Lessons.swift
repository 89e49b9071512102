import Datasets
import Tensors

/// What a teacher answered on the images of training, so that it is asked once about each view of an image.
///
/// Where images come in a fixed number of views (`Augmentation.views`), an epoch shows views that an earlier one has
/// shown: after the first `views` epochs the teacher is silent, and a step costs what it costs without one. Answers of
/// a teacher that are kept for the views they belong to are what Shen and Xing call fast knowledge distillation, 2022,
/// https://arxiv.org/abs/2112.01528
///
/// Memory: views × images × (classes + 1) floats.
package struct Lessons: Sendable {
  /// The most numbers that are kept: 1 GiB of them. Beyond that, the teacher is asked every time.
  package static let largestCount = 1 << 28

  /// `[views, images, classes]`; zeros where nothing is known.
  private var answers: Tensor
  /// `[views, images]`: 1 where the answer is known, else 0.
  private var known: Tensor

  /// Nil where there is nothing to keep: views that never come again, images that are mixed with others, or too many.
  package init?(images: Int, classes: Int, augmentation: Augmentation) {
    let views = augmentation.views
    guard views > 0, augmentation.mixup == 0, images > 0, classes > 0,
      let count = Shape.count(of: [views, images, classes + 1]), count <= Self.largestCount
    else { return nil }
    answers = Tensor([views, images, classes], repeating: 0)
    known = Tensor([views, images], repeating: 0)
  }

  /// What the teacher says to a batch: `[batch, classes]`. It is asked about the images whose answers are not known.
  ///
  /// - Parameters:
  ///   - images: `[batch, …]`, views of the images of these indices.
  ///   - teacher: answers images: `[batch, …]` to `[batch, classes]`.
  package mutating func answers(
    to images: Tensor, of indices: [Int], epoch: Int, asking teacher: (Tensor) -> Tensor
  ) -> Tensor {
    let (views, count, classes) = (answers.shape[0], answers.shape[1], answers.shape[2])
    let places = indices.map { epoch % views * count + $0 }
    let unknown = known.withUnsafeFloats { known in places.indices.filter { known[places[$0]] == 0 } }
    if !unknown.isEmpty {
      let found = teacher(unknown.count == indices.count ? images : images.rows(unknown))
      found.withUnsafeFloats { source in
        answers.withUnsafeMutableFloats { target in
          for (row, position) in unknown.enumerated() {
            for column in 0..<classes { target[places[position] * classes + column] = source[row * classes + column] }
          }
        }
      }
      known.withUnsafeMutableFloats { known in for position in unknown { known[places[position]] = 1 } }
    }
    return Tensor([indices.count, classes]) { target in
      answers.withUnsafeFloats { source in
        for (row, place) in places.enumerated() {
          for column in 0..<classes { target[row * classes + column] = source[place * classes + column] }
        }
      }
    }
  }

  /// What a checkpoint keeps: asked a second time, in other batches, a teacher may round differently.
  package var tensors: [(name: String, value: Tensor)] { [("lessons/answers", answers), ("lessons/known", known)] }

  /// Takes over what `tensors` gave, and takes it out of the state.
  ///
  /// - Returns: what does not fit, in words: nothing is changed then.
  package mutating func restore(_ tensors: inout [String: Tensor]) -> [String] {
    var problems: [String] = []
    for (name, value) in self.tensors {
      guard let found = tensors[name] else { problems.append("'\(name)' is missing"); continue }
      if found.shape != value.shape { problems.append("'\(name)' is \(found.shape), not \(value.shape)") }
      if !found.isFinite { problems.append("'\(name)' holds what is no number") }
    }
    guard problems.isEmpty else { return problems }
    answers = tensors.removeValue(forKey: "lessons/answers")!
    known = tensors.removeValue(forKey: "lessons/known")!
    return []
  }
}

extension Tensor {
  /// Some of the entries along the first axis, in the same layout.
  fileprivate func rows(_ rows: [Int]) -> Tensor {
    let size = count / max(shape[0], 1)
    return Tensor(shape.withBatch(rows.count), layout: layout) { target in
      withUnsafeFloats { source in
        for (position, row) in rows.enumerated() {
          let place = UnsafeMutableBufferPointer(rebasing: target[position * size..<(position + 1) * size])
          _ = place.initialize(fromContentsOf: source[row * size..<(row + 1) * size])
        }
      }
    }
  }
}
