import CImages
import Foundation
import Tensors

/// A number for the pixels of one image, which `write` writes in the order `[height, width, channels]` as they are
/// stored.
func pixelFingerprint(
  of imageShape: Shape, _ write: (UnsafeMutableBufferPointer<Float>, PixelTransform) -> Void
) -> UInt64 {
  let pixels = PixelTransform(nil, channels: imageShape.rank == 0 ? 1 : imageShape[0])
  return withUnsafeTemporaryAllocation(of: Float.self, capacity: imageShape.count) { image in
    write(image, pixels)
    return ci_hash(image.baseAddress, image.count * 4, 0)
  }
}

extension Dataset {
  /// By the numbers as they are stored, on all processors.
  package var fingerprints: [UInt64] {
    let part = 64
    return [UInt64](unsafeUninitializedCapacity: count) { target, filled in
      nonisolated(unsafe) let prints = target
      DispatchQueue.concurrentPerform(iterations: (count + part - 1) / part) { number in
        for index in number * part..<Swift.min((number + 1) * part, count) {
          let print = pixelFingerprint(of: imageShape) { image, pixels in
            copyImage(index, placement: .identity, pixels: pixels, into: image)
          }
          prints.initializeElement(at: index, to: print)
        }
      }
      filled = count
    }
  }

  /// One number for all images in their order, with their labels: it differs, but for chance, where the dataset does.
  package var fingerprint: UInt64 {
    let images = fingerprints.withUnsafeBytes { ci_hash($0.baseAddress, $0.count, UInt64(count)) }
    return (labels ?? []).withUnsafeBytes { ci_hash($0.baseAddress, $0.count, images ^ (labels == nil ? 0 : 1)) }
  }

  /// How many images of this dataset are, pixel by pixel, also images of another one.
  package func overlap(with other: any Dataset) -> Int {
    guard imageShape == other.imageShape else { return 0 }
    let theirs = Set(other.fingerprints)
    return fingerprints.count { theirs.contains($0) }
  }
}
