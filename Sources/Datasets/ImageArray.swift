import Tensors

/// A dataset that lies in memory: what every reader here makes of its files.
package struct ImageArray: Dataset {
  /// The numbers of all images, one image after another, each channel by channel: `[count, channels, height, width]`.
  package enum Pixels: Sendable {
    case bytes([UInt8])
    case floats([Float])

    package var count: Int {
      switch self {
      case .bytes(let bytes): bytes.count
      case .floats(let floats): floats.count
      }
    }
  }

  package let name: String
  package let count: Int
  package let imageShape: Shape
  package let classCount: Int?
  package let labels: [Int32]?
  package let pixels: Pixels
  package var largestPixel: Float? { if case .bytes = pixels { 255 } else { nil } }

  /// - Precondition: the images have at least one element each; there are whole images, and one label each or none.
  package init(name: String, imageShape: Shape, pixels: Pixels, labels: [Int32]?, classCount: Int? = nil) {
    precondition(imageShape.count > 0 && (imageShape.rank == 1 || imageShape.rank == 3), "images \(imageShape)")
    precondition(pixels.count % imageShape.count == 0, "\(pixels.count) numbers are no whole images \(imageShape)")
    self.name = name
    self.imageShape = imageShape
    self.pixels = pixels
    self.labels = labels
    self.classCount = classCount
    count = pixels.count / imageShape.count
    precondition(labels == nil || labels?.count == count, "a label for each image")
  }

  package func copyImage(
    _ index: Int, placement: Placement, pixels transform: PixelTransform,
    into target: UnsafeMutableBufferPointer<Float>
  ) {
    let size = imageShape.count
    precondition(index >= 0 && index < count && target.count == size, "image \(index) of \(count)")
    precondition(transform.channels == imageShape[0], "the transform is for \(transform.channels) channels")
    let window = Window(imageShape, placement)
    switch pixels {
    case .bytes(let bytes):
      bytes.withUnsafeBufferPointer { bytes in
        window.copy(bytes.baseAddress! + index * size, with: transform, to: target.baseAddress!)
      }
    case .floats(let floats):
      floats.withUnsafeBufferPointer { floats in
        let image = floats.baseAddress! + index * size
        for channel in 0..<window.channels {
          let zero = transform.apply(to: 0, channel: channel)
          if let (scale, mean, deviation) = transform.constants(channel: channel) {
            window.copy(channel, of: image, to: target.baseAddress!, zero: zero) { ($0 * scale - mean) / deviation }
          } else {
            window.copy(channel, of: image, to: target.baseAddress!, zero: zero) { $0 }
          }
        }
      }
    }
  }
}

/// The loop that cuts a window out of a planar image and writes it with the channels last.
struct Window {
  let channels: Int
  let height: Int
  let width: Int
  let placement: Placement

  /// - Parameter imageShape: `[channels, height, width]` or `[features]`.
  init(_ imageShape: Shape, _ placement: Placement) {
    channels = imageShape[0]
    (height, width) = imageShape.rank == 3 ? (imageShape[1], imageShape[2]) : (1, 1)
    self.placement = placement
  }

  /// Copies all channels of an image of bytes.
  func copy(_ image: UnsafePointer<UInt8>, with transform: PixelTransform, to target: UnsafeMutablePointer<Float>) {
    transform.table.withUnsafeBufferPointer { table in
      for channel in 0..<channels {
        let values = table.baseAddress! + 256 * channel
        copy(channel, of: image, to: target, zero: values[0]) { values[Int($0)] }
      }
    }
  }

  /// Copies one channel, `zero` where the window leaves the image.
  @inline(__always)
  func copy<Pixel>(
    _ channel: Int, of image: UnsafePointer<Pixel>, to target: UnsafeMutablePointer<Float>, zero: Float,
    value: (Pixel) -> Float
  ) {
    let first = min(max(0, -placement.left), width)
    let last = max(min(width, width - placement.left), first)
    // A mirrored row is written from its right end.
    let step = placement.isFlipped ? -channels : channels
    let start = placement.isFlipped ? (width - 1) * channels : 0
    for y in 0..<height {
      let row = target + y * width * channels + start + channel
      let sourceY = y + placement.top
      guard sourceY >= 0 && sourceY < height else {
        for x in 0..<width { row[x * step] = zero }
        continue
      }
      // Kept as a number: a pointer before the first row must not be formed.
      let source = (channel * height + sourceY) * width + placement.left
      for x in 0..<first { row[x * step] = zero }
      for x in first..<last { row[x * step] = value(image[source + x]) }
      for x in last..<width { row[x * step] = zero }
    }
  }
}
