import Tensors

/// What a recipe or a network asks of a dataset: to be checked before the first batch, which traps where it is not so.
extension Dataset {
  /// Makes sure that every image has a label and every label is a class of the network.
  ///
  /// Throws `DatasetError.noLabels` or `.labelOutOfRange`.
  package func checkLabels(classCount: Int) throws(DatasetError) {
    guard let labels else { throw .noLabels(name) }
    for (index, label) in labels.enumerated() where label < 0 || Int(label) >= classCount {
      throw .labelOutOfRange(name, index: index, label: Int(label), classCount: classCount)
    }
  }

  /// Makes sure that the images have the shape that a network takes.
  ///
  /// - Parameter shape: without the batch: `[channels, height, width]` or `[features]`.
  package func checkImages(shape: Shape) throws(DatasetError) {
    guard imageShape == shape else {
      throw .imagesDoNotFit(name, imageShape.dimensions, wanted: shape.dimensions)
    }
  }

  /// Makes sure that a normalisation has one number or as many as there are channels, and divides by no zero.
  package func check(_ normalization: Normalization) throws(DatasetError) {
    let channels = imageShape[0]
    for (what, numbers) in [("means", normalization.mean), ("deviations", normalization.deviation)] {
      guard numbers.count == 1 || numbers.count == channels else {
        throw .normalization(name, "\(numbers.count) \(what); one is wanted, or one for each of \(channels) channels")
      }
      guard numbers.allSatisfy(\.isFinite) else { throw .normalization(name, "\(what) that are not finite") }
    }
    guard normalization.scale.isFinite else { throw .normalization(name, "a scale that is not finite") }
    guard !normalization.deviation.contains(0) else { throw .normalization(name, "a deviation of 0") }
  }

  /// Makes sure that the entries can be varied as an augmentation says.
  package func check(_ augmentation: Augmentation) throws(DatasetError) {
    for (what, pixels) in [("padding", augmentation.padding), ("cutout", augmentation.cutout)] {
      guard (0...1024).contains(pixels) else {
        throw .augmentation(name, "a \(what) of \(pixels) pixels; 0 to 1024 is wanted")
      }
    }
    guard (0...1_000_000).contains(augmentation.views) else {
      throw .augmentation(name, "\(augmentation.views) views of an image; 0 to 1000000 is wanted")
    }
    let strengths = [
      ("brightness", augmentation.brightness), ("contrast", augmentation.contrast),
      ("saturation", augmentation.saturation), ("mixup", augmentation.mixup),
    ]
    for (what, strength) in strengths where !(0...10).contains(strength) {
      throw .augmentation(name, "a \(what) of \(strength); 0 to 10 is wanted")
    }
    guard imageShape.rank == 3 || !augmentation.wantsImages else {
      throw .augmentation(name, "entries of shape \(imageShape) are no images that can be moved, mirrored or covered")
    }
  }
}
