import CImages
import Foundation
import Tensors

/// How a decoded image becomes what a network takes: reduced until its shorter side is right, and its middle cut out.
///
/// What torchvision calls `Resize(size)` and `CenterCrop`: bilinear, over as many pixels as the reduction joins, each
/// rounded to a byte. Grey images for a colour network have three equal channels; colour ones for a grey network become
/// their luminance (ITU-R 601-2).
struct ImagePreparation: Hashable, Sendable {
  let channels: Int
  let height: Int
  let width: Int
  /// Of the whole image before the middle is cut out; nil takes the least that covers the middle.
  let shorterSide: Int?

  var imageShape: Shape { [channels, height, width] }
  /// How many bytes a prepared image has.
  var size: Int { channels * height * width }

  /// More pixels than any photograph has; a small file that promises more is there to fill the memory.
  static let mostPixels: Int64 = 1 << 27

  /// The preparation for a network's input.
  ///
  /// - Parameters:
  ///   - request: its `imageShape` is `[channels, height, width]`, `[features]` or nil; of the last two the
  ///     size follows from the image.
  ///   - first: an image of the dataset, as it is stored.
  init(_ request: DatasetRequest, first: ImageSize, path: String) throws(DatasetError) {
    shorterSide = request.resize
    if let wanted = request.imageShape, wanted.rank == 3 {
      (channels, height, width) = (wanted[0], wanted[1], wanted[2])
    } else {
      let area = first.height * first.width
      let isGrey = request.imageShape?.rank == 1 && request.imageShape?.count == area
      let isColour = request.imageShape?.rank == 1 && request.imageShape?.count == 3 * area
      channels = isGrey ? 1 : isColour ? 3 : first.channels
      (height, width) = (first.height, first.width)
    }
    guard channels == 1 || channels == 3, height > 0, width > 0, Shape.count(of: [channels, height, width]) != nil
    else {
      throw .imagesDoNotFit(path, [first.channels, first.height, first.width], wanted: [channels, height, width])
    }
    if let shorterSide, shorterSide < max(height, width) || shorterSide > 1 << 16 {
      throw .resize(path, shorterSide, wanted: [height, width])
    }
  }

  /// The size that an image has before its middle is cut out; nil where it is too long and thin for that.
  func resized(_ image: ImageSize) -> (width: Int, height: Int)? {
    let (w, h) = (image.width, image.height)
    // Each rounded down, as torchvision does; products of two numbers below 2³¹ fit.
    let size =
      if let side = shorterSide {
        w < h ? (side, side * h / w) : (side * w / h, side)
      } else if w * height >= h * width {
        (height * w / h, height)
      } else {
        (width, width * h / w)
      }
    return max(size.0, size.1) <= 1 << 24 ? size : nil
  }

  /// Decodes an image file and writes `[channels, height, width]` bytes; what is wrong with it, or nil.
  func write(_ path: String, into target: UnsafeMutablePointer<UInt8>) -> String? {
    var image = ci_image()
    defer { ci_release(&image) }
    if let problem = ImagePreparation.decode(path, &image) { return problem }
    guard let (resizedWidth, resizedHeight) = resized(ImageSize(image)) else {
      return "is too long and thin: \(image.width) x \(image.height)"
    }
    let failed = ci_prepare(
      &image, Int32(resizedWidth), Int32(resizedHeight), Self.start(resizedWidth - width),
      Self.start(resizedHeight - height), Int32(width), Int32(height), Int32(channels), target)
    return failed == 0 ? nil : "there is no memory for it"
  }

  /// Where the middle starts: half of what is too much, a half pixel to the even side.
  private static func start(_ rest: Int) -> Int32 { Int32((Double(rest) / 2).rounded(.toNearestOrEven)) }

  /// The size of an image file, or what is wrong with it.
  static func size(of path: String) -> Result<ImageSize, UnreadableImage> {
    var image = ci_image()
    defer { ci_release(&image) }
    if let problem = decode(path, &image) { return .failure(UnreadableImage(path: path, reason: problem)) }
    return .success(ImageSize(image))
  }

  private static func decode(_ path: String, _ image: inout ci_image) -> String? {
    let file: [UInt8]
    do { file = try FileBytes.read(path) } catch {
      let text = "\(error)"
      return text.hasPrefix(path + ": ") ? String(text.dropFirst(path.count + 2)) : text
    }
    return withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(ci_message_size)) { message in
      message[0] = 0
      guard ci_decode(file, file.count, mostPixels, &image, message.baseAddress) != 0 else { return nil }
      return String(cString: message.baseAddress!)
    }
  }
}

/// The sides of a stored image, and whether it has colours.
struct ImageSize: Hashable, Sendable {
  let channels: Int
  let height: Int
  let width: Int

  init(channels: Int, height: Int, width: Int) {
    self.channels = channels
    self.height = height
    self.width = width
  }

  fileprivate init(_ image: ci_image) {
    self.init(channels: Int(image.channels), height: Int(image.height), width: Int(image.width))
  }
}
