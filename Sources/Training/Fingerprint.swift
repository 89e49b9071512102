import Datasets
import Tensors

/// What training is made of, so that it goes on with the same things or not at all.
package struct Fingerprint: Codable, Hashable, Sendable {
  /// What must be the same: hashes of the model and the data, every key of the recipe.
  package var identity: [String: String]
  /// What the last bits of the result may depend on: threads, processor, versions.
  package var circumstances: [String: String]

  package init(identity: [String: String], circumstances: [String: String]) {
    self.identity = identity
    self.circumstances = circumstances
  }

  /// What differs between two lists, a line a key: `recipe epochs: 10 → 20`.
  package static func differences(_ old: [String: String], _ new: [String: String]) -> [String] {
    Set(old.keys).union(new.keys).sorted().compactMap { key in
      old[key] == new[key] ? nil : "\(key): \(old[key] ?? "nothing") → \(new[key] ?? "nothing")"
    }
  }
}

extension Dataset {
  /// A hash of the labels and the stored numbers of the images, as 16 hexadecimal digits.
  ///
  /// All images are looked at where they have at most 2²⁸ numbers together, else 4,096 of them, spread evenly.
  package var contentHash: String {
    var sum = Checksum()
    if let labels { labels.withUnsafeBytes { sum.add($0) } }
    let size = imageShape.count
    let isSmall = count <= (1 << 28) / max(size, 1)
    let looked = isSmall ? count : min(count, 4096)
    let pixels = PixelTransform(nil, channels: imageShape.rank == 0 ? 1 : imageShape[0])
    withUnsafeTemporaryAllocation(of: Float.self, capacity: size) { image in
      image.initialize(repeating: 0)
      for position in 0..<looked {
        copyImage(position * count / looked, placement: .identity, pixels: pixels, into: image)
        sum.add(UnsafeRawBufferPointer(image))
      }
    }
    return sum.value.hexadecimal
  }
}
