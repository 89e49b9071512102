import Tensors

/// How the axes of an array of images are meant.
///
/// `[count, features]`, `[count, height, width]`, or four axes: the channels are last where the last axis is 1, 3 or 4
/// and the second is not, else they come second.
struct ImageLayout: Equatable {
  let count: Int
  /// `[channels, height, width]` or `[features]`.
  let imageShape: Shape
  /// Whether the channels of an image run fastest in the array.
  let isChannelsLast: Bool

  /// Throws where the axes are of another number, or one of them is 0.
  init(of dimensions: [Int], at path: String) throws(DatasetError) {
    guard (2...4).contains(dimensions.count) else { throw .imageShape(path, dimensions) }
    guard dimensions[0] > 0 else { throw .empty(path) }
    guard !dimensions.contains(0) else { throw .imageShape(path, dimensions) }
    count = dimensions[0]
    let rest = Array(dimensions.dropFirst())
    switch rest.count {
    case 1:
      (imageShape, isChannelsLast) = (Shape(rest), false)
    case 2:
      (imageShape, isChannelsLast) = (Shape([1] + rest), false)
    default:
      let few = [1, 3, 4]
      isChannelsLast = few.contains(rest[2]) && !few.contains(rest[0])
      imageShape = isChannelsLast ? [rest[2], rest[0], rest[1]] : Shape(rest)
    }
  }

  /// The numbers of all images with each channel for itself.
  func planar<Number>(_ numbers: [Number]) -> [Number] {
    guard isChannelsLast && imageShape[0] > 1 else { return numbers }
    let (channels, area) = (imageShape[0], imageShape[1] * imageShape[2])
    return [Number](unsafeUninitializedCapacity: numbers.count) { target, filled in
      numbers.withUnsafeBufferPointer { source in
        var place = target.baseAddress!
        for image in 0..<count {
          for channel in 0..<channels {
            for pixel in 0..<area {
              place.initialize(to: source[(image * area + pixel) * channels + channel])
              place += 1
            }
          }
        }
      }
      filled = numbers.count
    }
  }
}
